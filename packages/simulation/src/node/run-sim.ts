import { hasCode, isSteadError } from '@stead/core'
import type { SimulationError } from '../errors.ts'
import { PROFILES } from '../faults/profiles.ts'
import { faultNames } from '../plan/fault-names.ts'
import { commandOf, type WorldPlan } from '../plan/world-plan.ts'
import {
  brokenText,
  failureText,
  interruptedLine,
  progressLine,
  shortFailureText,
  shrinkLine,
  sweepLine,
  verdictLine,
} from '../report/report-text.ts'
import type { PlayedWorld } from '../sweep/played-world.ts'
import { type ShrinkResult, shrink } from '../sweep/shrink.ts'
import { nothingPlayed, type SweepResult, sweep } from '../sweep/sweep.ts'
import { parseCommandLine, SIM_HELP, type SimCommand } from './command-line.ts'

/** What the command stands on. */
export interface SimComponents {
  /** Plays one world. @param stallMsMax how long it may take no step, in real milliseconds */
  readonly play: (plan: WorldPlan, stallMsMax: number) => Promise<PlayedWorld>
  /** Standard output, and what is not its content. */
  readonly print: (text: string) => void
  readonly note: (text: string) => void
  /** Where a sweep shows how far it is, in a line in place of the last. */
  readonly progress?: (line: string) => void
  /** A seed for who names none. */
  readonly chance: () => number
}

/** Failures of a sweep that are told at length. */
const TOLD_MAX = 3
const EXIT_OK = 0
const EXIT_VIOLATION = 1
const EXIT_BAD_ARGUMENTS = 2
const EXIT_STALLED = 3

/** `npm run sim`: one command, from its arguments to its exit code. */
export class SimRun {
  readonly #components: SimComponents
  #command: SimCommand | undefined
  #present: WorldPlan | undefined
  #swept: SweepResult | undefined
  #shrunk: ShrinkResult | undefined
  #stalled: SimulationError | undefined
  readonly #shown: PlayedWorld[] = []

  constructor(components: SimComponents) {
    this.#components = components
  }

  /** Tells what was found until now, when the process has to end before the command does. */
  interrupt(why: string): void {
    this.#components.note(`${interruptedLine(this.#present, why)}\n`)
    this.#tellUntilNow('interrupted')
  }

  /** @returns the exit code: 0, 1 when a rule was broken, 2 when the arguments are wrong, 3 when a world hangs */
  async run(args: readonly string[]): Promise<number> {
    const { chance, note, print } = this.#components
    let command: SimCommand
    try {
      command = parseCommandLine(args, chance)
    } catch (error) {
      if (!isSteadError(error)) throw error
      note(`${error.message}; npm run sim -- --help tells of all\n`)
      return EXIT_BAD_ARGUMENTS
    }
    if (command.printsHelp) {
      print(SIM_HELP)
      return EXIT_OK
    }
    try {
      return await this.#play(command)
    } catch (error) {
      if (hasCode(error, 'SIMULATION_STALLED')) return this.#tellStalled(error)
      this.interrupt('an error of the simulator ended it')
      throw error
    }
  }

