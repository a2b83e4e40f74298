import {
  type Address,
  type Chain,
  type Clock,
  CoreError,
  type Counter,
  type Hash,
  hasCode,
  type IncomingRequest,
  type Logger,
  type Metrics,
  type MicroUsd,
  messageOf,
  microUsd,
  type Network,
  type PeerId,
  type Random,
  type Signer,
  type Size,
  type Store,
} from '@stead/core'
import type { Quote, Secp256k1 } from '@stead/protocol'
import { MarketError } from '../errors.ts'
import { Journal } from '../journal/journal.ts'
import {
  channelReplySchema,
  MARKET_PROTOCOL,
  type MarketRequest,
  marketProtocolLimits,
  marketRequestSchema,
  payReplySchema,
  quoteReplySchema,
  rejectReplySchema,
} from '../messages.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { ResourceSeller } from '../quotes/seller.ts'
import type { ReceiptFilter, StoredReceipt } from '../receipts/stored-receipt.ts'
import { ClaimDesk } from '../settlement/claim-desk.ts'
import { reportEarnings } from '../settlement/earnings.ts'
import type { EarningsReport, SettlementRecord, SettlementReport } from '../settlement/settlement-record.ts'
import { loadSettlements } from '../settlement/settlement-rows.ts'
import { ThawWatch } from '../settlement/thaw-watch.ts'
import type { Admission, AdmissionRequest } from './admission.ts'
import { ChannelDesk, purseUnknown, thawing } from './channel-desk.ts'
import { OpenAdmission } from './open-admission.ts'
import { PayDesk } from './pay-desk.ts'
import { PayerRecords } from './payer-records.ts'
import type { ProviderChannel } from './provider-channel.ts'
import { QuoteDesk } from './quote-desk.ts'
import { RestingChannels } from './resting-channels.ts'

/** What the provider side stands on. */
export interface MarketProviderComponents {
  readonly network: Network
  readonly store: Store
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  /** The node key: signs quotes and receipts. */
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly metrics: Metrics
}

/** How long a peer is refused that sends what is no message. */
const REFUSE_MS = 60_000

/** The provider's side of the market: quotes, credit, the books of its channels, receipts and claims. */
export class MarketProvider {
  readonly #components: MarketProviderComponents
  readonly #options: MarketProviderOptions
  readonly #journal: Journal
  readonly #payers: PayerRecords
  readonly #quotes: QuoteDesk
  readonly #channels: ChannelDesk
  readonly #payments: PayDesk
  readonly #thaws: ThawWatch
  readonly #settlements: SettlementRecord[] = []
  readonly #claims: ClaimDesk
  readonly #deliveries: Counter
  readonly #money: Counter
  readonly #idle: (() => void)[] = []
  readonly #admissionEnd: ConstructorParameters<typeof OpenAdmission>[2]
  #inFlight = 0
  #isRunning = false
  #isFinishing = false

