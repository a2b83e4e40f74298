import { type Fuel, fuel } from '@stead/core'
import type { SeriesSearch } from './search-plan.ts'

const PAGE_BYTES = 65_536
/** Most peaks that a task refines, each at the cost of a fresh evaluation of all sines. */
const EVALUATIONS = 18
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
 * A task's fuel limit: twice of what it needs. The units of each step were measured with meter version 1 over 10 to
 * 100,000 points and degrees 0 to 8, and hold within 10 %.
 */
export function fuelFor(search: SeriesSearch, count: number): Fuel {
  const frequencies = count + 2
  const basis = search.trendDegree + 1
  const perPoint =
    frequencies * (48 + 20 * basis) + (frequencies / RESEED_EVERY + EVALUATIONS) * 150 + basis * (basis + 1) * 65
  return fuel(Math.ceil(MARGIN * (50_000 + search.points * perPoint + frequencies * 320)))
}
