import type { SegmentProfile } from '@stead/storage'
import type { NodeKind } from './node-kinds.ts'

/** Nodes that are away for a while together, or for good. */
export interface Outage {
  readonly atDay: number
  /** Infinite when they never come back. */
  readonly hours: number
  /** Whom it hits: one region, or a share of all nodes by lot. */
  readonly hits: { readonly region: number } | { readonly share: number }
}

/** How often a payer's daemon runs. */
export interface PayerHabits {
  /** 0 .. 24 hours of each day, at about the same time of the day. */
  readonly hoursPerDay: number
  /** 0 .. 1: days on which it does not run at all. */
  readonly skippedDayShare: number
  /** A holiday, in which it does not run. */
  readonly holiday?: { readonly atDay: number; readonly days: number }
}

/** One year, or less, of one network. */
export interface ChurnOptions {
  readonly seed: number
  readonly days: number
  /** Minutes between looks; the code looks every five. 1 .. 60 */
  readonly stepMinutes: number
  /** Nodes at any time: whoever leaves is followed by another one. */
  readonly nodes: number
  readonly kinds: readonly NodeKind[]
  /** 0 .. 1 of all nodes that leave for good in 30 days. */
  readonly departuresPerMonth: number
  /** 0 .. 1 of all nodes that lose their disk in 30 days, and go on with another one. */
  readonly diskLossesPerMonth: number
  readonly outages: readonly Outage[]
  readonly profile: SegmentProfile
  readonly payers: number
  /** Segments of each payer that are followed; they stand for all that it stores. */
  readonly segmentsPerPayer: number
  readonly storedBytesPerPayer: number
  readonly habits: PayerHabits
  readonly payerUpBytesPerSecond: number
  readonly payerDownBytesPerSecond: number
  /** What one node gives one payer for a repair. */
  readonly nodeUpBytesPerSecond: number
}

/** Places that fail together: providers or countries, each with its own time of day. */
export const REGIONS = 10
