import type { LotBought } from '@stead/core'
import { hasCode } from '@stead/core'
import type { OpenEconomy } from '../chain/with-economy.ts'
import { lotOffer } from '../market/lot-offer.ts'

/** What a buyer of fees paid, and what that was worth on the exchange. */
export interface BoughtLot extends LotBought {
  /** What the burned tokens cost on the exchange at that moment. */
  readonly worthMicroUsd: bigint
}

const LOOK_MS = 200

/**
 * Waits until the lot's price has fallen to what its fees are worth on the exchange, and buys it: what anybody who wants
 * to make money of it does. Undefined when the epoch ended before.
 */
export async function buyWhenFair(
  open: OpenEconomy,
  { until, sleep }: { readonly until: number; readonly sleep: (delayMs: number) => Promise<void> },
): Promise<BoughtLot | undefined> {
  while ((await open.chain.blockTime()) < until) {
    const offer = await lotOffer(open)
    const isFair = offer.gainMicroUsd !== undefined && offer.gainMicroUsd >= 0n
    if (isFair && offer.feesMicroUsd >= offer.minimumLotMicroUsd) {
      const bought = await buy(open, offer)
      if (bought !== undefined) return { ...bought, worthMicroUsd: offer.costMicroUsd ?? 0n }
    }
    await sleep(LOOK_MS)
  }
  return undefined
}

/** Undefined when the epoch ended on the way: then the price is another one. */
async function buy(
  { economy, ledger }: OpenEconomy,
  { lot, costTokenUnits }: { readonly lot: bigint; readonly costTokenUnits: bigint },
): Promise<LotBought | undefined> {
  try {
    const { blockNumber } = await economy.buyLot(lot, costTokenUnits)
    const span = { fromBlock: Number(blockNumber), toBlock: Number(blockNumber) }
    return (await ledger.lotsBought(span)).find((each) => each.lot === lot)
  } catch (error) {
    if (!hasCode(error, 'CHAIN_REVERTED') && !hasCode(error, 'CHAIN_PRICE_MOVED')) throw error
    return undefined
  }
}
