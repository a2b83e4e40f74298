import {
  type Chain,
  type Clock,
  CoreError,
  type Hash,
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
  type SteadError,
  type Store,
  type StoreOperation,
  type Timer,
} from '@stead/core'
import { escrowSeparator, purseIdOf, type Quote, type Resource, type Secp256k1 } from '@stead/protocol'
import { MarketError } from '../errors.ts'
import { Journal } from '../journal/journal.ts'
import { type ChannelRow, channelRowSchema } from '../journal/rows.ts'
import { hashKey, PAYER_TABLES, put } from '../journal/tables.ts'
import type { OfferEntry } from '../offers/offer-entry.ts'
import type { MarketPayerOptions } from '../options.ts'
import { askQuote, asSteadError, type QuoteAsker } from '../quotes/ask-quote.ts'
import type { OpenedQuote, QuoteAnswer } from '../quotes/quote-answer.ts'
import { ReceiptStore } from '../receipts/receipt-store.ts'
import type { ReceiptFilter, StoredReceipt } from '../receipts/stored-receipt.ts'
import type { ChannelDriver } from './channel-driver.ts'
import { closeChannels } from './close-channels.ts'
import { DriverLoader } from './driver-loader.ts'
import { IdlePurses } from './idle-purses.ts'
import { mapBounded } from './map-bounded.ts'
import type { PayerChannel, RefusedOpening } from './payer-channel.ts'
import type { PaymentReport, SettleOptions, UnsettledChannel } from './payment-report.ts'
import { type ChannelShare, type FundedChannel, PurseDesk } from './purse-desk.ts'
import type { PurseRecord } from './purse-record.ts'
import { reusableChannels } from './reusable-channels.ts'

/** What the payer side stands on. */
export interface MarketPayerComponents {
  readonly network: Network
  readonly store: Store
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  /** The node key: signs vouchers. The chain's account pays for purses and may be another one. */
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Whom to ask for what. */
export interface QuotesRequest {
  readonly resource: Resource
  /** DAG-CBOR of the resource's own schema, at most 4 KiB. */
  readonly need: Uint8Array
  readonly providers: readonly OfferEntry[]
  /** For all of them together. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** What came of opening channels. */
export interface OpenedChannels {
  /** In the order of the shares, without the refused ones. */
  readonly channels: readonly PayerChannel[]
  readonly refused: readonly RefusedOpening[]
  /** The purse that was locked for them; undefined when open channels were enough. */
  readonly purse: Hash | undefined
}

const SETTLE_TIMEOUT_MS = 30_000
const REQUOTE_TIMEOUT_MS = 5_000
/** How often the chain is asked about purses in doubt. */
const CONFIRM_MS = 30_000

/** The payer's side of the market: quotes, purses, channels, vouchers and receipts. */
export class MarketPayer {
  readonly #components: MarketPayerComponents
  readonly #options: MarketPayerOptions
  readonly #journal: Journal
  readonly #purses: PurseDesk
  readonly #receipts: ReceiptStore
  readonly #loader: DriverLoader
  readonly #asker: QuoteAsker
  readonly #idle: IdlePurses
  readonly #drivers: Map<Hash, ChannelDriver> = new Map()
  readonly #abort: AbortController = new AbortController()
  #stopListening: (() => void) | undefined
  #confirmTimer: Timer | undefined
  #confirming: Promise<void> = Promise.resolve()
  #isRunning = false

  constructor(components: MarketPayerComponents, options: MarketPayerOptions) {
    this.#components = components
    this.#options = options
    const { store, chain, signer } = components
    const journal = new Journal(store)
    this.#journal = journal
    this.#purses = new PurseDesk({ ...components, journal }, options)
    this.#receipts = new ReceiptStore(store, PAYER_TABLES, chain.identity)
    this.#idle = new IdlePurses(
      {
        ...components,
        purses: () => this.#purses.records(),
        driversOf: (purse) => this.#driversOf(purse),
        thaw: (purse) => this.thaw(purse),
        close: (purse) => this.close(purse),
        rest: (purse) => this.#retire(purse, { restingSince: components.clock.now() }),
      },
      options,
    )
    const separator = escrowSeparator(chain.identity)
    const requote = (peer: PeerId, quote: Quote, need: Uint8Array): Promise<OpenedQuote | undefined> =>
      this.#requote(peer, quote, need)
    this.#loader = new DriverLoader({ ...components, journal, separator, receipts: this.#receipts, requote }, options)
    const { prepayMaxMicroUsd } = options
    this.#asker = { ...components, chain: chain.identity, payer: signer.address, prepayMaxMicroUsd }
  }

