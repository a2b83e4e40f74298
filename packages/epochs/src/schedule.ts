import type { UnixMs } from '@stead/core'
import { type EpochCalendar, type EpochNumber, epochSpan } from '@stead/rewards'

/** Logs are gathered for this part of an epoch's length after its end… */
const LOG_TIME_PARTS = 12
/** …but, where epochs are seconds or minutes long, for a quarter of it up to this: busy machines need some seconds… */
const LOG_TIME_MS_SHORT = 10_000
const LOG_TIME_PARTS_SHORT = 4
/** …and for so long at least. */
const LOG_TIME_MS_MIN = 3000
const EDGE_PARTS = 4
const EDGE_MS_MIN = 1000
const EDGE_MS_MAX = 60_000
const POLL_PARTS = 60
const POLL_MS_MIN = 200
const POLL_MS_MAX = 15_000

/** When what happens with an epoch's logs, in chain time. */
export interface EpochSchedule {
  readonly beginsAt: UnixMs
  readonly endsAt: UnixMs
  /**
   * Whoever proposes must have taken in the logs that a watcher had by now. It is half of the gathering time: what
   * reached a watcher has as long again to reach the proposer.
   */
  readonly logsOwedAt: UnixMs
  /** A proposer takes in logs until now. */
  readonly logsCloseAt: UnixMs
}

/** The times of one epoch. */
export function scheduleOf(calendar: EpochCalendar, epoch: EpochNumber): EpochSchedule {
  const { beginsAtSeconds, endsAtSeconds } = epochSpan(calendar, epoch)
  const epochMs = calendar.epochSeconds * 1000
  const shortMs = Math.min(LOG_TIME_MS_SHORT, Math.floor(epochMs / LOG_TIME_PARTS_SHORT))
  const logTimeMs = Math.max(LOG_TIME_MS_MIN, shortMs, Math.floor(epochMs / LOG_TIME_PARTS))
  const endsAt = endsAtSeconds * 1000
  return {
    beginsAt: (beginsAtSeconds * 1000) as UnixMs,
    endsAt: endsAt as UnixMs,
    logsOwedAt: (endsAt + logTimeMs / 2) as UnixMs,
    logsCloseAt: (endsAt + logTimeMs) as UnixMs,
  }
}

/** How often chain and proposals are looked at: 0.2 .. 15 s, a sixtieth of an epoch in between. */
export function pollMsOf(calendar: EpochCalendar): number {
  return Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, Math.floor((calendar.epochSeconds * 1000) / POLL_PARTS)))
}

/** How far from a window of probes its probes are still answered: clocks and blocks do not agree to the second. */
export function edgeMsOf(calendar: EpochCalendar, probesPerEpoch: number): number {
  const windowMs = (calendar.epochSeconds * 1000) / probesPerEpoch
  return Math.min(EDGE_MS_MAX, Math.max(EDGE_MS_MIN, windowMs / EDGE_PARTS))
}
