import { BlobExchange, ComputeConsumer, ComputeProvider } from '@stead/compute'
import { type Address, microUsd } from '@stead/core'
import {
  MarketPayer,
  MarketProvider,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  OfferBook,
  offerBookOptionsSchema,
} from '@stead/market'
import type { Caretaker, ChallengeWatch, StorageProvider } from '@stead/storage'
import type { LazyExecutor } from '../adapters/lazy-executor.ts'
import type { NodeConfig } from '../config/settings.ts'
import { StorageBuyer } from './buying-storage.ts'
import { operatorOf } from './check-settings.ts'
import type { Foundation } from './foundation.ts'
import { OfferScout } from './offer-scout.ts'
import type { StopStack } from './stop-stack.ts'

const DAY_MS = 24 * 3_600_000

/** The buying side of a node. */
export interface PayerSide {
  readonly market: MarketPayer
  readonly compute: ComputeConsumer
  readonly storage: StorageBuyer
}

/** The selling side of a node; there when its operator enabled it. */
export interface ProviderSide {
  readonly operator: Address
  readonly market: MarketProvider
  readonly compute: ComputeProvider
  /** There when its operator shares disk space. */
  readonly storage: SharedStorage | undefined
}

/** Looks after what payers keep; there when the operator of a selling node enabled it. */
export type CareSide = Caretaker | undefined

/** Disk space that is sold, and what answers for it on chain. */
export interface SharedStorage {
  readonly provider: StorageProvider
  readonly challenges: ChallengeWatch
}

/** What a node trades with. */
export interface Trade {
  readonly blobs: BlobExchange
  readonly offers: OfferBook
  readonly payer: PayerSide
  readonly provider: ProviderSide | undefined
  readonly caretaker: CareSide
}

/** Opens both sides of the market; each part is on the stop stack as soon as it is up. */
export async function openTrade(
  components: { readonly foundation: Foundation; readonly executor: LazyExecutor; readonly stops: StopStack },
  config: NodeConfig,
): Promise<Trade> {
  const { foundation, stops } = components
  const blobs = new BlobExchange(foundation, { diskBytesMax: config.blobs.cacheBytesMax })
  await blobs.start()
  stops.push('blobs', () => blobs.stop())
  const offers = new OfferBook({ ...foundation, identity: foundation.chain.identity }, offerBookOptionsSchema.parse({}))
  await offers.start()
  stops.push('offers', () => offers.stop())
  const provider = config.provide.enabled ? await openProvider({ ...components, blobs, offers }, config) : undefined
  const payer = await openPayer({ ...components, blobs, offers }, config)
  const caretaker = await openCare({ ...components, offers, provider, payer }, config)
  const scout = new OfferScout({ ...foundation, offers })
  scout.start()
  stops.push('offer scout', () => scout.stop())
  return { blobs, offers, payer, provider, caretaker }
}

interface TradeComponents {
  readonly foundation: Foundation
  readonly executor: LazyExecutor
  readonly stops: StopStack
  readonly blobs: BlobExchange
  readonly offers: OfferBook
}

async function openProvider(components: TradeComponents, config: NodeConfig): Promise<ProviderSide> {
  const { foundation, executor, stops, blobs, offers } = components
  const { provide, claim } = config
  const operator = operatorOf(config)
  const options = marketProviderOptionsSchema.parse({
    operator,
    claimMinimumMicroUsd: microUsd(claim.minimumMicroUsd),
    nativeCoinMicroUsd: microUsd(claim.nativeCoinMicroUsd),
  })
  const market = new MarketProvider(foundation, options)
  await market.start()
  stops.push('market provider', () => market.stop())
  const { concurrency, priceMicroUsdPerGigafuel, minimumMicroUsdPerTask } = provide
  const { fuelMax, memoryPagesMax, outputBytesMax, timeMsMax } = provide
  const compute = new ComputeProvider(
    { ...foundation, market, executor, blobs, onQuoted: () => executor.warm() },
    {
      concurrency,
      priceMicroUsdPerGigafuel,
      minimumMicroUsdPerTask,
      fuelMax,
      memoryPagesMax,
      outputBytesMax,
      timeMsMax,
    },
  )
  await compute.start()
  stops.push('compute provider', () => compute.stop())
  const { signer } = foundation
  const { region } = provide
  stops.push(
    'offer',
    offers.publish({ resource: 'compute', signer, operator, region, terms: () => compute.offerTerms() }),
  )
  const storage =
    config.storage.shareGib > 0 ? await openStorage({ ...components, market, operator }, config) : undefined
  return { operator, market, compute, storage }
}

/** Loaded by those alone who share disk space. */
async function openStorage(
  components: TradeComponents & { readonly market: MarketProvider; readonly operator: Address },
  config: NodeConfig,
): Promise<SharedStorage> {
  const { foundation, market, stops, offers, operator } = components
  const [{ openStorageProvider }, { openChallengeWatch }] = await Promise.all([
    import('./storage-side.ts'),
    import('./possession-side.ts'),
  ])
  const storage = await openStorageProvider({ foundation, market, stops }, config)
  const { signer } = foundation
  const { region } = config.provide
  stops.push(
    'storage offer',
    offers.publish({ resource: 'storage', signer, operator, region, terms: () => storage.offerTerms() }),
  )
  return { provider: storage, challenges: await openChallengeWatch({ foundation, storage, stops }, config) }
}

/** Loaded by those alone who look after others' pieces. */
async function openCare(
  components: Pick<TradeComponents, 'foundation' | 'stops' | 'offers'> & Pick<Trade, 'provider' | 'payer'>,
  config: NodeConfig,
): Promise<CareSide> {
  const { provider, payer } = components
  if (provider === undefined || !config.storage.care) return undefined
  const { openCaretaker } = await import('./care-side.ts')
  const { operator, market: sold } = provider
  return await openCaretaker({ ...components, operator, sold, market: payer.market }, config)
}

async function openPayer(components: TradeComponents, config: NodeConfig): Promise<PayerSide> {
  const { foundation, stops, blobs, offers } = components
  const { idleDays, minimumMicroUsd } = config.purses
  const options = { purseIdleMs: idleDays * DAY_MS, purseMinimumMicroUsd: minimumMicroUsd }
  const market = new MarketPayer(foundation, marketPayerOptionsSchema.parse(options))
  await market.start()
  stops.push('market payer', () => market.stop())
  const compute = new ComputeConsumer({ ...foundation, market, offers, blobs })
  await compute.start()
  stops.push('compute consumer', () => compute.stop())
  const storage = new StorageBuyer({ foundation, market, offers }, config)
  await storage.start()
  stops.push('storage consumer', () => storage.stop())
  return { market, compute, storage }
}
