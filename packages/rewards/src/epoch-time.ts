import type { EpochTerms, UnixMs } from '@stead/core'
import { type EpochNumber, epochNumber } from './units.ts'

/** When epochs are: constants of the deployed contracts, in seconds of chain time. */
export interface EpochCalendar {
  /** Chain time at which epoch 0 begins. */
  readonly genesisSeconds: number
  /** Length of every epoch, above 0. */
  readonly epochSeconds: number
}

/** The calendar that the contracts have; the chain counts whole seconds. */
export function calendarOf({ genesisAt, epochSeconds }: EpochTerms): EpochCalendar {
  return { genesisSeconds: Math.floor(genesisAt / 1000), epochSeconds }
}

/** A span of chain time, the end excluded. */
export interface EpochSpan {
  readonly beginsAtSeconds: number
  readonly endsAtSeconds: number
}

/** The epoch that a block's time lies in. @throws RangeError before epoch 0 */
export function epochAt(calendar: EpochCalendar, timeSeconds: number): EpochNumber {
  return epochNumber(Math.floor((timeSeconds - calendar.genesisSeconds) / calendar.epochSeconds))
}

/** When an epoch begins and ends. */
export function epochSpan(calendar: EpochCalendar, epoch: EpochNumber): EpochSpan {
  const beginsAtSeconds = calendar.genesisSeconds + epoch * calendar.epochSeconds
  return { beginsAtSeconds, endsAtSeconds: beginsAtSeconds + calendar.epochSeconds }
}

/**
 * The window in which a prober sends probe `index` of `count`: the epoch cut into equal parts. When inside it is the
 * prober's own secret, so that being there at known moments does not help.
 */
export function probeWindow(
  span: EpochSpan,
  index: number,
  count: number,
): { readonly from: UnixMs; readonly until: UnixMs } {
  const lengthMs = (span.endsAtSeconds - span.beginsAtSeconds) * 1000
  const at = (part: number): UnixMs => (span.beginsAtSeconds * 1000 + Math.floor((lengthMs * part) / count)) as UnixMs
  return { from: at(index), until: at(index + 1) }
}
