import { type Hash, type MicroUsd, microUsd, type Wei } from '@stead/core'
import type { EarningsReport, ProviderChannelReport, SettlementRecord } from '@stead/market'
import type { ChannelEarnings, ClaimOutlook } from '@stead/sdk/api'

/** What claims brought a channel so far. */
interface Claimed {
  readonly gross: bigint
  readonly fee: bigint
  readonly gasWei: bigint
}

/** What each channel brought, and why what it has is not claimed. */
export function channelEarnings({ channels, settlements, claim }: EarningsReport): readonly ChannelEarnings[] {
  const claimed = claimedByChannel(settlements)
  return channels.map((report) => {
    const { gross, fee, gasWei } = claimed.get(report.channel) ?? { gross: 0n, fee: 0n, gasWei: 0n }
    const { channel, payer, state, outstandingMicroUsd } = report
    const left = report.paidMicroUsd - report.claimedMicroUsd
    const unclaimed = left > 0n ? left : 0n
    return {
      channel,
      payer,
      state,
      grossMicroUsd: microUsd(gross),
      feeMicroUsd: microUsd(fee),
      netMicroUsd: microUsd(gross - fee),
      gasWei: gasWei as Wei,
      unclaimedMicroUsd: microUsd(unclaimed),
      unpaidMicroUsd: outstandingMicroUsd,
      reason: reasonOf(report, { unclaimed, gross, waitingFor: waitReason(claim.reason) }),
    }
  })
}

/** What the claim policy thinks, with the setting that a person may change. */
export function claimOutlook({ claim }: EarningsReport, minimumMicroUsd: MicroUsd): ClaimOutlook {
  const { reason, claimableMicroUsd, gasMicroUsd, feeMicroUsd, retryAt, error } = claim
  return {
    reason: claimableMicroUsd > 0n ? waitReason(reason) : 'nothing-to-claim',
    unclaimedMicroUsd: claimableMicroUsd,
    minimumMicroUsd,
    gasMicroUsd: gasMicroUsd ?? null,
    feeMicroUsd: feeMicroUsd ?? null,
    retryAt: retryAt ?? null,
    error: error ?? null,
  }
}

function reasonOf(
  { state, outstandingMicroUsd }: ProviderChannelReport,
  facts: { readonly unclaimed: bigint; readonly gross: bigint; readonly waitingFor: string },
): string | null {
  if (facts.unclaimed > 0n) return PURSE_REASONS.get(state) ?? facts.waitingFor
  if (outstandingMicroUsd > 0n) return 'not-paid-yet'
  return facts.gross > 0n ? null : 'nothing-delivered'
}

/** Why nothing can be claimed at all. */
const PURSE_REASONS: ReadonlyMap<string, string> = new Map([
  ['closed', 'purse-closed'],
  ['missing', 'purse-missing'],
])

const WAITS: ReadonlySet<string> = new Set([
  'below-minimum',
  'gas-too-dear',
  'gas-missing',
  'chain-unreachable',
  'chain-refused',
  'claiming',
])

/** The policy looks once a minute: what came after its last look, or after a claim, it has not weighed. */
function waitReason(reason: EarningsReport['claim']['reason']): string {
  return WAITS.has(reason) ? reason : 'not-weighed-yet'
}

function claimedByChannel(settlements: readonly SettlementRecord[]): ReadonlyMap<Hash, Claimed> {
  const sums = new Map<Hash, Claimed>()
  for (const { channels, gasCostWei } of settlements) {
    const count = BigInt(channels.length)
    for (const [index, { channel, grossMicroUsd, feeMicroUsd }] of channels.entries()) {
      const { gross, fee, gasWei } = sums.get(channel) ?? { gross: 0n, fee: 0n, gasWei: 0n }
      // Gas goes by the number of claims, not by their amounts; what does not divide is the first one's.
      const share = gasCostWei / count + (index === 0 ? gasCostWei % count : 0n)
      sums.set(channel, { gross: gross + grossMicroUsd, fee: fee + feeMicroUsd, gasWei: gasWei + share })
    }
  }
  return sums
}
