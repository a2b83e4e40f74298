import type { EpochTerms, LotForSale, MicroUsd, SaleTerms, UnixMs } from '@stead/core'
import type { OpenEconomy } from '../chain/with-economy.ts'

/** The lot that is for sale, and whether buying it is worth it at the exchange's price. */
export interface LotOffer extends LotForSale {
  readonly minimumLotMicroUsd: MicroUsd
  readonly halvingSeconds: number
  /** When the epoch ends: then its fees join the lot, and the price starts from the top again. */
  readonly epochEndsAt: UnixMs
  /** What the price has fallen to by then, token units per micro-dollar, when nobody buys. */
  readonly priceAtEndTokenUnits: bigint
  /** Dollars that buy the tokens to be burned on the exchange now; undefined when it has not so many. */
  readonly costMicroUsd: bigint | undefined
  /** Fees less their cost; gas is paid besides. Undefined when the exchange has not so many tokens. */
  readonly gainMicroUsd: bigint | undefined
  /** When the price of a moment is low enough at the exchange's price of now; undefined when not in this epoch. */
  readonly worthItAt: UnixMs | undefined
}

/** The price after some time: it halves every `halvingSeconds`, in a line between two halvings; never below 1. */
export function fallenPrice(price: bigint, seconds: number, halvingSeconds: number): bigint {
  const halvings = Math.floor(seconds / halvingSeconds)
  if (halvings >= 128) return 1n
  const high = price >> BigInt(halvings)
  const fallen = high - (high * BigInt(seconds % halvingSeconds)) / BigInt(2 * halvingSeconds)
  return fallen < 1n ? 1n : fallen
}

/**
 * Seconds until a price has fallen to `wanted`, rounded up to a whole one; from any point of its fall the price falls
 * by at least half in each `halvingSeconds`.
 */
export function secondsUntil(price: bigint, wanted: bigint, halvingSeconds: number): number | undefined {
  if (wanted < 1n) return undefined
  let [low, high] = [0, halvingSeconds * 128]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (fallenPrice(price, middle, halvingSeconds) <= wanted) high = middle
    else low = middle + 1
  }
  return low
}

/** Looks at the auction and at the exchange in one moment. */
export async function lotOffer({ chain, economy, exchange }: OpenEconomy): Promise<LotOffer> {
  const [lot, terms, sale, now] = await Promise.all([
    economy.lotForSale(),
    economy.epochTerms(),
    economy.saleTerms(),
    chain.blockTime(),
  ])
  const epochEndsAt = endOfEpoch(terms, now)
  const secondsLeft = Math.max(0, (epochEndsAt - now) / 1000)
  const costMicroUsd = lot.costTokenUnits === 0n ? 0n : await exchange.costOf('dollars-to-tokens', lot.costTokenUnits)
  return {
    ...lot,
    ...sale,
    epochEndsAt,
    priceAtEndTokenUnits: fallenPrice(lot.priceTokenUnits, secondsLeft, sale.halvingSeconds),
    costMicroUsd,
    gainMicroUsd: costMicroUsd === undefined ? undefined : lot.feesMicroUsd - costMicroUsd,
    worthItAt: await worthItAt(exchange, { lot, sale, now, secondsLeft }),
  }
}

function endOfEpoch({ genesisAt, epochSeconds }: EpochTerms, now: UnixMs): UnixMs {
  const epoch = Math.floor((now - genesisAt) / 1000 / epochSeconds)
  return (genesisAt + (epoch + 1) * epochSeconds * 1000) as UnixMs
}

async function worthItAt(
  exchange: OpenEconomy['exchange'],
  { lot, sale, now, secondsLeft }: { lot: LotForSale; sale: SaleTerms; now: UnixMs; secondsLeft: number },
): Promise<UnixMs | undefined> {
  const pool = await exchange.pool()
  if (lot.feesMicroUsd < sale.minimumLotMicroUsd || pool.tokenUnits === 0n) return undefined
  // What the fees themselves would bring on the exchange: burning fewer tokens than that is a gain.
  const { amountOut } = await exchange.quote('dollars-to-tokens', lot.feesMicroUsd)
  const seconds = secondsUntil(lot.priceTokenUnits, amountOut / lot.feesMicroUsd, sale.halvingSeconds)
  return seconds === undefined || seconds > secondsLeft ? undefined : ((now + seconds * 1000) as UnixMs)
}
