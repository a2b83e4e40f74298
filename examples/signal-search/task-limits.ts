import { type Fuel, fuel } from '@stead/core'
import type { SeriesSearch } from './search-plan.ts'

const PAGE_BYTES = 65_536
/** Most fresh evaluations of all sines: a few for each peak that is refined. */
const EVALUATIONS_MAX = 36
const RESEED_EVERY = 64
/** Limit over need; the need is known closely, and what a limit reserves is money that cannot work elsewhere. */
const MARGIN = 2

/** Upper bound of a task's memory in pages of 64 KiB: its input, seven planes, the basis, the powers, the module. */
export function memoryPagesFor(search: SeriesSearch): number {
  const planes = 7 + search.trendDegree + 1
  const bytes = search.points * (24 + 8 * planes) + 8 * (search.countPerTask + 2)
  return 4 + Math.ceil(bytes / PAGE_BYTES)
}

/**
 * A task's fuel limit: twice of what it needs when there are as many peaks as can be. The units of each step were measured
 * with meter version 4 over 20 to 20,000 points, degrees 0 to 8 and 1 to 1,000 frequencies: the limit was never less than
 * 1.7 times the need, and up to 4.6 times where few frequencies hold a single clear peak.
 */
export function fuelFor(search: SeriesSearch, count: number): Fuel {
  const frequencies = count + 2
  const basis = search.trendDegree + 1
  const evaluations = Math.min(EVALUATIONS_MAX, 6 + frequencies) + frequencies / RESEED_EVERY
  const perPoint = frequencies * (72 + 25 * basis) + evaluations * 270 + basis * (basis + 1) * 126
  return fuel(Math.ceil(MARGIN * (245_000 + search.points * perPoint + frequencies * 750)))
}
