import type { Chain, Hash } from '@stead/core'
import type { ReceiptChainEvidence } from '@stead/market'
import { incrementSchema } from '@stead/protocol'

/** What the chain says about one channel's claims. */
export interface ChannelOnChain {
  readonly channel: Hash
  readonly claimedMicroUsd: bigint
}

/** What comparing a purse's channels with the chain found. */
export type ChainFinding =
  | { readonly kind: 'agrees'; readonly channels: readonly ChannelOnChain[] }
  | { readonly kind: 'differs'; readonly what: string }

/**
 * Compares channels with the chain: the purse is there with the content that its id commits to, and nobody claimed more
 * than the last receipt allows.
 */
export async function checkOnChain(chain: Chain, channels: readonly ReceiptChainEvidence[]): Promise<ChainFinding> {
  const found: ChannelOnChain[] = []
  for (const evidence of channels) {
    const { seed, terms, channel } = evidence
    const purse = await chain.purse(terms.purse)
    if (purse === undefined) return differs(`purse ${terms.purse}: a purse on chain expected, none found`)
    const same = purse.root === seed.root && purse.totalMicroUsd === seed.totalMicroUsd && purse.payer === seed.payer
    if (!same || purse.voucherSigner !== seed.voucherSigner) {
      return differs(`purse ${terms.purse}: the chain has another root, total, payer or voucher key than the evidence`)
    }
    const claimedMicroUsd = await chain.claimedMicroUsd(channel)
    const signedMicroUsd = lastVoucherOf(evidence)
    if (claimedMicroUsd > signedMicroUsd) {
      return differs(
        `channel ${channel}: at most ${signedMicroUsd} micro-dollars may be claimed by its receipts, ${claimedMicroUsd} were`,
      )
    }
    found.push({ channel, claimedMicroUsd })
  }
  return { kind: 'agrees', channels: found }
}

function differs(what: string): ChainFinding {
  return { kind: 'differs', what }
}

/** What the last receipt of a channel lets its provider take. */
function lastVoucherOf({ receipts }: ReceiptChainEvidence): bigint {
  const last = receipts.at(-1)
  return last === undefined ? 0n : incrementSchema.decodeDocument(last.increment).cumulativeMicroUsd
}
