import { type Address, address, type MicroUsd, microUsd } from '@stead/core'
import { z } from 'zod'
import { FINAL_AFTER_DEFAULT_MS } from './settlement/finality.ts'

/** Money in options may be written as a whole number or a bigint. */
type MoneyInput = bigint | number
const money = (fallback: bigint): z.ZodType<MicroUsd, MoneyInput | undefined> =>
  z
    .union([z.bigint().min(0n), z.int().min(0)])
    .default(fallback)
    .transform((value) => microUsd(value))
const count = (fallback: number, min: number, max: number): z.ZodType<number, number | undefined> =>
  z.int().min(min).max(max).default(fallback)
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Parsed options of the provider side. */
export interface MarketProviderOptions {
  readonly operator: Address
  readonly prepayMaxMicroUsd: MicroUsd
  readonly creditStartMicroUsd: MicroUsd
  readonly creditCapMicroUsd: MicroUsd
  readonly writeOffMaxMicroUsd: MicroUsd
  readonly writeOffShareBps: number
  readonly quoteLifeMs: number
  readonly quotesPerMinutePerPeer: number
  readonly opensPerMinutePerPeer: number
  readonly openingMax: number
  readonly channelsMax: number
  readonly channelsPerPayerMax: number
  readonly outstandingPerChannelMax: number
  readonly deliveriesPerChannelMax: number
  readonly claimMinimumMicroUsd: MicroUsd
  readonly claimGasShareBps: number
  readonly nativeCoinMicroUsd: MicroUsd
  readonly claimCheckMs: number
  readonly claimRetryMaxMs: number
  readonly claimBatchMax: number
  readonly thawMarginMs: number
  readonly finalAfterMs: number
  readonly claimOnStop: boolean
}

/** What may be written for {@link MarketProviderOptions}; defaults are filled in. */
export type MarketProviderInput = { readonly operator: string } & {
  readonly [Key in Exclude<keyof MarketProviderOptions, 'operator'>]?:
    | (MarketProviderOptions[Key] extends bigint ? MoneyInput : MarketProviderOptions[Key])
    | undefined
}

