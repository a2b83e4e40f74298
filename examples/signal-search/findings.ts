import { log10FalseAlarm, log10LocalFalseAlarm } from './false-alarm.ts'
import { rangeOf, type SeriesSearch } from './search-plan.ts'
import type { Peak, RangeResult } from './task-format.ts'

/** One periodic signal, or the strongest peak of a series that has none. JSON-safe. */
export interface Finding {
  readonly series: string
  readonly periodDays: number
  /** Standard error, as far as noise around the signal's frequency is white. */
  readonly periodUncertaintyDays: number
  readonly frequencyPerDay: number
  /** Share of the variance about the trend that a sinusoid of this period explains, 0 .. 1. */
  readonly power: number
  /** Half of peak to trough, in the column's own unit. */
  readonly amplitude: number
  /** Upper bound for white noise (Baluev 2008); 0 where it is below 1e-300. */
  readonly falseAlarmProbability: number
  readonly log10FalseAlarmProbability: number
  /** Upper bound for noise as strong as it is around this frequency. */
  readonly localFalseAlarmProbability: number
  /** Power divided by the mean power of the frequencies around. */
  readonly aboveLocalNoise: number
  /** How often the period fits into the span. */
  readonly cycles: number
  /** Both probabilities are below 1 %. */
  readonly significant: boolean
  /** Periods of overtones found at 2, 3, … times the frequency: the signal's shape, not signals of their own. */
  readonly overtonesDays: readonly number[]
}

/** What the results of one series say. */
export interface SeriesFindings {
  readonly search: SeriesSearch
  /** Strongest first. */
  readonly findings: readonly Finding[]
  /** Share of the frequency range that was searched, 0 .. 1. */
  readonly searchedShare: number
  /** Stretches of period that were not searched: shortest and longest, in days. */
  readonly missing: readonly { readonly fromDays: number; readonly toDays: number }[]
  /** Nothing but rounding is left once the trend is taken out. */
  readonly isAllTrend: boolean
}

const FINDINGS_MAX = 5
const LOG10_LIMIT = -2
const LOG10_LEAST = -9_999
const OVERTONES_MAX = 12
/** Residuals of values scaled to 1 are rounding errors below this mean square. */
const ROUNDING_SQUARE = 1e-24

/** Merges the results of one series' tasks; `results[i]` is undefined where task i has none. */
export function findSignals(search: SeriesSearch, results: readonly (RangeResult | undefined)[]): SeriesFindings {
  const known = results.filter((result) => result !== undefined)
  const searched = known.reduce((sum, result) => sum + result.count, 0)
  const meanSquare = (known[0]?.residualSquares ?? 1) / search.weightSum
  const isAllTrend = meanSquare < ROUNDING_SQUARE
  const peaks = results.flatMap((result, index) =>
    result === undefined
      ? []
      : result.peaks.map((peak) => ({ ...peak, background: backgroundOf(search, result, index, peak) })),
  )
  peaks.sort((a, b) => b.power - a.power)
  const findings = isAllTrend ? [] : independentSignals(search, peaks, meanSquare)
  return { search, findings, searchedShare: searched / search.count, missing: missingOf(search, results), isAllTrend }
}

type MeasuredPeak = Peak & { readonly background: number }

/** Mean power of the noise around a peak, from the median of its band: powers of noise are exponentially distributed. */
function backgroundOf(search: SeriesSearch, result: RangeResult, index: number, peak: Peak): number {
  const { first, count, lowest, step } = rangeOf(search, index)
  const position = (peak.frequency - lowest) / step - first
  const band = Math.floor((position * result.bandMedians.length) / count)
  const median = result.bandMedians[Math.min(Math.max(0, band), result.bandMedians.length - 1)] ?? 0
  return median / Math.LN2
}

function independentSignals(search: SeriesSearch, peaks: readonly MeasuredPeak[], meanSquare: number): Finding[] {
  const signals: { readonly finding: Finding; readonly overtonesDays: number[] }[] = []
  const explained: Peak[] = []
  for (const peak of peaks) {
    const finding = findingOf(search, peak, meanSquare)
    if (!finding.significant && signals.length > 0) continue
    const parent = signals.find((signal) => isOvertone(search, peak, signal.finding))
    if (parent !== undefined) parent.overtonesDays.push(finding.periodDays)
    else if (explained.some((stronger) => isShadow(search, peak, stronger))) continue
    else if (signals.length < FINDINGS_MAX) signals.push({ finding, overtonesDays: [] })
    explained.push(peak)
  }
  const findings = signals.map(({ finding, overtonesDays }) => ({
    ...finding,
    overtonesDays: overtonesDays.sort((a, b) => b - a),
  }))
  // The strongest peak is told even when it is noise, so that "nothing" has a number; beside a signal it is clutter.
  return findings.some((finding) => finding.significant) ? findings.filter((finding) => finding.significant) : findings
}

