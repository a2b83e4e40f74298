import type { Fuel } from '@stead/core'
import { STRICT_FUEL_FACTOR } from '@stead/sandbox/facts'
import type { ComputeTerms } from '../terms.ts'
import type { JobEventBody } from './job-event.ts'
import type { TaskEntry } from './job-ledger.ts'
import { strictPlanOf } from './job-plan.ts'

/** Strict code takes 1.0 to 2 times as long as raw code. */
const STRICT_TIME_FACTOR = 3

/** What a task may use with strict floats. */
export interface StrictLimits {
  readonly fuelMax: Fuel
  readonly timeMs: number
}

/**
 * The limits for asking a task again with strict floats: never less than its own, more where what the raw answers took
 * shows that strict code could meet them, and never more than the terms of the nodes allow.
 */
export function strictLimitsOf(task: TaskEntry, terms: readonly ComputeTerms[]): StrictLimits {
  const { fuelMax, timeMs } = task.plan
  let most = 0n
  for (const { record } of task.answers) if (record.fuel > most) most = record.fuel
  let fuel: bigint = most * BigInt(STRICT_FUEL_FACTOR)
  for (const { fuelMax: allowed } of terms) if (allowed < fuel) fuel = allowed
  const time = Math.min(timeMs * STRICT_TIME_FACTOR, ...terms.map((each) => each.timeMsMax))
  return { fuelMax: fuel > fuelMax ? (fuel as Fuel) : fuelMax, timeMs: Math.max(time, timeMs) }
}

/** The fact that a task is asked again, as the job's journal has it. */
export function strictEventOf(task: TaskEntry, limits: StrictLimits): JobEventBody & { readonly type: 'strict' } {
  return {
    type: 'strict',
    task: task.plan.key,
    nodes: [...new Set(task.answers.map(({ node }) => node))],
    strictTask: strictPlanOf(task.plan, limits).id,
    fuelMax: limits.fuelMax.toString(),
    timeMs: limits.timeMs,
  }
}
