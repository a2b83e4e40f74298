import { isSteadError } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import { commandOf, type WorldPlan } from '../plan/world-plan.ts'
import {
  failureText,
  interruptedLine,
  shortFailureText,
  shrinkLine,
  sweepLine,
  verdictLine,
} from '../report/report-text.ts'
import type { PlayedWorld } from '../sweep/played-world.ts'
import { type ShrinkResult, shrink } from '../sweep/shrink.ts'
import { type SweepResult, sweep } from '../sweep/sweep.ts'
import { parseCommandLine, SIM_HELP, type SimCommand } from './command-line.ts'
import { playPlan } from './play-plan.ts'

/** What the command stands on. */
export interface SimComponents {
  readonly secp256k1: Secp256k1
  /** Standard output, and what is not its content. */
  readonly print: (text: string) => void
  readonly note: (text: string) => void
  /** A seed for who names none. */
  readonly chance: () => number
}

/** Failures of a sweep that are told at length. */
const TOLD_MAX = 3
const EXIT_OK = 0
const EXIT_VIOLATION = 1
const EXIT_BAD_ARGUMENTS = 2

/** `npm run sim`: one command, from its arguments to its exit code. */
export class SimRun {
  readonly #components: SimComponents
  #present: WorldPlan | undefined

  constructor(components: SimComponents) {
    this.#components = components
  }

  /** What to say when the process has to end before the command does. */
  interrupted(why: string): string {
    return interruptedLine(this.#present, why)
  }

  /** @returns the exit code: 0, 1 when a rule was broken, 2 when the arguments are wrong */
  async run(args: readonly string[]): Promise<number> {
    const { chance, note, print } = this.#components
    let command: SimCommand
    try {
      command = parseCommandLine(args, chance)
    } catch (error) {
      if (!isSteadError(error)) throw error
      note(`${error.message}\n`)
      return EXIT_BAD_ARGUMENTS
    }
    if (command.printsHelp) {
      print(SIM_HELP)
      return EXIT_OK
    }
    return await this.#play(command)
  }

  async #play(command: SimCommand): Promise<number> {
    const say = command.printsJson ? () => undefined : (line: string) => this.#components.print(`${line}\n`)
    const untilMs = performance.now() + command.timeMsMax
    const isOver = (): boolean => performance.now() >= untilMs
    const shown: PlayedWorld[] = []
    let told = 0
    const onPlayed = (played: PlayedWorld): void => {
      const isFailed = played.verdict.violations.length > 0
      if (!command.isSweep || isFailed) shown.push(played)
      if (!command.isSweep || isFailed) say(verdictLine(played))
      if (isFailed && told++ < TOLD_MAX) say(failureText(played))
      else if (isFailed) say(shortFailureText(played))
    }
    const play = (plan: WorldPlan): Promise<PlayedWorld> => {
      this.#present = plan
      return playPlan(this.#components.secp256k1, plan)
    }
    const result = await sweep(command.plans, play, { isOver, onPlayed })
    if (command.isSweep) say(sweepLine(result))
    const [first] = result.failed
    const onSmaller = (played: PlayedWorld): void => say(verdictLine(played))
    const shrunk = command.shrinks && first !== undefined ? await shrink(first, play, { onSmaller }) : undefined
    if (shrunk !== undefined) say(`${failureText(shrunk.smallest)}\n${shrinkLine(shrunk)}`)
    if (command.printsJson) this.#components.print(`${JSON.stringify(documentOf(result, shown, shrunk), null, 2)}\n`)
    if (result.played === 0) this.#components.note('no world was played: there was no time for one\n')
    if (first !== undefined) return EXIT_VIOLATION
    return result.played === 0 ? EXIT_BAD_ARGUMENTS : EXIT_OK
  }
}

/** What `--json` prints: the worlds are the one that was asked for, or those of a sweep that failed. */
function documentOf(result: SweepResult, shown: readonly PlayedWorld[], shrunk: ShrinkResult | undefined): object {
  const smallest = shrunk === undefined ? {} : { shrunk: { tried: shrunk.tried, ...jsonOf(shrunk.smallest) } }
  return { ...result, failed: result.failed.length, worlds: shown.map(jsonOf), ...smallest }
}

/** The plan says what the options were. */
function jsonOf({ plan, verdict: { options: _, ...verdict }, cpuMs, wallMs }: PlayedWorld): object {
  return { command: commandOf(plan), plan, ...verdict, cpuMs, wallMs }
}