function findingOf(search: SeriesSearch, { frequency, power, background }: MeasuredPeak, meanSquare: number): Finding {
  const bandwidth = search.count * search.step
  const { effectivePoints: points, trendDegree, effectiveLengthDays, spanDays } = search
  const log10 = Math.max(LOG10_LEAST, log10FalseAlarm(power, { points, trendDegree, bandwidth, effectiveLengthDays }))
  const log10Local = Math.max(LOG10_LEAST, log10LocalFalseAlarm(power, background, bandwidth * spanDays))
  const periodDays = 1 / frequency
  return {
    series: search.name,
    periodDays,
    periodUncertaintyDays: periodDays * periodDays * frequencyError(search, power),
    frequencyPerDay: frequency,
    power,
    amplitude: search.valueScale * Math.sqrt(2 * power * meanSquare),
    falseAlarmProbability: probabilityOf(log10),
    log10FalseAlarmProbability: log10,
    localFalseAlarmProbability: probabilityOf(log10Local),
    aboveLocalNoise: background > 0 ? power / background : Number.MAX_VALUE,
    cycles: spanDays * frequency,
    significant: log10 <= LOG10_LIMIT && log10Local <= LOG10_LIMIT,
    overtonesDays: [],
  }
}

/** Half the width of a signal's main lobe, in cycles per day. */
function lobeOf(search: SeriesSearch): number {
  return (search.taper === 'hann' ? 2 : 1) / search.spanDays
}

/** True for a peak at a multiple of a signal's frequency, as closely as both are known. */
function isOvertone(search: SeriesSearch, peak: Peak, signal: Finding): boolean {
  const multiple = Math.round(peak.frequency / signal.frequencyPerDay)
  if (multiple < 2 || multiple > OVERTONES_MAX) return false
  const error = Math.hypot(frequencyError(search, peak.power), multiple * frequencyError(search, signal.power))
  const lobe = lobeOf(search)
  const tolerance = Math.min(lobe / 2, Math.max(lobe / 10, 3 * error))
  return Math.abs(peak.frequency - multiple * signal.frequencyPerDay) <= tolerance
}

/** Standard error of a frequency, in cycles per day. */
function frequencyError(search: SeriesSearch, power: number): number {
  return search.frequencyErrorScale * Math.sqrt(Math.max(0, 1 - power) / power)
}

/** True for what a stronger signal makes by itself: its flanks, the side lobes of the window, its aliases. */
function isShadow(search: SeriesSearch, peak: Peak, stronger: Peak): boolean {
  const lobe = lobeOf(search)
  const distance = Math.abs(peak.frequency - stronger.frequency)
  if (distance <= lobe) return true
  // First side lobes have 5 % of the power without a taper and 0.1 % with; the rest is for gaps in the sampling.
  if (distance <= 4 * lobe && peak.power <= 0.1 * stronger.power) return true
  const sampling = 1 / search.spacingDays
  const folded = [sampling - stronger.frequency, sampling + stronger.frequency]
  return folded.some((alias) => Math.abs(peak.frequency - alias) <= lobe)
}

function missingOf(
  search: SeriesSearch,
  results: readonly (RangeResult | undefined)[],
): readonly { readonly fromDays: number; readonly toDays: number }[] {
  const missing: { fromDays: number; toDays: number }[] = []
  for (let index = 0; index < search.taskCount; index++) {
    if (results[index] !== undefined) continue
    const { first, count } = rangeOf(search, index)
    const toDays = 1 / (search.lowest + first * search.step)
    const fromDays = 1 / (search.lowest + (first + count - 1) * search.step)
    const last = missing.at(-1)
    if (last !== undefined && results[index - 1] === undefined) last.fromDays = fromDays
    else missing.push({ fromDays, toDays })
  }
  return missing
}

function probabilityOf(log10: number): number {
  return log10 < -300 ? 0 : 10 ** log10
}