  /**
   * Reads the journal, brings both sides' books together and sends again what has no receipt, both in the background.
   * @throws CoreError STORE_FAILED, STORE_CORRUPT
   */
  async start(): Promise<void> {
    await this.#purses.load()
    const closed = new Set<Hash>()
    for await (const { id, row } of this.#receipts.channelRows()) {
      if (row.stage === 'closed') continue
      const purse = purseIdOf(this.#components.chain.identity, row.seed)
      if (this.#purses.stageOf(purse) === 'closed') closed.add(purse)
      else if (row.restingSince === undefined) await this.#restore(id, row)
    }
    // The last process died before it had closed their channels.
    for (const purse of closed) await this.#closeChannels(purse)
    this.#isRunning = true
    this.#idle.start()
    this.#stopListening = this.#components.network.listen({
      peerConnected: (peer) => {
        for (const driver of this.#drivers.values()) if (driver.peer === peer) driver.onPeerConnected()
      },
    })
    for (const driver of this.#drivers.values()) {
      const stage = this.#purses.stageOf(driver.terms.purse)
      if (stage === 'thawing') driver.setThawing(true)
      if (stage !== 'funding') driver.kick()
    }
    this.#confirm()
  }

  /** Stops paying; what is journaled is paid after the next start. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return
    this.#isRunning = false
    this.#confirmTimer?.clear()
    this.#stopListening?.()
    this.#abort.abort()
    const idle = this.#idle.stop()
    for (const driver of this.#drivers.values()) driver.stop()
    await Promise.all(Array.from(this.#drivers.values(), (driver) => driver.stopped()))
    await idle
    await this.#confirming
    await this.#journal.drain()
  }

  /** Asks many providers at once; every answer is a quote, a refusal or a failure with its reason, in their order. */
  async quotes(request: QuotesRequest): Promise<readonly QuoteAnswer[]> {
    this.#requireRunning()
    const { clock } = this.#components
    const { resource, need, providers } = request
    const deadlineMs = clock.monotonicMs() + request.timeoutMs
    const signal =
      request.signal === undefined ? this.#abort.signal : AbortSignal.any([this.#abort.signal, request.signal])
    return mapBounded(providers, this.#options.askedAtOnceMax, async (provider): Promise<QuoteAnswer> => {
      const timeoutMs = deadlineMs - clock.monotonicMs()
      const { node, operator } = provider.offer
      const source = { peer: provider.peer, node, operator }
      if (timeoutMs > 0)
        return { provider, ...(await askQuote(this.#asker, source, { resource, need, timeoutMs, signal })) }
      const error = new CoreError('NETWORK_TIMEOUT', `no time was left to ask ${provider.peer}`)
      return { kind: 'failure', provider, error }
    })
  }

  /**
   * Locks one purse for all shares in one transaction and opens the channels; open channels with enough room left are
   * used instead of new ones. Refused openings are reported, not thrown.
   * @throws MarketError MARKET_UNFUNDED and the chain's errors
   */
  async openChannels(shares: readonly ChannelShare[]): Promise<OpenedChannels> {
    this.#requireRunning()
    const first = await this.#openAll(shares)
    const thawed = first.outcomes.filter(
      ({ driver, error }) => error !== undefined && this.#purses.stageOf(driver.terms.purse) === 'thawing',
    )
    // Their purse is used no more, by the chain's word and not by a provider's: once more is enough.
    const used = new Set(first.outcomes.map(({ driver }) => driver))
    const again =
      thawed.length === 0
        ? undefined
        : await this.#openAll(
            thawed.map(({ share }) => share),
            used,
          )
    const outcomes = first.outcomes.map((outcome) => again?.outcomes[thawed.indexOf(outcome)] ?? outcome)
    return {
      channels: outcomes.flatMap(({ driver, error }) => (error === undefined ? [driver] : [])),
      refused: outcomes.flatMap(({ driver, error }) =>
        error === undefined ? [] : [{ node: driver.terms.node, error }],
      ),
      purse: first.purse ?? again?.purse,
    }
  }

  /** One outcome for each share, in their order. @param used channels that are other shares' */
  async #openAll(shares: readonly ChannelShare[], used: ReadonlySet<ChannelDriver> = new Set()) {
    const locked = Array.from(this.#drivers.values()).filter(
      ({ terms }) => this.#purses.stageOf(terms.purse) === 'funded',
    )
    const reused = reusableChannels(shares, { drivers: locked, used })
    for (const driver of reused.values()) driver.noteUse()
    const fresh = shares.filter((share) => !reused.has(share))
    const funded = fresh.length === 0 ? [] : await this.#fund(fresh)
    const created = new Map<ChannelShare, ChannelDriver>()
    for (const [position, share] of fresh.entries()) {
      const channel = funded[position]
      if (channel === undefined) continue
      const driver = this.#loader.create(channel)
      this.#drivers.set(driver.id, driver)
      created.set(share, driver)
    }
    const outcomes = await mapBounded(shares, this.#options.askedAtOnceMax, async (share) => {
      const known = reused.get(share)
      const driver = known ?? created.get(share)
      if (driver === undefined) throw new RangeError('a share has no channel')
      return { share, driver, error: await this.#openOne(driver, known === undefined ? undefined : share.quote) }
    })
    return { outcomes, purse: funded[0]?.purse }
  }

  /** All channels that are not closed. */
  channels(): readonly PayerChannel[] {
    return Array.from(this.#drivers.values())
  }

  /** What the buying side holds in memory, with the most that it may; channels and purses are this payer's own doing. */
  sizes(): readonly Size[] {
    const drivers = Array.from(this.#drivers.values())
    return [
      { what: 'nodes with an account', have: this.#loader.accountCount, max: drivers.length },
      ...drivers.flatMap((driver) => driver.sizes()),
    ]
  }

  /** Replaces the quote of a channel, say with one at a new price. @throws MarketError and the network's errors */
  async renew(channel: Hash, quote: OpenedQuote): Promise<void> {
    this.#requireRunning()
    const driver = this.#drivers.get(channel)
    const error = driver === undefined ? unknownChannel(channel) : await this.#openOne(driver, quote)
    if (error !== undefined) throw error
  }

  /**
   * Has the provider of a channel quote again, whether it offers anything now or not: after a restart nobody knows for what it
   * was asked. Nothing when it does not. @throws MarketError and the network's errors
   */
  async requote(channel: Hash, need: Uint8Array): Promise<void> {
    this.#requireRunning()
    const driver = this.#drivers.get(channel)
    if (driver === undefined) throw unknownChannel(channel)
    const opened = await this.#requote(driver.peer, driver.quote, need)
    if (opened !== undefined) await this.renew(channel, opened)
  }

  /** Pays all accepted entries now; resolves when they are receipted, or reports which are not. */
  async settle(options: SettleOptions = {}): Promise<PaymentReport> {
    const chosen = options.channels === undefined ? undefined : new Set(options.channels)
    const drivers = Array.from(this.#drivers.values()).filter(({ id }) => chosen?.has(id) ?? true)
    const timeoutMs = options.timeoutMs ?? SETTLE_TIMEOUT_MS
    const errors = await Promise.all(drivers.map((driver) => driver.settle(timeoutMs)))
    const unsettled = drivers.flatMap((driver, position): UnsettledChannel[] => {
      const error = errors[position]
      if (error === undefined) return []
      const { id: channel, terms, unreceiptedMicroUsd } = driver
      return [{ channel, node: terms.node, unreceiptedMicroUsd, error }]
    })
    const sum = (amount: (driver: ChannelDriver) => bigint): MicroUsd =>
      microUsd(drivers.reduce((total, driver) => total + amount(driver), 0n))
    return {
      paidMicroUsd: sum(({ ledger }) => ledger.signedMicroUsd),
      receiptedMicroUsd: sum(({ ledger }) => ledger.receiptedMicroUsd),
      unsettled,
    }
  }

  /**
   * Journals rows of the caller in one batch with everything that is accepted in this turn: whole or not at all, so
   * that no crash can part a result from its payment. Durability is `process`. Rows that the disk refuses go with the next
   * payment, so that nothing is signed without them.
   * @throws CoreError STORE_FULL, STORE_FAILED
   */
  async journal(rows: readonly StoreOperation[]): Promise<void> {
    await this.#journal.keep(...rows)
  }

  /** The payer's copies of receipts. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  receipts(filter: ReceiptFilter): Promise<readonly StoredReceipt[]> {
    return this.#receipts.list(filter)
  }

  /** All purses that this payer ever locked. */
  async purses(): Promise<readonly PurseRecord[]> {
    return this.#purses.records()
  }

  /** What all vouchers on a purse say together: the rest comes home. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async signedMicroUsd(purse: Hash): Promise<MicroUsd> {
    let signed = 0n
    for (const channel of this.#purses.channelsOf(purse)) {
      const head = this.#drivers.get(channel)?.ledger.head ?? (await this.#receipts.head(channel))?.before
      signed += head?.cumulativeMicroUsd ?? 0n
    }
    return microUsd(signed)
  }

  /**
   * Begins to take back what a purse still holds: its channels serve no more, what is accepted is paid first.
   * @throws MarketError MARKET_PURSE_FOREIGN, the chain's errors
   */
  async thaw(purse: Hash): Promise<PurseRecord> {
    this.#requireRunning()
    const drivers = this.#driversOf(purse)
    const isNew = this.#purses.stageOf(purse) === 'funded'
    for (const driver of drivers) driver.setThawing(true)
    await this.settle({ channels: drivers.map(({ id }) => id) })
    try {
      const record = await this.#purses.thaw(purse)
      this.#confirmLater()
      return record
    } catch (error) {
      if (isNew) for (const driver of drivers) driver.setThawing(false)
      throw error
    }
  }

  /** Takes back what is left after the thaw. @throws MarketError MARKET_PURSE_FOREIGN, the chain's errors */
  async close(purse: Hash): Promise<PurseRecord> {
    this.#requireRunning()
    const record = await this.#purses.close(purse)
    // Another fork may undo it.
    this.#confirmLater()
    await this.#retire(purse, { stage: 'closed' })
    await closeChannels({ store: this.#components.store, journal: this.#journal }, this.#purses.channelsOf(purse))
    return record
  }

  /** The channels of a purse are in the journal alone from now on. */
  async #retire(purse: Hash, change: Pick<ChannelRow, 'restingSince'> | Pick<ChannelRow, 'stage'>): Promise<void> {
    const drivers = this.#driversOf(purse)
    const rows = drivers.map(({ id, row }) =>
      put(PAYER_TABLES.channels, hashKey(id), channelRowSchema.encodeMessage({ ...row, ...change })),
    )
    // Nobody begins to use one while its row is written.
    for (const driver of drivers) driver.setThawing(true)
    try {
      await this.#journal.write(rows, 'power')
    } catch (error) {
      for (const driver of drivers) driver.setThawing(this.#purses.stageOf(purse) !== 'funded')
      throw error
    }
    for (const driver of drivers) {
      driver.stop()
      driver.ledger.detach()
      this.#drivers.delete(driver.id)
    }
    const used = new Set(Array.from(this.#drivers.values(), ({ terms }) => terms.node))
    for (const { terms } of drivers) if (!used.has(terms.node)) this.#loader.forget(terms.node)
  }

  /** A disk that is full now may have room at the next start. */
  async #closeChannels(purse: Hash): Promise<void> {
    const { store, logger } = this.#components
    try {
      await closeChannels({ store, journal: this.#journal }, this.#purses.channelsOf(purse))
    } catch (error) {
      logger.warn('channels of a purse that is closed stay in the journal', { purse, error: messageOf(error) })
    }
  }

  async #fund(shares: readonly ChannelShare[]): Promise<readonly FundedChannel[]> {
    try {
      return await this.#purses.fund(shares)
    } finally {
      // Its transaction may be on its way, or be undone: its money must not be lost sight of.
      this.#confirmLater()
    }
  }

  /** A provider that does not find the purse is asked again once this node has made sure that it is there. */
  async #openOne(driver: ChannelDriver, renewal: OpenedQuote | undefined): Promise<SteadError | undefined> {
    const error = await this.#tryOpening(driver, renewal)
    const code = error?.details.remoteCode
    if (code === 'MARKET_PURSE_THAWING') await this.#ask([driver.terms.purse], (purse) => this.#findThaw(purse))
    if (code !== 'MARKET_PURSE_UNKNOWN') return error
    await this.#ask([driver.terms.purse], (purse) => this.#purses.keepLocked(purse))
    return this.#tryOpening(driver, renewal)
  }

  /** What a provider says of a purse is looked at on chain: it may thaw since a call whose answer was lost. */
  async #findThaw(purse: Hash): Promise<void> {
    if (await this.#purses.findThaw(purse)) for (const driver of this.#driversOf(purse)) driver.setThawing(true)
  }

  async #tryOpening(driver: ChannelDriver, renewal: OpenedQuote | undefined): Promise<SteadError | undefined> {
    try {
      if (renewal !== undefined && renewal.quote.id !== driver.quote.id) await driver.renew(renewal)
      return await driver.ready(this.#options.openTimeoutMs)
    } catch (error) {
      return asSteadError(error)
    }
  }

  async #requote(peer: PeerId, quote: Quote, need: Uint8Array): Promise<OpenedQuote | undefined> {
    const asked = { resource: quote.resource, need, timeoutMs: REQUOTE_TIMEOUT_MS, signal: this.#abort.signal }
    const answer = await askQuote(this.#asker, { peer, node: quote.node, operator: quote.operator }, asked)
    return answer.kind === 'quote' ? answer.opened : undefined
  }

  /** Money that was locked just before a crash is found again, and money whose locking was undone is locked again. */
  #confirm(): void {
    // Before anything else: a timer that has fired and is kept would be waited for, and nobody would look again.
    this.#confirmTimer?.clear()
    this.#confirmTimer = undefined
    if (!this.#isRunning || !this.#hasDoubts) return
    this.#confirming = this.#confirming.then(() => this.#confirmAll()).finally(() => this.#confirmLater())
  }

  #confirmLater(): void {
    if (!this.#isRunning || !this.#hasDoubts || this.#confirmTimer !== undefined) return
    this.#confirmTimer = this.#components.clock.setTimer(CONFIRM_MS, () => this.#confirm())
  }

  get #hasDoubts(): boolean {
    return this.#purses.unsettled.length + this.#purses.young.length > 0
  }

  async #confirmAll(): Promise<void> {
    await this.#ask(this.#purses.unsettled, async (purse) => {
      if (await this.#purses.confirm(purse)) await this.#begin(purse)
    })
    await this.#ask(this.#purses.young, (purse) => this.#purses.keepLocked(purse))
  }

  async #ask(purses: readonly Hash[], about: (purse: Hash) => Promise<void>): Promise<void> {
    for (const purse of purses) {
      if (!this.#isRunning) return
      try {
        await about(purse)
      } catch (error) {
        this.#components.logger.warn('the chain could not be asked about a purse', { purse, error: messageOf(error) })
      }
    }
  }

  /** The channels of a purse that turned out to be there. */
  async #begin(purse: Hash): Promise<void> {
    const channels = new Set(this.#purses.channelsOf(purse).filter((id) => !this.#drivers.has(id)))
    if (channels.size > 0) {
      for await (const { id, row } of this.#receipts.channelRows()) if (channels.has(id)) await this.#restore(id, row)
    }
    for (const driver of this.#driversOf(purse)) driver.kick()
  }

  async #restore(id: Hash, row: ChannelRow): Promise<void> {
    const driver = await this.#loader.restore(id, purseIdOf(this.#components.chain.identity, row.seed), row)
    if (driver !== undefined) this.#drivers.set(id, driver)
  }

  #driversOf(purse: Hash): readonly ChannelDriver[] {
    return Array.from(this.#drivers.values()).filter(({ terms }) => terms.purse === purse)
  }

  #requireRunning(): void {
    if (!this.#isRunning) throw new CoreError('CORE_STOPPED', 'the market is not running')
  }
}

function unknownChannel(channel: Hash): SteadError {
  return new MarketError('MARKET_CHANNEL_UNKNOWN', `this payer has no open channel ${channel}`, {
    details: { channel },
  })
}
