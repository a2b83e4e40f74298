import { Trace } from '../engine/trace.ts'
import type { WorldPlan } from '../plan/world-plan.ts'
import type { PlayedWorld, PlayPlan } from './played-world.ts'

/** What a sweep came to. */
export interface SweepResult {
  readonly played: number
  /** Of all worlds together: equal for equal sweeps. */
  readonly traceHash: string
  readonly failed: readonly PlayedWorld[]
  readonly simulatedMs: number
  readonly wallMs: number
  readonly cpuMs: number
  /** Plans that time did not suffice for. */
  readonly left: number
}

/** What a sweep may be told. */
export interface SweepOptions {
  /** Asked before each world; true ends the sweep. */
  readonly isOver?: () => boolean
  /** Told of each world. */
  readonly onPlayed?: (played: PlayedWorld) => void
  /** Failures that are kept; with more, the sweep has said what it can. @default 100 */
  readonly failuresMax?: number
}

/** Plays plans one after the other. A world that fails does not end the sweep: the next seed may say more. */
export async function sweep(
  plans: readonly WorldPlan[],
  play: PlayPlan,
  { isOver, onPlayed, failuresMax = 100 }: SweepOptions = {},
): Promise<SweepResult> {
  const failed: PlayedWorld[] = []
  const trace = new Trace()
  let [played, simulatedMs, wallMs, cpuMs] = [0, 0, 0, 0]
  for (const plan of plans) {
    if (failed.length >= failuresMax || isOver?.() === true) break
    const world = await play(plan)
    played++
    trace.tell(plan.seed, undefined, world.verdict.traceHash)
    simulatedMs += world.verdict.simulatedMs
    wallMs += world.wallMs
    cpuMs += world.cpuMs
    if (world.verdict.violations.length > 0) failed.push(world)
    onPlayed?.(world)
  }
  return { played, traceHash: trace.hash, failed, simulatedMs, wallMs, cpuMs, left: plans.length - played }
}