  async #play(command: SimCommand): Promise<number> {
    this.#command = command
    this.#swept = nothingPlayed(command.plans)
    for (const line of vainLines(command)) this.#components.note(`${line}\n`)
    const result = await this.#sweep(command)
    if (command.isSweep) this.#say(sweepLine(result))
    const [first] = result.failed
    if (command.shrinks && first !== undefined) await this.#shrink(first, command.shrinkMsMax)
    if (command.shrinks && first === undefined) this.#say('nothing failed, so there is nothing for --shrink')
    this.#tellShrunk()
    this.#tellDocument()
    if (result.played === 0) this.#components.note('no world was played: there was no time for one\n')
    if (first !== undefined) return EXIT_VIOLATION
    return result.played === 0 ? EXIT_BAD_ARGUMENTS : EXIT_OK
  }

  async #sweep({ plans, isSweep, timeMsMax }: SimCommand): Promise<SweepResult> {
    let told = 0
    const startMs = performance.now()
    const onPlayed = (played: PlayedWorld, soFar: SweepResult): void => {
      this.#swept = soFar
      const isFailed = played.verdict.violations.length > 0
      if (!isSweep || isFailed) {
        this.#shown.push(played)
        this.#say(verdictLine(played))
      }
      if (isFailed) this.#say(told++ < TOLD_MAX ? failureText(played) : shortFailureText(played))
      if (isSweep && soFar.left > 0) this.#components.progress?.(progressLine(soFar, performance.now() - startMs))
    }
    this.#swept = await sweep(plans, this.#playOne, { isOver: isOverAfter(timeMsMax), onPlayed })
    return this.#swept
  }

  async #shrink(first: PlayedWorld, timeMsMax: number): Promise<void> {
    let smallest = first
    const onTried = (soFar: ShrinkResult): void => {
      this.#shrunk = soFar
      if (soFar.smallest !== smallest) this.#say(verdictLine(soFar.smallest))
      smallest = soFar.smallest
    }
    this.#shrunk = await shrink(first, this.#playOne, { isOver: isOverAfter(timeMsMax), onTried })
  }

  readonly #playOne = (plan: WorldPlan): Promise<PlayedWorld> => {
    this.#present = plan
    return this.#components.play(plan, this.#command?.stallMsMax ?? Number.POSITIVE_INFINITY)
  }

  #tellStalled(error: SimulationError): number {
    this.#components.note(`${error.message}\n`)
    this.#stalled = error
    this.#tellUntilNow('stalled')
    return EXIT_STALLED
  }

  #tellUntilNow(ended: SweepResult['ended']): void {
    if (this.#swept !== undefined && this.#swept.left > 0) this.#swept = { ...this.#swept, ended }
    if (this.#command?.isSweep === true && this.#swept !== undefined) this.#say(sweepLine(this.#swept))
    this.#tellShrunk()
    this.#tellDocument()
  }

  #say(line: string): void {
    if (this.#command?.printsJson !== true) this.#components.print(`${line}\n`)
  }

  #tellShrunk(): void {
    if (this.#shrunk === undefined) return
    const { smallest } = this.#shrunk
    // What failed first was told at length when it did.
    if (smallest !== this.#swept?.failed[0]) this.#say(brokenText(smallest.verdict))
    this.#say(shrinkLine(this.#shrunk))
  }

  #tellDocument(): void {
    if (this.#command?.printsJson !== true || this.#swept === undefined) return
    const document = documentOf(this.#swept, { shown: this.#shown, shrunk: this.#shrunk, stalled: this.#stalled })
    this.#components.print(`${JSON.stringify(document, null, 2)}\n`)
  }
}

/** A line for each option that changes nothing. */
function vainLines({ plans }: SimCommand): readonly string[] {
  const [plan] = plans
  if (plan === undefined) return []
  const had = faultNames(PROFILES[plan.profile])
  const vain = plan.without.filter((name) => !had.includes(name))
  return vain.length === 0
    ? []
    : [`--without ${vain.join(',')} changes nothing: --faults ${plan.profile} has no such fault`]
}

function isOverAfter(timeMsMax: number): () => boolean {
  const untilMs = performance.now() + timeMsMax
  return () => performance.now() >= untilMs
}

/** What `--json` prints: the worlds are the one that was asked for, or those of a sweep that failed. */
function documentOf(
  result: SweepResult,
  found: {
    readonly shown: readonly PlayedWorld[]
    readonly shrunk: ShrinkResult | undefined
    readonly stalled: SimulationError | undefined
  },
): object {
  const { shown, shrunk, stalled } = found
  const smallest =
    shrunk === undefined ? {} : { shrunk: { tried: shrunk.tried, isDone: shrunk.isDone, ...jsonOf(shrunk.smallest) } }
  const hanging =
    stalled === undefined ? {} : { stalled: { code: stalled.code, message: stalled.message, ...stalled.details } }
  const tallies = Object.fromEntries(
    Object.entries(result.tallies).map(([name, tallied]: readonly [string, ReadonlyMap<string, unknown>]) => [
      name,
      Object.fromEntries(tallied),
    ]),
  )
  return { ...result, failed: result.failed.length, tallies, worlds: shown.map(jsonOf), ...smallest, ...hanging }
}

/** The plan says what the options were. */
function jsonOf({ plan, verdict, cpuMs, wallMs }: PlayedWorld): object {
  const { options: _, faults, cheats, looks, ...rest } = verdict
  const felt = {
    faults: Object.fromEntries(faults),
    cheats: Object.fromEntries(cheats),
    looks: Object.fromEntries(looks),
  }
  return { command: commandOf(plan), plan, ...rest, ...felt, cpuMs, wallMs }
}