/** Options of the provider side; strict, so that a misspelt one is refused. */
export const marketProviderOptionsSchema: z.ZodType<MarketProviderOptions, MarketProviderInput> = z.strictObject({
  /** The EVM address that is paid; never the node key. */
  operator: z.string().transform((text) => address(text)),
  /**
   * Most that a payer without a record pays ahead, in micro-dollars; a resource's cheapest unit limits it further.
   * @default 1000 (a tenth of a cent): enough to show that the purse pays, little to lose for the payer
   */
  prepayMaxMicroUsd: money(1_000n),
  /**
   * Unpaid work that a payer may have open after its first payment, in micro-dollars: what a stranger can cost.
   * @default 20000 (two cents): a few dozen tasks in flight, less than what an identity that cheats pays in gas and time
   */
  creditStartMicroUsd: money(20_000n),
  /**
   * Most unpaid work that a payer may ever have open, in micro-dollars.
   * @default 2000000 (two dollars): seconds of work of a large node at most
   */
  creditCapMicroUsd: money(2_000_000n),
  /**
   * Rejected deliveries that a payer may leave unpaid before it is refused, in micro-dollars, besides the share below.
   * @default 50000 (five cents): honest payers hedge and crash
   */
  writeOffMaxMicroUsd: money(50_000n),
  /**
   * Share of all that a payer has paid which it may also leave unpaid, 0 .. 10000 hundredths of a percent.
   * @default 500 (5 %): a payer of long standing is not refused for the sum of its hedges
   */
  writeOffShareBps: count(500, 0, 10_000),
  /**
   * How long a price is locked, 10 s .. 1 day.
   * @default 15 minutes: longer than most jobs take to start, short enough to follow the market
   */
  quoteLifeMs: count(15 * MINUTE_MS, 10_000, 24 * HOUR_MS),
  /**
   * Quotes that one peer may ask for in a minute, 1 .. 100000; more are refused as busy.
   * @default 120: each costs a signature
   */
  quotesPerMinutePerPeer: count(120, 1, 100_000),
  /**
   * Channels that one peer may try to open in a minute, 1 .. 100000.
   * @default 60: each costs a read of the chain
   */
  opensPerMinutePerPeer: count(60, 1, 100_000),
  /**
   * Openings that may wait for the chain at once, from all peers together, 1 .. 10000.
   * @default 64
   */
  openingMax: count(64, 1, 10_000),
  /**
   * Channels in memory, 1 .. 1000000; those that are paid and claimed give way to new ones.
   * @default 10000: about 10 MB
   */
  channelsMax: count(10_000, 1, 1_000_000),
  /**
   * Channels of one payer in memory, 1 .. 10000; those that are paid and claimed give way to new ones.
   * @default 128: a quarter of an hour of jobs that each lock a purse, until their claims are final
   */
  channelsPerPayerMax: count(128, 1, 10_000),
  /**
   * Deliveries of one channel that may wait for payment, 1 .. 8192; also what a resynchronisation lists.
   * @default 8192: four full increments
   */
  outstandingPerChannelMax: count(8_192, 1, 8_192),
  /**
   * Deliveries of one channel in all, 1 .. 2^24; their ids are remembered so that none is billed twice.
   * @default 4194304: 64 MB of ids, a quarter of an hour at 5,000 a second
   */
  deliveriesPerChannelMax: count(4_194_304, 1, 16_777_216),
  /**
   * Net amount that a claim should bring, in micro-dollars; less waits.
   * @default 1000000 (one dollar)
   */
  claimMinimumMicroUsd: money(1_000_000n),
  /**
   * Most of a claim's gross that its gas may cost, 0 .. 10000 hundredths of a percent.
   * @default 500 (5 %): as much as the protocol's fee
   */
  claimGasShareBps: count(500, 0, 10_000),
  /**
   * What one whole native coin (10^18 wei) is worth, in micro-dollars; turns gas into money.
   * @default 3000000000 (3,000 dollars)
   */
  nativeCoinMicroUsd: money(3_000_000_000n),
  /**
   * How often the claim policy looks, 100 ms .. 1 day.
   * @default 1 minute
   */
  claimCheckMs: count(MINUTE_MS, 100, 24 * HOUR_MS),
  /**
   * Longest pause between attempts while the chain does not answer, 100 ms .. 1 day; the first is a second.
   * @default 5 minutes
   */
  claimRetryMaxMs: count(5 * MINUTE_MS, 100, 24 * HOUR_MS),
  /**
   * Channels in one claim transaction, 1 .. 200.
   * @default 100: about 1.7 million gas
   */
  claimBatchMax: count(100, 1, 200),
  /**
   * How long before a thaw ends the claim is sent whatever it brings, 1 s .. 7 days.
   * @default 6 hours: a quarter of the shortest thaw, so that an outage of hours costs nothing
   */
  thawMarginMs: count(6 * HOUR_MS, 1_000, 7 * 24 * HOUR_MS),
  /**
   * How long another fork of the chain may still undo a transaction, 1 s .. 1 day: until then it is looked at again.
   * @default 15 minutes: Ethereum is final after 13, chains that settle on it are not undone later than that
   */
  finalAfterMs: count(FINAL_AFTER_DEFAULT_MS, 1_000, 24 * HOUR_MS),
  /**
   * Claim everything before stopping.
   * @default false: vouchers keep; the next start goes on
   */
  claimOnStop: z.boolean().default(false),
})

/** Parsed options of the payer side. */
export interface MarketPayerOptions {
  readonly prepayMaxMicroUsd: MicroUsd
  readonly payAfterMs: number
  readonly payEntriesMax: number
  readonly payTimeoutMs: number
  readonly openTimeoutMs: number
  readonly retryFirstMs: number
  readonly retryMaxMs: number
  readonly lostAfterMs: number
  readonly askedAtOnceMax: number
  readonly finalAfterMs: number
  readonly purseCheckMs: number
  readonly purseIdleMs: number
  readonly purseMinimumMicroUsd: MicroUsd
}

/** What may be written for {@link MarketPayerOptions}; defaults are filled in. */
export type MarketPayerInput = {
  readonly [Key in keyof MarketPayerOptions]?:
    | (MarketPayerOptions[Key] extends bigint ? MoneyInput : MarketPayerOptions[Key])
    | undefined
}

