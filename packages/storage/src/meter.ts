import { type MicroUsd, microUsd } from '@stead/core'

/** Byte-seconds of a tebibyte-hour: what a price is for. */
const TEBIBYTE_HOUR: bigint = 2n ** 40n * 3600n

/** What is kept for how long, from one moment to another. */
export interface KeptBytes {
  readonly bytes: number
  /** Whole seconds. */
  readonly fromSecond: number
  readonly toSecond: number
}

/**
 * What counts: bytes that an agreement's pieces have, for as long as both sides have signed that they are there. What
 * never counts: pieces that were sent and not agreed, proofs and room that a node keeps beside them, trash, reads,
 * repeated sending, and time that ends without a proof. Time in which the node did not answer counts when it ends with one.
 */
export function byteSecondsOf({ bytes, fromSecond, toSecond }: KeptBytes): bigint {
  return BigInt(bytes) * BigInt(toSecond - fromSecond)
}

/** Byte-seconds that so much money pays for; the price is not 0. */
export function byteSecondsFor(priceMicroUsdPerTibHour: MicroUsd, microUsdMax: MicroUsd): bigint {
  return (microUsdMax * TEBIBYTE_HOUR) / priceMicroUsdPerTibHour
}

/** What byte-seconds cost, rounded up to a whole micro-dollar. */
export function amountOf(priceMicroUsdPerTibHour: MicroUsd, byteSeconds: bigint): MicroUsd {
  return microUsd((byteSeconds * priceMicroUsdPerTibHour + TEBIBYTE_HOUR - 1n) / TEBIBYTE_HOUR)
}