  constructor(components: MarketProviderComponents, options: MarketProviderOptions) {
    this.#components = components
    this.#options = options
    const { store, chain, clock, metrics, logger } = components
    const journal = new Journal(store)
    this.#journal = journal
    const payers = new PayerRecords(store, options)
    this.#payers = payers
    this.#quotes = new QuoteDesk(
      { ...components, chain: chain.identity, payers, isFinishing: () => this.#isFinishing },
      options,
    )
    this.#channels = new ChannelDesk(
      { ...components, journal, payers, youngClaims: () => this.#claims.youngClaims() },
      options,
    )
    this.#deliveries = metrics.counter('stead_market_deliveries_total', 'Deliveries by how they ended', ['outcome'])
    this.#money = metrics.counter('stead_market_micro_usd_total', 'Micro-dollars by what became of them', ['kind'])
    const writtenOff = (_: ProviderChannel, amount: bigint): void =>
      this.#money.add(Number(amount), { kind: 'written-off' })
    const paid = (channel: ProviderChannel, amount: bigint): void => {
      this.#money.add(Number(amount), { kind: 'paid' })
      if (channel.thawEndsAt !== undefined) this.#claims.wake()
    }
    this.#payments = new PayDesk(
      {
        ...components,
        journal,
        payers,
        chain: chain.identity,
        channels: this.#channels,
        blockTime: () => chain.blockTime(),
        onPaid: paid,
        onWrittenOff: writtenOff,
      },
      options,
    )
    const channels = (): Iterable<ProviderChannel> => this.#channels.all()
    this.#thaws = new ThawWatch(
      {
        chain,
        clock,
        store,
        journal,
        payers,
        logger,
        channels,
        channelsOf: (purse) => this.#channels.ofPurse(purse),
        forget: (channel) => this.#channels.forget(channel),
        onThaw: () => this.#claims.wake(),
        onWrittenOff: writtenOff,
      },
      options,
    )
    const resting = new RestingChannels({ ...components, onClosed: (channel) => this.#channels.close(channel) })
    this.#claims = new ClaimDesk(
      { ...components, journal, channels, thaws: this.#thaws, resting, settlements: this.#settlements },
      options,
    )
    this.#admissionEnd = { journal, onEnd: (isDelivered) => this.#ended(isDelivered) }
  }

  /** Reads the books and serves `/stead/market/1`. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    this.#settlements.push(...(await loadSettlements(this.#components.store)))
    await this.#channels.load()
    await this.#claims.load(this.#components.store)
    this.#isRunning = true
    this.#components.network.handle(MARKET_PROTOCOL, marketProtocolLimits, (request) => this.#serve(request))
    this.#thaws.start()
    this.#claims.start()
  }

  /** Stops serving; with `claimOnStop` claims first. What was promised to the store is written. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return
    this.#isRunning = false
    this.#thaws.stop()
    await this.#claims.stop()
    if (this.#options.claimOnStop) {
      const { failed } = await this.#claims.settle('stopping').catch((error: unknown) => {
        return { failed: [{ channel: 'all', reason: messageOf(error) }] }
      })
      for (const { channel, reason } of failed) {
        this.#components.logger.warn('a channel could not be claimed before the stop', { channel, reason })
      }
    }
    await this.#journal.drain()
  }

  /** Sells a resource. @throws TypeError when it is sold already */
  sell(seller: ResourceSeller): void {
    this.#quotes.sell(seller)
  }

  /**
   * The door for work: reserves room for one delivery, or says why not. Waits for nothing.
   * @throws MarketError MARKET_CHANNEL_UNKNOWN, MARKET_CREDIT_EXHAUSTED, MARKET_ALLOCATION_EXHAUSTED,
   *   MARKET_PURSE_THAWING, MARKET_PURSE_UNKNOWN, MARKET_QUOTE_EXPIRED, MARKET_DELIVERY_REPEATED, MARKET_DELIVERY_REJECTED,
   *   MARKET_PAYER_REFUSED, MARKET_CHANNEL_BROKEN, MARKET_FINISHING, MARKET_BUSY; CoreError CORE_STOPPED
   */
  admit(request: AdmissionRequest): Admission {
    if (!this.#isRunning) throw new CoreError('CORE_STOPPED', 'the market is not running')
    if (this.#isFinishing) {
      throw new MarketError('MARKET_FINISHING', 'this node finishes what it has and takes nothing new')
    }
    const channel = this.#channels.require(request.channel, request.peer)
    if (channel.stage !== 'open') throw notServing(channel)
    if (channel.isPurseMissing) throw purseUnknown(channel.terms.purse)
    const lateMs = this.#components.clock.now() - channel.quote.expiresAt
    if (lateMs >= 0) {
      throw new MarketError('MARKET_QUOTE_EXPIRED', `the channel's quote expired ${lateMs} ms ago`, {
        details: { expiredMs: lateMs },
      })
    }
    this.#payers.requireWelcome(channel.account.payer, channel.account.credit)
    const key = channel.ledger.admit(request.delivery, request.maximumMicroUsd)
    channel.usedAtMs = this.#components.clock.monotonicMs()
    this.#inFlight += 1
    return new OpenAdmission(channel, key, this.#admissionEnd)
  }

  /** The quote that prices new deliveries on a channel: the one it was opened with, or its renewal. @throws MarketError MARKET_CHANNEL_UNKNOWN */
  quoteOf(channel: Hash): Quote {
    const found = this.#channels.find(channel)
    if (found !== undefined) return found.quote
    throw new MarketError('MARKET_CHANNEL_UNKNOWN', `no channel ${channel}`, { details: { channel } })
  }

  /**
   * Brings a channel back that rests, because it was paid, claimed and not used; undefined for one that is in memory, nothing
   * for one that is not known. Whoever is about to call {@link admit}, {@link quoteOf} or {@link leftMicroUsd} waits for it.
   * @throws MarketError MARKET_CHANNEL_LIMIT, MARKET_BUSY, MARKET_PURSE_UNKNOWN, MARKET_PURSE_THAWING; chain and store errors
   */
  wake({ peer, channel }: Pick<AdmissionRequest, 'peer' | 'channel'>): Promise<void> | undefined {
    return this.#channels.find(channel) === undefined ? this.#channels.wake(channel, peer) : undefined
  }

  /** Whether a delivery is on a channel's books, whatever became of the channel since. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async hasDelivered({ channel, delivery }: Pick<AdmissionRequest, 'channel' | 'delivery'>): Promise<boolean> {
    const live = this.#channels.find(channel)
    return live?.ledger.hasDelivered(delivery) ?? (await this.#channels.receipts.hasEntry(channel, delivery))
  }

  /** What the vouchers of a channel in memory are good for, see {@link wake}; 0 before the first. @throws MarketError MARKET_CHANNEL_UNKNOWN */
  paidMicroUsd({ peer, channel }: Pick<AdmissionRequest, 'peer' | 'channel'>): MicroUsd {
    return this.#channels.require(channel, peer).best?.cumulativeMicroUsd ?? microUsd(0n)
  }

  /** What a channel's allocation has left for deliveries to come. @throws MarketError MARKET_CHANNEL_UNKNOWN, MARKET_PURSE_THAWING, MARKET_CHANNEL_BROKEN */
  leftMicroUsd({ peer, channel }: Pick<AdmissionRequest, 'peer' | 'channel'>): MicroUsd {
    const found = this.#channels.require(channel, peer)
    if (found.stage !== 'open') throw notServing(found)
    return found.ledger.leftMicroUsd
  }

  /** Whether a payer left so much unpaid that it gets nothing more here. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async refuses(payer: Address): Promise<boolean> {
    return !this.#payers.isWelcome(await this.#payers.creditOf(payer))
  }

  /** Takes nothing new from now on; resolves when nothing is in flight. Payments are still taken. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    if (this.#inFlight === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Claims now, whatever the policy says. @throws the chain's errors when it cannot be asked at all */
  settle(): Promise<SettlementReport> {
    return this.#claims.settle('asked')
  }

  /** What the selling side holds in memory, with the most that it may. */
  sizes(): readonly Size[] {
    const { channelsMax } = this.#options
    return [
      ...this.#channels.sizes(),
      ...this.#quotes.sizes(),
      { what: 'purses whose state is known', have: this.#thaws.count, max: channelsMax },
      { what: 'channels that are being claimed', have: this.#claims.claimingCount, max: channelsMax },
    ]
  }

  /** What this node earned and where it is. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  earnings(): Promise<EarningsReport> {
    return reportEarnings({ channels: this.#channels, payers: this.#payers, claims: this.#claims })
  }

  /** The provider's copies of receipts. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  receipts(filter: ReceiptFilter): Promise<readonly StoredReceipt[]> {
    return this.#channels.receipts.list(filter)
  }

  #ended(isDelivered: boolean): void {
    this.#deliveries.add(1, isDelivered ? DELIVERED : RELEASED)
    this.#inFlight -= 1
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #serve({ peer, payload }: IncomingRequest): Promise<Uint8Array> {
    if (!this.#isRunning) throw new CoreError('CORE_STOPPED', 'the market is not running')
    try {
      return await this.#answer(peer, marketRequestSchema.decodeMessage(payload))
    } catch (error) {
      if (hasCode(error, 'PROTOCOL_MALFORMED') || hasCode(error, 'PROTOCOL_TOO_LARGE')) await this.#cutOff(peer, error)
      throw error
    }
  }

  async #answer(peer: PeerId, { quote, open, pay, reject, sync }: MarketRequest): Promise<Uint8Array> {
    if (pay !== undefined) return payReplySchema.encodeMessage(await this.#payments.pay(peer, pay))
    if (quote !== undefined) return quoteReplySchema.encodeMessage(await this.#quotes.answer(peer, quote))
    if (reject !== undefined) return rejectReplySchema.encodeMessage(await this.#payments.reject(peer, reject))
    if (sync !== undefined) {
      await this.#channels.wake(sync.channel, peer)
      const channel = this.#channels.require(sync.channel, peer)
      if (channel.stage === 'broken') throw notServing(channel)
      return channelReplySchema.encodeMessage(this.#channels.reply(channel))
    }
    if (open === undefined)
      throw new MarketError('MARKET_UNSUPPORTED', 'the request asks for nothing that is known here')
    if (this.#isFinishing) {
      throw new MarketError('MARKET_FINISHING', 'this node finishes what it has and takes nothing new')
    }
    return channelReplySchema.encodeMessage(await this.#channels.open(peer, open))
  }

  async #cutOff(peer: PeerId, error: Error): Promise<void> {
    const { network, logger } = this.#components
    logger.warn('a peer sent what is no message and is cut off', { peer, error: error.message, refuseMs: REFUSE_MS })
    await network.disconnect(peer, REFUSE_MS)
  }
}

const DELIVERED = { outcome: 'delivered' }
const RELEASED = { outcome: 'released' }

function notServing(channel: ProviderChannel): MarketError {
  if (channel.stage === 'thawing') return thawing(channel.terms.purse, channel.thawEndsAt)
  return new MarketError('MARKET_CHANNEL_BROKEN', `the books of channel ${channel.id} do not agree`, {
    details: { channel: channel.id },
  })
}