/** Options of the payer side; strict, so that a misspelt one is refused. */
export const marketPayerOptionsSchema: z.ZodType<MarketPayerOptions, MarketPayerInput> = z.strictObject({
  /**
   * Most that is paid ahead to a provider for which this payer is new, in micro-dollars: what a provider can keep
   * without delivering.
   * @default 10000 (a cent)
   */
  prepayMaxMicroUsd: money(10_000n),
  /**
   * Accepted work is paid at the latest after this, 10 ms .. 1 hour; half a credit window or a full increment pay sooner.
   * @default 1 second
   */
  payAfterMs: count(1_000, 10, HOUR_MS),
  /**
   * Entries that make a full increment, 1 .. 2048.
   * @default 1024: about 130 KB
   */
  payEntriesMax: count(1_024, 1, 2_048),
  /**
   * How long one payment message may take, 100 ms .. 10 minutes.
   * @default 10 seconds
   */
  payTimeoutMs: count(10_000, 100, 10 * MINUTE_MS),
  /**
   * How long opening one channel may take, chain lag included, 100 ms .. 10 minutes.
   * @default 20 seconds
   */
  openTimeoutMs: count(20_000, 100, 10 * MINUTE_MS),
  /**
   * First pause before a message is repeated, 10 ms .. 1 minute; doubles each time.
   * @default 250 ms
   */
  retryFirstMs: count(250, 10, MINUTE_MS),
  /**
   * Longest pause before a message is repeated, 10 ms .. 1 hour.
   * @default 30 seconds
   */
  retryMaxMs: count(30_000, 10, HOUR_MS),
  /**
   * A provider that has not answered for so long is shown as lost, 100 ms .. 1 hour; it is still asked now and then.
   * @default 15 seconds
   */
  lostAfterMs: count(15_000, 100, HOUR_MS),
  /**
   * Providers that are asked for quotes or opened at once, 1 .. 1000.
   * @default 32
   */
  askedAtOnceMax: count(32, 1, 1_000),
  /**
   * How long another fork of the chain may still undo a transaction, 1 s .. 1 day: until then it is looked at again.
   * @default 15 minutes, as on the provider's side
   */
  finalAfterMs: count(FINAL_AFTER_DEFAULT_MS, 1_000, 24 * HOUR_MS),
  /**
   * How often purses are looked at that are idle or whose thaw is over, 1 s .. 1 day.
   * @default 10 minutes
   */
  purseCheckMs: count(10 * MINUTE_MS, 1_000, 24 * HOUR_MS),
  /**
   * A purse that nobody has used for so long is thawed and closed, so that what it holds comes home, 1 minute .. 10 years.
   * @default 7 days: whoever runs jobs once a week need not lock money anew
   */
  purseIdleMs: count(7 * 24 * HOUR_MS, MINUTE_MS, 3_653 * 24 * HOUR_MS),
  /**
   * What an idle purse must still hold to be thawed by itself, in micro-dollars; less is left where it is, and can be taken back
   * by hand.
   * @default 100000 (ten cents): the gas of two transactions is far below that where fees are low
   */
  purseMinimumMicroUsd: money(100_000n),
})

/** Parsed options of the offer book. */
export interface OfferBookOptions {
  readonly offerLifeMs: number
  readonly refreshMs: number
  readonly offersPerMinuteMax: number
  readonly offersPerResourceMax: number
  readonly regions: readonly string[]
  readonly exchangePeersMax: number
  readonly exchangeTimeoutMs: number
}

/** What may be written for {@link OfferBookOptions}; defaults are filled in. */
export type OfferBookInput = { readonly [Key in keyof OfferBookOptions]?: OfferBookOptions[Key] | undefined }

/** Options of the offer book; strict, so that a misspelt one is refused. */
export const offerBookOptionsSchema: z.ZodType<OfferBookOptions, OfferBookInput> = z.strictObject({
  /**
   * How long an own offer is good in a network of a few hundred nodes, 1 s .. 1 hour.
   * @default 5 minutes: a node that died is forgotten soon
   */
  offerLifeMs: count(5 * MINUTE_MS, 1_000, HOUR_MS),
  /**
   * How often own offers are published again in a network of a few hundred nodes, 100 ms .. 30 minutes; sooner when the
   * first peers come.
   * @default 90 s: three chances within the life of one
   */
  refreshMs: count(90_000, 100, 30 * MINUTE_MS),
  /**
   * Offers of one resource that all nodes together publish in a minute, 1 .. 1000000: with more nodes than that allows,
   * each publishes more rarely, and its offers are good for longer.
   * @default 200: about 17 kB/s for each node, whatever the size of the network
   */
  offersPerMinuteMax: count(200, 1, 1_000_000),
  /**
   * Offers of others that are kept per resource, 1 .. 100000. Who came first stays while it renews its offer; only what
   * others told, and operators with many nodes, give way.
   * @default 4096: about 8 MB
   */
  offersPerResourceMax: count(4_096, 1, 100_000),
  /**
   * Regions whose offers are listened to; empty listens to the topic of all regions.
   * @default []
   */
  regions: z.array(z.string().min(1).max(32)).max(32).default([]),
  /**
   * Peers that are asked for the offers they know on a cold start, 1 .. 64.
   * @default 8
   */
  exchangePeersMax: count(8, 1, 64),
  /**
   * How long one peer may take to answer that, 100 ms .. 1 minute.
   * @default 5 seconds
   */
  exchangeTimeoutMs: count(5_000, 100, MINUTE_MS),
})
