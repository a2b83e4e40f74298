import type { WorldPlan } from '../plan/world-plan.ts'
import type { WorldVerdict } from '../run-world.ts'

/** A plan, what became of it, and what it took. */
export interface PlayedWorld {
  readonly plan: WorldPlan
  readonly verdict: WorldVerdict
  readonly wallMs: number
  /** Of this process, the part of a run that other processes on the machine do not change. */
  readonly cpuMs: number
  /** The part of it that went by until the last fault ended. */
  readonly faultsCpuMs: number
}

/** Plays one plan to its end. */
export type PlayPlan = (plan: WorldPlan) => Promise<PlayedWorld>

/** Rules that were broken, in the order in which they were found. */
export function brokenRules({ verdict }: PlayedWorld): readonly string[] {
  return verdict.violations.map(({ rule }) => rule)
}
