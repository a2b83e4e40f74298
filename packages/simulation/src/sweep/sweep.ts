import { Trace } from '../engine/trace.ts'
import type { WorldPlan } from '../plan/world-plan.ts'
import type { PlayedWorld, PlayPlan } from './played-world.ts'
import { type Tallies, TallyBook } from './tallies.ts'

/** Failures after which a sweep ends. */
export const FAILURES_MAX = 100

/** What a sweep came to. */
export interface SweepResult {
  readonly played: number
  /** Of the trace hashes of all worlds together: equal for equal sweeps. */
  readonly sweepHash: string
  readonly failed: readonly PlayedWorld[]
  readonly tallies: Tallies
  readonly simulatedMs: number
  readonly wallMs: number
  readonly cpuMs: number
  /** Plans that were not played. */
  readonly left: number
  /**
   * Why the sweep ended: all were played, who asked had no more time, more failures would say nothing new, a signal
   * ended it, or a world hung.
   */
  readonly ended: 'all' | 'time' | 'failures' | 'interrupted' | 'stalled'
}

/** What a sweep may be told. */
export interface SweepOptions {
  /** Asked before each world; true ends the sweep. */
  readonly isOver?: () => boolean
  /** Told of each world, and of what the sweep would have come to if it had ended there. */
  readonly onPlayed?: (played: PlayedWorld, soFar: SweepResult) => void
  /** Failures that are kept; with more, the sweep has said what it can. @default {@link FAILURES_MAX} */
  readonly failuresMax?: number
}

/** A sweep that has not played anything yet. */
export function nothingPlayed(plans: readonly WorldPlan[]): SweepResult {
  const none = { played: 0, simulatedMs: 0, wallMs: 0, cpuMs: 0 }
  const { tallies } = new TallyBook()
  return { ...none, sweepHash: new Trace().hash, failed: [], tallies, left: plans.length, ended: 'time' }
}

/** Plays plans one after the other. A world that fails does not end the sweep: the next seed may say more. */
export async function sweep(
  plans: readonly WorldPlan[],
  play: PlayPlan,
  { isOver, onPlayed, failuresMax = FAILURES_MAX }: SweepOptions = {},
): Promise<SweepResult> {
  const failed: PlayedWorld[] = []
  const trace = new Trace()
  const book = new TallyBook()
  let [played, simulatedMs, wallMs, cpuMs] = [0, 0, 0, 0]
  const result = (ended: SweepResult['ended']): SweepResult => {
    const left = plans.length - played
    const { tallies } = book
    return { played, sweepHash: trace.hash, failed: [...failed], tallies, simulatedMs, wallMs, cpuMs, left, ended }
  }
  for (const plan of plans) {
    if (failed.length >= failuresMax) return result('failures')
    if (isOver?.() === true) return result('time')
    const world = await play(plan)
    played++
    book.add(world)
    trace.note(plan.seed, undefined, world.verdict.traceHash)
    simulatedMs += world.verdict.simulatedMs
    wallMs += world.wallMs
    cpuMs += world.cpuMs
    if (world.verdict.violations.length > 0) failed.push(world)
    onPlayed?.(world, result('time'))
  }
  return result('all')
}
