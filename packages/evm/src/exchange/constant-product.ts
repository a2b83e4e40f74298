import type { PoolState, SwapDirection, SwapQuote } from '@stead/core'

/** Uniswap v2 keeps 0.3 % of what comes in. */
const FEE_PPM = 3000
const KEPT_PER_MILLE = 997n
const PPM = 1_000_000n

/**
 * What a pool gives, as Uniswap v2 computes it: the product of both sides never falls.
 * @throws RangeError for nothing to swap, or an empty pool
 */
export function quoteSwap(pool: PoolState, direction: SwapDirection, amountIn: bigint): SwapQuote {
  const isBuying = direction === 'dollars-to-tokens'
  const [reserveIn, reserveOut] = isBuying
    ? [pool.dollarMicroUsd, pool.tokenUnits]
    : [pool.tokenUnits, pool.dollarMicroUsd]
  if (amountIn <= 0n) throw new RangeError(`a swap needs more than nothing, not ${amountIn}`)
  if (reserveIn === 0n || reserveOut === 0n) throw new RangeError('the pool is empty')
  const kept = amountIn * KEPT_PER_MILLE
  const whole = reserveIn * 1000n + kept
  const amountOut = (kept * reserveOut) / whole
  // 1 - out / (in after the fee at the pool's price): what the swap itself moves the price by.
  const impactPpm = Number((kept * PPM + whole - 1n) / whole)
  return { direction, amountIn, amountOut, impactPpm, feePpm: FEE_PPM, pool }
}

/** Least that must come in so that `amountOut` goes out; undefined when the pool does not have it. */
export function costOfSwap(pool: PoolState, direction: SwapDirection, amountOut: bigint): bigint | undefined {
  const isBuying = direction === 'dollars-to-tokens'
  const [reserveIn, reserveOut] = isBuying
    ? [pool.dollarMicroUsd, pool.tokenUnits]
    : [pool.tokenUnits, pool.dollarMicroUsd]
  if (amountOut <= 0n) throw new RangeError(`a swap brings more than nothing, not ${amountOut}`)
  if (amountOut >= reserveOut) return undefined
  return (reserveIn * amountOut * 1000n) / ((reserveOut - amountOut) * KEPT_PER_MILLE) + 1n
}
