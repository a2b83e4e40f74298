import { SdkError } from '@stead/sdk/job'
import type { Observations } from './observations.ts'
import { formatPeriod } from './period.ts'
import type { FrequencyRange, SeriesData } from './task-format.ts'

/** What to search, and how finely. */
export interface SearchOptions {
  /** Degree of the polynomial that is fitted together with each sinusoid, 0 .. 8. */
  readonly trendDegree: number
  /**
   * `hann` weighs observations by a bell over the span: a strong signal then hardly leaks into other frequencies
   * (-31 dB, -18 dB per octave), for a main lobe twice as wide. `none` keeps all alike.
   */
  readonly taper: 'hann' | 'none'
  /** Grid points per 1/span. */
  readonly oversampling: number
  /** Shortest period. @default twice the median spacing: the Nyquist limit of even sampling */
  readonly minimumPeriodDays?: number
  /** Longest period. @default half the span: what was not seen twice is not periodic yet */
  readonly maximumPeriodDays?: number
}

/** One series' search: JSON-safe, all that the report needs besides the results. */
export interface SeriesSearch {
  readonly name: string
  readonly points: number
  /** (sum of weights)^2 / sum of squared weights: how many evenly weighted points tell as much. */
  readonly effectivePoints: number
  readonly spanDays: number
  readonly spacingDays: number
  readonly trendDegree: number
  readonly taper: 'hann' | 'none'
  /** sqrt(4 pi var(t)): the length that counts for the number of independent frequencies (Baluev 2008). */
  readonly effectiveLengthDays: number
  /** Standard error of a frequency is this times sqrt((1 - power) / power), in cycles per day. */
  readonly frequencyErrorScale: number
  /** Sum of the weights. */
  readonly weightSum: number
  /** What one unit of the scaled values is in the column's own unit. */
  readonly valueScale: number
  readonly lowest: number
  readonly step: number
  readonly count: number
  /** Frequencies of each task but the last. */
  readonly taskCount: number
  readonly countPerTask: number
  readonly bands: number
}

/** Work of one task, as points times frequencies times (4 + degree): about 50 ms of a 2024 core. */
const TASK_WORK = 150_000_000
/** Even a short series is cut, so that it is spread and a part can fail alone. */
const TASKS_MIN = 4
/** One run of several minutes on a handful of nodes. */
const TASKS_MAX = 20_000
/** Independent frequencies in a band whose median stands for the noise around a peak. */
const BAND_RESOLUTIONS_MIN = 16
const BANDS_MAX = 8

/**
 * Lays the frequency grid over a series and cuts it into tasks.
 *
 * Why a grid of 40 points per 1/span: a signal that was seen k times has the frequency k/span, so that half a step is
 * 1/(80 k) of it; even one seen four times is within 0.4 % on the grid itself, and the parabola through the top is good
 * to a thousandth of a step, because the lobe is 40 to 80 points wide.
 * @throws SdkError JOB_OPTION_INVALID, JOB_INPUT_INVALID, JOB_TOO_LARGE
 */
export function planSearch(
  observations: Observations,
  options: SearchOptions,
): { readonly search: SeriesSearch; readonly data: SeriesData; readonly notices: readonly string[] } {
  const { name, times } = observations
  const points = times.length
  const start = times[0] ?? 0
  const spanDays = (times[points - 1] ?? 0) - start
  const spacingDays = medianSpacing(times)
  const weights = taperedWeights(observations, spanDays, options.taper)
  const centred = times.map((time) => time - start - spanDays / 2)
  const { values, scale } = scaled(observations.values, weights)
  const moments = momentsOf(centred, weights)
  checkFreedom(name, moments.effectivePoints, options)
  const grid = gridOf(name, { spanDays, spacingDays }, options)
  const tasks = tasksOf(name, { points, spanDays, ...grid }, options)
  const search: SeriesSearch = {
    name,
    points,
    spanDays,
    spacingDays,
    trendDegree: options.trendDegree,
    taper: options.taper,
    ...moments,
    valueScale: scale,
    ...grid,
    ...tasks,
  }
  const data = { times: centred, values, weights, trendDegree: options.trendDegree }
  return { search, data, notices: noticesOf(search, options) }
}

/** The frequencies of task `index`. */
export function rangeOf(search: SeriesSearch, index: number): FrequencyRange {
  const first = index * search.countPerTask
  const count = Math.min(search.countPerTask, search.count - first)
  return { first, count, lowest: search.lowest, step: search.step, bands: Math.min(search.bands, count) }
}

function medianSpacing(times: Float64Array): number {
  const spacings = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  spacings.sort()
  return spacings[spacings.length >> 1] ?? 0
}

function taperedWeights({ times, weights }: Observations, spanDays: number, taper: 'hann' | 'none'): Float64Array {
  // Scaled to a greatest weight of 1, so that sums of squares can neither overflow nor vanish.
  const greatest = weights.reduce((most, weight) => Math.max(most, weight), 0)
  if (taper === 'none') return weights.map((weight) => weight / greatest)
  const margin = spanDays / (2 * times.length)
  const start = (times[0] ?? 0) - margin
  return weights.map((weight, index) => {
    const phase = ((times[index] ?? 0) - start) / (spanDays + 2 * margin)
    return (weight / greatest) * Math.sin(Math.PI * phase) ** 2
  })
}

