import type { Fuel, MicroUsd } from '@stead/core'
import type { ComputeTerms } from './terms.ts'

/** Fuel that one `priceMicroUsdPerGigafuel` pays for. */
const GIGAFUEL = 1_000_000_000n

/** The two prices that make an amount. */
export type ComputePrice = Pick<ComputeTerms, 'priceMicroUsdPerGigafuel' | 'minimumMicroUsdPerTask'>

/**
 * What a task costs: fuel times price, rounded up to a whole micro-dollar, and at least the minimum. Only outcomes
 * that are a function of the task alone are billed (`ok`, `trap`, `out-of-fuel`, `limit`); time-outs, faults of the
 * machine, refused and rejected results, transfers and repeated deliveries never count.
 */
export function amountOf(price: ComputePrice, fuel: Fuel): MicroUsd {
  const exact = (fuel * price.priceMicroUsdPerGigafuel + GIGAFUEL - 1n) / GIGAFUEL
  const minimum: bigint = price.minimumMicroUsdPerTask
  return (exact > minimum ? exact : minimum) as MicroUsd
}
