import type { UnixMs } from '@stead/core'
import { RandomStreams } from '../engine/random-streams.ts'
import type { ChurnOptions } from './churn-options.ts'
import { ChurnPayer, type PayerClock } from './churn-payer.ts'
import { Population } from './population.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const DAYS_PER_MONTH = 30

/** How all segments stood at the end of a day. */
export interface ChurnDay {
  readonly day: number
  /** Pieces of a segment that are not gone for good, on average over those that are not lost. */
  readonly meanKept: number
  readonly fewestKept: number
  readonly lostSegments: number
}

/** What became of what was stored. */
export interface ChurnResult {
  readonly options: ChurnOptions
  readonly segments: number
  readonly segmentYears: number
  readonly lostSegments: number
  readonly payersWithLoss: number
  /** Fewest pieces that any segment had left at any time. */
  readonly fewestKept: number
  /** Fewest that could be had at a moment. */
  readonly fewestThere: number
  /** Share of the time of a segment at which it could not be read, those that were lost left out. */
  readonly unreadableShare: number
  /** How often a segment became unreadable for a while. */
  readonly unreadableTimes: number
  readonly repairs: number
  readonly failedRepairs: number
  readonly madePieces: number
  /** Bytes per byte of the objects and 30 days. */
  readonly readPerStoredByteMonth: number
  readonly sentPerStoredByteMonth: number
  /** Share of the daemons' time that repairs took. */
  readonly busyShare: number
  /** Largest share of all that was sent in one hour of the day; 1/24 when there is no rhythm. */
  readonly busiestHourShare: number
  /** Nodes with which a payer has an agreement in the end, on average. */
  readonly nodesPerPayer: number
  readonly failedPuts: number
  readonly byDay: readonly ChurnDay[]
}

/** Plays a network for as long as is wished, and tells what was lost. The same options give the same result anywhere. */
export function runChurn(options: ChurnOptions): ChurnResult {
  const streams = new RandomStreams(options.seed)
  const population = new Population(options, streams)
  const clock: PayerClock = { nowMs: 0, monotonicMs: () => clock.nowMs, now: () => clock.nowMs as UnixMs }
  const payers = Array.from({ length: options.payers }, (_, number) => {
    return new ChurnPayer(options, population, { clock, random: streams.stream(`payer ${number}`) })
  })
  const stepMs = options.stepMinutes * 60_000
  const { dataPieces } = options.profile
  const seen = {
    fewestKept: options.profile.pieces,
    fewestThere: options.profile.pieces,
    steps: 0,
    unreadable: 0,
    times: 0,
  }
  const byDay: ChurnDay[] = []
  for (clock.nowMs = stepMs; clock.nowMs <= options.days * DAY_MS; clock.nowMs += stepMs) {
    population.step(clock.nowMs)
    for (const payer of payers) payer.step(stepMs)
    let [sum, living, fewest] = [0, 0, options.profile.pieces]
    for (const payer of payers) {
      for (const segment of payer.segments) {
        if (segment.lostAtMs !== undefined) continue
        const { kept, there } = segment.count()
        segment.fewestKept = Math.min(segment.fewestKept, kept)
        fewest = Math.min(fewest, kept)
        seen.fewestThere = Math.min(seen.fewestThere, there)
        if (kept < dataPieces) {
          segment.lostAtMs = clock.nowMs
          continue
        }
        seen.steps++
        if (there < dataPieces) seen.unreadable++
        if (segment.isReadable && there < dataPieces) seen.times++
        segment.isReadable = there >= dataPieces
        sum += kept
        living++
      }
    }
    seen.fewestKept = Math.min(seen.fewestKept, fewest)
    if (clock.nowMs % DAY_MS === 0) {
      const lostSegments = payers.reduce((count, payer) => count + lostOf(payer), 0)
      const meanKept = living === 0 ? 0 : sum / living
      byDay.push({ day: clock.nowMs / DAY_MS, meanKept, fewestKept: fewest, lostSegments })
    }
  }
  return resultOf(options, { payers, seen, byDay, stepMs })
}

interface Played {
  readonly payers: readonly ChurnPayer[]
  readonly seen: {
    readonly fewestKept: number
    readonly fewestThere: number
    readonly steps: number
    readonly unreadable: number
    readonly times: number
  }
  readonly byDay: readonly ChurnDay[]
  readonly stepMs: number
}

function resultOf(options: ChurnOptions, { payers, seen, byDay, stepMs }: Played): ChurnResult {
  const sum = (of: (payer: ChurnPayer) => number): number => payers.reduce((total, payer) => total + of(payer), 0)
  const storedByteMonths = options.storedBytesPerPayer * options.payers * (options.days / DAYS_PER_MONTH)
  const sentBytes = sum(({ tally }) => tally.sentBytes)
  const byHour = Array.from({ length: 24 }, (_, hour) => sum(({ tally }) => tally.sentBytesByHour[hour] ?? 0))
  return {
    options,
    segments: sum(({ segments }) => segments.length),
    segmentYears: (seen.steps * stepMs) / (365 * DAY_MS),
    lostSegments: sum(lostOf),
    payersWithLoss: payers.filter((payer) => lostOf(payer) > 0).length,
    fewestKept: seen.fewestKept,
    fewestThere: seen.fewestThere,
    unreadableShare: seen.steps === 0 ? 0 : seen.unreadable / seen.steps,
    unreadableTimes: seen.times,
    repairs: sum(({ tally }) => tally.repairs),
    failedRepairs: sum(({ tally }) => tally.failedRepairs),
    madePieces: sum(({ tally }) => tally.madePieces),
    readPerStoredByteMonth: sum(({ tally }) => tally.readBytes) / storedByteMonths,
    sentPerStoredByteMonth: sentBytes / storedByteMonths,
    busyShare: sum(({ tally }) => tally.busyMs) / sum(({ onlineMs }) => onlineMs),
    busiestHourShare: sentBytes === 0 ? 0 : Math.max(...byHour) / sentBytes,
    nodesPerPayer: sum(({ nodes }) => nodes) / options.payers,
    failedPuts: sum(({ failedPuts }) => failedPuts),
    byDay,
  }
}

function lostOf({ segments }: ChurnPayer): number {
  return segments.filter(({ lostAtMs }) => lostAtMs !== undefined).length
}
