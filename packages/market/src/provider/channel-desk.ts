import type { Chain, Clock, Hash, Logger, PeerId, PurseState, Random, Signer, Size, Store, UnixMs } from '@stead/core'
import { microUsd } from '@stead/core'
import {
  addressOfPeerId,
  channelIdOf,
  checkPurseBranch,
  openQuote,
  purseIdOf,
  type Quote,
  quoteSchema,
  type Secp256k1,
  signedDocumentSchema,
} from '@stead/protocol'
import { creditAtOpening, prepayDue } from '../channel/credit-window.ts'
import { DeliverySet } from '../channel/delivery-set.ts'
import { ProviderLedger } from '../channel/provider-ledger.ts'
import { MarketError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { type ChannelRow, channelRowSchema, entryRowSchema } from '../journal/rows.ts'
import { channelNumberKey, hashKey, PROVIDER_TABLES, put, remove } from '../journal/tables.ts'
import type { ChannelReply, OpenAsk } from '../messages.ts'
import type { MarketProviderOptions } from '../options.ts'
import { ReceiptStore } from '../receipts/receipt-store.ts'
import type { PayerRecords } from './payer-records.ts'
import { ProviderChannel } from './provider-channel.ts'
import { requireRate } from './quote-desk.ts'
import { RateLimit } from './rate-limit.ts'

/** What the channel desk stands on. */
export interface ChannelDeskComponents {
  readonly store: Store
  readonly journal: Journal
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly payers: PayerRecords
  readonly logger: Logger
}

/** Quotes of one channel that are kept: a renewal every few minutes for weeks. */
const QUOTES_MAX = 4_096

/** Opens channels, brings them back after a restart, and says how they stand. */
export class ChannelDesk {
  readonly #components: ChannelDeskComponents
  readonly #options: MarketProviderOptions
  readonly #rate: RateLimit
  readonly #channels: Map<Hash, ProviderChannel> = new Map()
  readonly #opening: Map<Hash, Promise<ProviderChannel>> = new Map()
  readonly receipts: ReceiptStore

  constructor(components: ChannelDeskComponents, options: MarketProviderOptions) {
    this.#components = components
    this.#options = options
    this.#rate = new RateLimit(components.clock, options.opensPerMinutePerPeer)
    this.receipts = new ReceiptStore(components.store, PROVIDER_TABLES, components.chain.identity)
  }

  /** Brings back every channel that is not closed. */
  async load(): Promise<void> {
    for await (const { id, row } of this.receipts.channelRows()) {
      if (row.stage === 'closed') continue
      const channel = await this.#restore(id, row)
      if (channel !== undefined) this.#channels.set(channel.id, channel)
    }
  }

  /** What this desk and the books of its channels hold, with the most that they may. */
  sizes(): readonly Size[] {
    const { channelsMax, channelsPerPayerMax, openingMax } = this.#options
    const channels = Array.from(this.#channels.values())
    const byPeer = Map.groupBy(channels, ({ peer }) => peer)
    const fullest = Math.max(0, ...Array.from(byPeer.values(), (own) => own.length))
    return [
      { what: 'channels', have: channels.length, max: channelsMax },
      { what: 'channels of one payer', have: fullest, max: channelsPerPayerMax },
      { what: 'channels that are being opened', have: this.#opening.size, max: openingMax },
      { what: 'payers with channels', have: this.#components.payers.count, max: channelsMax },
      { what: 'peers that opened channels', ...this.#rate.size },
      ...channels.flatMap(({ ledger, account, quoteCount }) => [
        ...ledger.sizes(),
        { what: 'quotes of a channel', have: quoteCount, max: QUOTES_MAX },
        { what: 'messages of one payer that wait', ...account.queue.size },
      ]),
    ]
  }

  all(): Iterable<ProviderChannel> {
    return this.#channels.values()
  }

  find(id: Hash): ProviderChannel | undefined {
    return this.#channels.get(id)
  }

  /** The channel of this peer. @throws MarketError MARKET_CHANNEL_UNKNOWN */
  require(id: Hash, peer: PeerId): ProviderChannel {
    const channel = this.#channels.get(id)
    // Another peer's channel is as unknown to this one as none.
    if (channel === undefined || channel.peer !== peer) {
      throw new MarketError('MARKET_CHANNEL_UNKNOWN', `no channel ${id} of peer ${peer}`, { details: { channel: id } })
    }
    return channel
  }

  /** Takes a channel whose purse is closed out of memory. */
  forget(channel: ProviderChannel): void {
    if (!this.#channels.delete(channel.id)) return
    channel.ledger.detach()
    this.#components.payers.drop(channel.account)
  }

  /** Opens a channel, or gives an open one a new quote; doing it again changes nothing. @throws MarketError, ProtocolError, chain errors */
  async open(peer: PeerId, ask: OpenAsk): Promise<ChannelReply> {
    requireRate(this.#rate, peer, this.#options.opensPerMinutePerPeer)
    const quote = this.#requireQuote(peer, ask)
    const { chain } = this.#components
    const purse = purseIdOf(chain.identity, ask.seed)
    const leaf = { node: quote.node, operator: quote.operator, allocationMicroUsd: ask.allocationMicroUsd }
    const id = channelIdOf({ purse, ...leaf })
    const known = this.#channels.get(id)
    if (known !== undefined) return this.reply(await this.#renew(known, ask, quote))
    checkPurseBranch(ask.seed, leaf, { index: BigInt(ask.branchIndex), steps: ask.branch })
    let opening = this.#opening.get(id)
    if (opening === undefined) {
      const { openingMax } = this.#options
      if (this.#opening.size >= openingMax) refuse('channels are being opened', this.#opening.size, openingMax)
      opening = this.#openNew(peer, ask, quote, purse).finally(() => this.#opening.delete(id))
      this.#opening.set(id, opening)
    }
    return this.reply(await opening)
  }

  /** How a channel stands, for a payer that starts again. */
  reply(channel: ProviderChannel): ChannelReply {
    const { ledger, account, quote } = channel
    const waiting = ledger.outstanding()
    const outstanding = new Uint8Array(waiting.length * 16)
    for (const [position, entry] of waiting.entries()) outstanding.set(entry.delivery, position * 16)
    return {
      channel: channel.id,
      ...(ledger.head === undefined ? {} : { lastIndex: ledger.head.index }),
      deliveredMicroUsd: ledger.billedMicroUsd,
      cumulativeMicroUsd: ledger.paidMicroUsd,
      windowMicroUsd: account.credit.windowMicroUsd,
      prepayMicroUsd: prepayDue(account.credit, quote.credit),
      outstanding,
      quoteExpiresAt: quote.expiresAt,
    }
  }

  #requireQuote(peer: PeerId, ask: OpenAsk): Quote {
    const { secp256k1, signer, chain, clock } = this.#components
    const quote = openQuote(secp256k1, ask.quote)
    const { chainId, escrow } = chain.identity
    const payer = addressOfPeerId(peer)
    const isOwn = quote.node === signer.address && quote.operator === this.#options.operator
    if (quote.chainId !== chainId || quote.escrow !== escrow) {
      throw new MarketError('MARKET_WRONG_CHAIN', `the quote is for chain ${quote.chainId} and ${quote.escrow}`, {
        details: { needChainId: chainId, haveChainId: quote.chainId },
      })
    }
    if (!isOwn || quote.payer !== payer || ask.seed.voucherSigner !== payer) {
      throw new MarketError(
        'MARKET_PURSE_MISMATCH',
        `the quote of ${quote.node} for ${quote.payer} and the voucher key ${ask.seed.voucherSigner} do not fit payer ${payer}`,
        { details: { payer, quotePayer: quote.payer, voucherSigner: ask.seed.voucherSigner } },
      )
    }
    const now = clock.now()
    if (quote.expiresAt <= now) {
      throw new MarketError('MARKET_QUOTE_EXPIRED', `the quote expired ${now - quote.expiresAt} ms ago`, {
        details: { expiredMs: now - quote.expiresAt },
      })
    }
    return quote
  }

  async #requireRoom(peer: PeerId): Promise<void> {
    const { channelsMax, channelsPerPayerMax } = this.#options
    if (this.#channels.size >= channelsMax) await this.#forgetUnused()
    if (this.#channels.size >= channelsMax) refuse('channels are open', this.#channels.size, channelsMax)
    let own = 0
    for (const channel of this.#channels.values()) if (channel.peer === peer) own += 1
    if (own >= channelsPerPayerMax) refuse('channels of this payer are open', own, channelsPerPayerMax)
  }

  /** A channel on which nothing ever happened gives way: its payer can open it again. */
  async #forgetUnused(): Promise<void> {
    for (const channel of this.#channels.values()) {
      const { ledger } = channel
      if (ledger.head !== undefined || ledger.deliveries > 0 || ledger.inFlight > 0) continue
      this.forget(channel)
      const quotes = Array.from({ length: channel.quoteCount }, (_, number) =>
        remove(PROVIDER_TABLES.quotes, channelNumberKey(channel.id, number)),
      )
      await this.#components.journal.write(
        [remove(PROVIDER_TABLES.channels, hashKey(channel.id)), ...quotes],
        'process',
      )
      return
    }
  }

  async #openNew(peer: PeerId, ask: OpenAsk, quote: Quote, purse: Hash): Promise<ProviderChannel> {
    const { chain, clock, journal, payers, logger } = this.#components
    await this.#requireRoom(peer)
    const credit = await payers.creditOf(quote.payer)
    payers.requireWelcome(quote.payer, credit)
    requireServing(purse, await chain.purse(purse))
    const row: ChannelRow = {
      version: 1,
      seed: ask.seed,
      node: quote.node,
      operator: quote.operator,
      allocationMicroUsd: ask.allocationMicroUsd,
      branchIndex: ask.branchIndex,
      branch: ask.branch,
      peer,
      stage: 'open',
      openedAt: clock.now(),
      claimedMicroUsd: microUsd(0n),
    }
    const account = await payers.take(quote.payer)
    const ledger = new ProviderLedger(
      { head: undefined, outstanding: [], seen: this.#emptySet(), account },
      this.#limits(row),
    )
    const channel = new ProviderChannel({ purse, row, quote, quoteCount: 1, ledger, account, best: undefined })
    try {
      const rows = [
        put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(row)),
        put(PROVIDER_TABLES.quotes, channelNumberKey(channel.id, 0), signedDocumentSchema.encodeMessage(ask.quote)),
      ]
      await journal.write(rows, 'power')
    } catch (error) {
      payers.drop(account)
      throw error
    }
    account.credit = creditAtOpening(account.credit, quote.credit)
    this.#channels.set(channel.id, channel)
    logger.info('channel opened', {
      channel: channel.id,
      payer: quote.payer,
      allocationMicroUsd: row.allocationMicroUsd,
    })
    return channel
  }

  async #renew(channel: ProviderChannel, ask: OpenAsk, quote: Quote): Promise<ProviderChannel> {
    if (channel.stage === 'broken') {
      throw new MarketError('MARKET_CHANNEL_BROKEN', `the books of channel ${channel.id} do not agree`)
    }
    if (channel.stage === 'thawing') throw thawing(channel.terms.purse, channel.thawEndsAt)
    if (channel.isPurseMissing) {
      const { purse } = channel.terms
      requireServing(purse, await this.#components.chain.purse(purse))
      channel.isPurseMissing = false
    }
    if (quote.resource !== channel.quote.resource) {
      throw new MarketError(
        'MARKET_PURSE_MISMATCH',
        `the channel is for ${channel.quote.resource}, the quote for ${quote.resource}`,
      )
    }
    if (quote.id === channel.quote.id || quote.issuedAt < channel.quote.issuedAt) return channel
    if (channel.quoteCount >= QUOTES_MAX) {
      throw new MarketError('MARKET_CHANNEL_LIMIT', `the channel had ${channel.quoteCount} quotes, its most`, {
        details: { have: channel.quoteCount, limit: QUOTES_MAX },
      })
    }
    const row = put(
      PROVIDER_TABLES.quotes,
      channelNumberKey(channel.id, channel.quoteCount),
      signedDocumentSchema.encodeMessage(ask.quote),
    )
    channel.quoteCount += 1
    await this.#components.journal.write([row], 'power')
    channel.quote = quote
    return channel
  }

  async #restore(id: Hash, row: ChannelRow): Promise<ProviderChannel | undefined> {
    const { store, chain, payers, logger } = this.#components
    const prefix = `${hashKey(id)}/`
    const quotes = await this.receipts.quotes(id)
    const newest = quotes.at(-1)
    if (newest === undefined) {
      logger.error('a channel in the journal has no quote and is left out', { channel: id })
      return undefined
    }
    const head = await this.receipts.head(id)
    const waiting = await store.scan(PROVIDER_TABLES.delivered, { prefix })
    const outstanding = waiting.map(({ value }) => entryRowSchema.decodeMessage(value))
    const seen = this.#emptySet()
    for (const { value } of await store.scan(PROVIDER_TABLES.seen, { prefix })) seen.addAll(value)
    for (const entry of outstanding) seen.add(entry.delivery)
    const quote = quoteSchema.decodeDocument(newest.document)
    const account = await payers.take(quote.payer)
    account.credit = creditAtOpening(account.credit, quote.credit)
    const ledger = new ProviderLedger({ head: head?.before, outstanding, seen, account }, this.#limits(row))
    // A broken or closed channel's unpaid rest was written off when it broke.
    if (row.stage === 'broken') ledger.detach()
    const best =
      row.voucherMicroUsd !== undefined && row.voucherSignature !== undefined
        ? { cumulativeMicroUsd: row.voucherMicroUsd, signature: row.voucherSignature }
        : head && { cumulativeMicroUsd: head.before.cumulativeMicroUsd, signature: head.row.voucherSignature }
    const purse = purseIdOf(chain.identity, row.seed)
    return new ProviderChannel({ purse, row, quote, quoteCount: quotes.length, ledger, account, best })
  }

  #limits(row: ChannelRow): ConstructorParameters<typeof ProviderLedger>[1] {
    return {
      allocationMicroUsd: row.allocationMicroUsd,
      outstandingMax: this.#options.outstandingPerChannelMax,
      deliveriesMax: this.#options.deliveriesPerChannelMax,
    }
  }

  #emptySet(): DeliverySet {
    return new DeliverySet(Math.trunc(this.#components.random.fraction() * 0xffff_ffff))
  }
}

/** The error for work on a purse that the payer empties. */
export function thawing(purse: Hash, endsAt: UnixMs | undefined): MarketError {
  return new MarketError('MARKET_PURSE_THAWING', `purse ${purse} thaws until ${endsAt ?? 'an unknown time'}`, {
    details: { purse, endsAt },
  })
}

/** The error for work on a purse that the chain does not have, or not any more. */
export function purseUnknown(purse: Hash): MarketError {
  return new MarketError('MARKET_PURSE_UNKNOWN', `the chain has no purse ${purse}`, { details: { purse } })
}

function refuse(what: string, have: number, limit: number): never {
  throw new MarketError('MARKET_CHANNEL_LIMIT', `${have} ${what}, the limit is ${limit}`, { details: { have, limit } })
}

function requireServing(purse: Hash, state: PurseState | undefined): void {
  if (state === undefined) throw purseUnknown(purse)
  if (state.closed || state.thawEndsAt !== undefined) throw thawing(purse, state.thawEndsAt)
}
