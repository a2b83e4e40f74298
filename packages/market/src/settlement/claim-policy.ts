import { type MicroUsd, microUsd, type Wei } from '@stead/core'
import type { MarketProviderOptions } from '../options.ts'
import type { ClaimReason, ClaimWaitReason } from './settlement-record.ts'

/**
 * Gas of a claim transaction, from the contracts' gas snapshot rounded up: what every transaction costs, what a
 * channel's first claim adds (its branch, two fresh words of storage) and what a later one adds.
 */
const GAS_BASE = 60_000n
const GAS_FIRST_CLAIM = 75_000n
const GAS_LATER_CLAIM = 25_000n
const WEI_PER_COIN = 10n ** 18n

/** What can be claimed now. */
export interface Claimable {
  readonly grossMicroUsd: bigint
  /** Channels that were never claimed before, and the others. */
  readonly firstClaims: number
  readonly laterClaims: number
}

/** What the chain charges now. */
export interface ClaimPrices {
  readonly gasPrice: Wei
  readonly feeBps: number
}

/** Whether a claim is worth it, with its numbers. */
export interface ClaimDecision {
  readonly decision: 'claim' | 'wait'
  readonly reason: ClaimReason | ClaimWaitReason
  readonly gasMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

/** What so much gas costs in money. */
export function gasToMicroUsd(costWei: bigint, nativeCoinMicroUsd: MicroUsd): MicroUsd {
  // Rounded up: what is paid in gas is never shown as free.
  return microUsd((costWei * nativeCoinMicroUsd + WEI_PER_COIN - 1n) / WEI_PER_COIN)
}

/** The gas that claiming is expected to need. */
export function estimateClaimGas(claimable: Claimable): bigint {
  return GAS_BASE + GAS_FIRST_CLAIM * BigInt(claimable.firstClaims) + GAS_LATER_CLAIM * BigInt(claimable.laterClaims)
}

/** Weighs what a claim brings against what it costs. */
export function decideClaim(
  claimable: Claimable,
  prices: ClaimPrices,
  options: Pick<MarketProviderOptions, 'claimMinimumMicroUsd' | 'claimGasShareBps' | 'nativeCoinMicroUsd'>,
): ClaimDecision {
  const gasMicroUsd = gasToMicroUsd(estimateClaimGas(claimable) * prices.gasPrice, options.nativeCoinMicroUsd)
  const feeMicroUsd = microUsd((claimable.grossMicroUsd * BigInt(prices.feeBps)) / 10_000n)
  const wait = (reason: ClaimWaitReason): ClaimDecision => ({ decision: 'wait', reason, gasMicroUsd, feeMicroUsd })
  if (claimable.grossMicroUsd === 0n) return wait('nothing-to-claim')
  const net = claimable.grossMicroUsd - feeMicroUsd - gasMicroUsd
  if (gasMicroUsd * 10_000n > claimable.grossMicroUsd * BigInt(options.claimGasShareBps)) return wait('gas-too-dear')
  if (net < options.claimMinimumMicroUsd) return wait('below-minimum')
  return { decision: 'claim', reason: 'worth-it', gasMicroUsd, feeMicroUsd }
}
