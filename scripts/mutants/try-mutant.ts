import { isSteadError } from '@stead/core'
import type { WorldVerdict } from '@stead/simulation'
// By their files: the entry of the package would load all that worlds are made of, which each thread loads by itself.
import { SimulationError } from '../../packages/simulation/src/errors.ts'
import { WatchedThread } from '../../packages/simulation/src/node/watched-thread.ts'
import { cutAtWord } from '../../packages/simulation/src/report/cut-at-word.ts'
import type { Mutant } from './mutant.ts'

/** What a world with a fault in it came to. */
type Broken = Pick<WorldVerdict, 'violations' | 'story'>

/** What became of a mutant. */
export interface TriedMutant {
  /** One line of the table. */
  readonly text: string
  /** The world in which the fault was noticed; undefined when none was. */
  readonly caught: Broken | undefined
}

/** Real time without a step of its world after which a mutant counts as one that hangs. */
const STALL_MS_MAX = 60_000
/** Characters of what a rule says that fit into a line of the table. */
const WHAT_LENGTH_MAX = 120

/** Those that play worlds now. */
const threads: Set<WatchedThread<number, Broken>> = new Set()

/** Has all worlds that are played now stand still for good, so that the process can end. */
export async function holdMutants(): Promise<void> {
  await Promise.all(Array.from(threads, (thread) => thread.hold()))
}

/** Plays one world after the other, with seeds from 1, until the mutant's rule is broken. */
export async function tryMutant(mutant: Mutant, seedsMax: number): Promise<TriedMutant> {
  const { name, rule, profile } = mutant
  const thread = new WatchedThread<number, Broken>(new URL('./mutant-thread.ts', import.meta.url), {
    data: name,
  })
  threads.add(thread)
  const startMs = performance.now()
  const line = (verdict: string, rest: string): string =>
    `${verdict.padEnd(9)} ${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${rest}`
  const others = new Set<string>()
  let seed = 0
  const stalled = (why: string): Error =>
    new SimulationError('SIMULATION_STALLED', `the world of seed ${seed} of ${profile} ${why}`)
  try {
    while (seed < seedsMax) {
      seed++
      const broken = await thread.ask(seed, { stallMsMax: STALL_MS_MAX, stalled })
      for (const violation of broken.violations) others.add(violation.rule)
      const found = broken.violations.find((violation) => violation.rule === rule)
      if (found === undefined) continue
      const where = `${rule} at seed ${seed} of ${profile}`
      const text = line('caught', `${name.padEnd(25)} ${where.padEnd(40)} ${cutAtWord(found.what, WHAT_LENGTH_MAX)}`)
      return { text, caught: broken }
    }
  } catch (error) {
    const what = !isSteadError(error) && error instanceof Error ? error.stack : String(error)
    return { text: line('FAILED', `${name}: ${what}`), caught: undefined }
  } finally {
    await thread.end()
    threads.delete(thread)
  }
  const noticed = others.size === 0 ? 'no rule noticed' : `only ${[...others].join(', ')} noticed`
  return { text: line('SURVIVED', `${name}: ${mutant.what} (${noticed})`), caught: undefined }
}
