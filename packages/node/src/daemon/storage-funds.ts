import { type Chain, formatMicroUsd, type Logger, type MicroUsd, microUsd } from '@stead/core'
import type { MarketPayer, PayerChannel } from '@stead/market'
import { FUNDED_DAYS_WARNED } from '@stead/sdk/api'
import { amountOf, type StorageConsumer } from '@stead/storage'

/** For how long a node can pay for what it keeps on others. */
export interface StorageFunds {
  readonly microUsdPerDay: MicroUsd
  /** The account's dollars, and what is locked for storage and not spent. */
  readonly fundsMicroUsd: MicroUsd
  /** Whole days; undefined when nothing is kept. */
  readonly days: number | undefined
}

/** What the funds follow from. */
export interface StorageFundsComponents {
  readonly chain: Chain
  readonly market: MarketPayer
  readonly consumer: StorageConsumer
}

const DAY_SECONDS = 86_400n

/** What storing costs a day, and how many days the money is enough for. @throws ChainError where the chain cannot be asked */
export async function storageFunds({ chain, market, consumer }: StorageFundsComponents): Promise<StorageFunds> {
  const microUsdPerDay = costPerDay(consumer)
  const { dollarMicroUsd } = await chain.balances(chain.account)
  const locked = market
    .channels()
    .filter(isForStorage)
    .reduce((sum, channel) => sum + leftIn(channel), 0n)
  const fundsMicroUsd = microUsd(dollarMicroUsd + locked)
  const days = microUsdPerDay === 0n ? undefined : Number(fundsMicroUsd / microUsdPerDay)
  return { microUsdPerDay, fundsMicroUsd, days }
}

/** What storing costs a day at the prices that were agreed: each period of each node is rounded up to a micro-dollar. */
export function costPerDay(consumer: StorageConsumer): MicroUsd {
  const periodSeconds = BigInt(consumer.periodSeconds)
  const inPeriod = consumer.status().reduce((sum, { bytes, priceMicroUsdPerTibHour }) => {
    return sum + amountOf(priceMicroUsdPerTibHour, BigInt(bytes) * periodSeconds)
  }, 0n)
  return microUsd((inPeriod * DAY_SECONDS + periodSeconds - 1n) / periodSeconds)
}

/** Warns long before nodes may delete what nobody pays for. @throws ChainError where the chain cannot be asked */
export async function warnOfFunds(components: StorageFundsComponents & { readonly logger: Logger }): Promise<void> {
  const { days, fundsMicroUsd, microUsdPerDay } = await storageFunds(components)
  if (days === undefined || days >= FUNDED_DAYS_WARNED) return
  components.logger.warn('the money for storage comes to its end; nodes delete what nobody pays for', {
    days,
    funds: formatMicroUsd(fundsMicroUsd),
    perDay: formatMicroUsd(microUsdPerDay),
    account: components.chain.account,
  })
}

function isForStorage({ quote }: PayerChannel): boolean {
  return quote.resource === 'storage'
}

function leftIn(channel: PayerChannel): bigint {
  return channel.terms.allocationMicroUsd - channel.stats().paidMicroUsd
}