/** Values less their weighted mean, divided by the greatest that is left: |value| <= 1 whatever the input. */
function scaled(
  values: Float64Array,
  weights: Float64Array,
): { readonly values: Float64Array; readonly scale: number } {
  const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  let sum = 0
  let weightSum = 0
  values.forEach((value, index) => {
    sum += (value / greatest) * (weights[index] ?? 0)
    weightSum += weights[index] ?? 0
  })
  const centred = values.map((value) => value / greatest - sum / weightSum)
  const reach = centred.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return { values: centred.map((value) => value / reach), scale: greatest * reach }
}

type Moments = Pick<SeriesSearch, 'effectivePoints' | 'effectiveLengthDays' | 'frequencyErrorScale' | 'weightSum'>

function momentsOf(times: Float64Array, weights: Float64Array): Moments {
  let weightSum = 0
  let squareSum = 0
  let timeSum = 0
  times.forEach((time, index) => {
    const weight = weights[index] ?? 0
    weightSum += weight
    squareSum += weight * weight
    timeSum += weight * time
  })
  const mean = timeSum / weightSum
  let spread = 0
  let squareSpread = 0
  times.forEach((time, index) => {
    const weight = weights[index] ?? 0
    spread += weight * (time - mean) ** 2
    squareSpread += (weight * (time - mean)) ** 2
  })
  return {
    weightSum,
    effectivePoints: (weightSum * weightSum) / squareSum,
    effectiveLengthDays: Math.sqrt((4 * Math.PI * spread) / weightSum),
    frequencyErrorScale: Math.sqrt(squareSpread) / (2 * Math.PI * spread),
  }
}

function checkFreedom(name: string, have: number, { trendDegree, taper }: SearchOptions): void {
  const need = trendDegree + 4
  if (have >= need) return
  const next = trendDegree > 1 ? '--trend 1' : taper === 'hann' ? '--taper none' : '--trend 0'
  throw new SdkError(
    'JOB_INPUT_INVALID',
    `${name} has the weight of ${have.toFixed(1)} points, a trend of degree ${trendDegree} needs at least ${need}`,
    {
      details: { series: name, needPoints: need, havePoints: have },
      next: `Ask for less of it: ${next}`,
    },
  )
}

type Grid = Pick<SeriesSearch, 'lowest' | 'step' | 'count'>

function gridOf(
  name: string,
  { spanDays, spacingDays }: { readonly spanDays: number; readonly spacingDays: number },
  options: SearchOptions,
): Grid {
  const longest = options.maximumPeriodDays ?? spanDays / 2
  const shortest = options.minimumPeriodDays ?? 2 * spacingDays
  if (!(shortest < longest)) {
    throw new SdkError(
      'JOB_OPTION_INVALID',
      `${name}: no period is longer than ${formatPeriod(shortest)} and shorter than ${formatPeriod(longest)}`,
      {
        details: { series: name, shortestDays: shortest, longestDays: longest },
        next: 'Widen the search: --min-period <period> --max-period <period>',
      },
    )
  }
  const step = 1 / (spanDays * options.oversampling)
  const lowest = 1 / longest
  return { lowest, step, count: Math.floor((1 / shortest - lowest) / step) + 1 }
}

function tasksOf(
  name: string,
  series: Grid & { readonly points: number; readonly spanDays: number },
  { trendDegree, oversampling }: SearchOptions,
): Pick<SeriesSearch, 'taskCount' | 'countPerTask' | 'bands'> {
  const workPerFrequency = series.points * (4 + trendDegree)
  const needTasks = Math.ceil((workPerFrequency * series.count) / TASK_WORK)
  if (needTasks > TASKS_MAX) {
    const count = Math.floor((TASK_WORK * TASKS_MAX) / workPerFrequency)
    const shortest = 1 / (series.lowest + count * series.step)
    throw new SdkError(
      'JOB_TOO_LARGE',
      `searching ${name} takes ${needTasks} tasks, at most ${TASKS_MAX} are allowed`,
      {
        details: { series: name, needTasks, limitTasks: TASKS_MAX },
        next: `Leave out the shortest periods: --min-period ${shortest.toPrecision(3)}d, or search more coarsely: --oversampling <points>`,
      },
    )
  }
  const wanted = Math.min(Math.max(TASKS_MIN, needTasks), series.count)
  const countPerTask = Math.ceil(series.count / wanted)
  const resolutions = countPerTask / oversampling
  const bands = Math.min(BANDS_MAX, Math.max(1, Math.floor(resolutions / BAND_RESOLUTIONS_MIN)))
  return { taskCount: Math.ceil(series.count / countPerTask), countPerTask, bands }
}

function noticesOf(search: SeriesSearch, options: SearchOptions): readonly string[] {
  const notices: string[] = []
  const { maximumPeriodDays, minimumPeriodDays } = options
  if (maximumPeriodDays !== undefined && maximumPeriodDays > search.spanDays / 2) {
    const span = formatPeriod(search.spanDays)
    notices.push(`${search.name}: spans ${span}; periods above half of that were seen less than twice`)
  }
  if (minimumPeriodDays !== undefined && minimumPeriodDays < 2 * search.spacingDays) {
    const spacing = formatPeriod(search.spacingDays)
    notices.push(
      `${search.name}: the usual spacing is ${spacing}; periods below twice that may be aliases of longer ones`,
    )
  }
  return notices
}
