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
import { channelNumberKey, hashKey, PROVIDER_TABLES, put } from '../journal/tables.ts'
import type { ChannelReply, OpenAsk } from '../messages.ts'
import type { MarketProviderOptions } from '../options.ts'
import { ReceiptStore } from '../receipts/receipt-store.ts'
import { ChannelRoom } from './channel-room.ts'
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
  /** Channels of which a claim may still be on its way, or be undone by another fork. */
  readonly youngClaims: () => ReadonlySet<Hash>
}

/** Quotes of one channel that are kept: a renewal every few minutes for weeks. */
const QUOTES_MAX = 4_096

/** Opens channels, brings them back after a restart, and says how they stand. */
export class ChannelDesk {
  readonly #components: ChannelDeskComponents
  readonly #options: MarketProviderOptions
  readonly #rate: RateLimit
  readonly #room: ChannelRoom
  readonly receipts: ReceiptStore

  constructor(components: ChannelDeskComponents, options: MarketProviderOptions) {
    this.#components = components
    this.#options = options
    this.#rate = new RateLimit(components.clock, options.opensPerMinutePerPeer)
    this.#room = new ChannelRoom(components, options)
    this.receipts = new ReceiptStore(components.store, PROVIDER_TABLES, components.chain.identity)
  }

  /** Brings back every channel that is not closed and does not rest. */
  async load(): Promise<void> {
    for await (const { id, row } of this.receipts.channelRows()) {
      if (row.stage === 'closed' || row.restingSince !== undefined) continue
      const channel = await this.#restore(id, row)
      if (channel !== undefined) this.#room.restore(channel)
    }
  }

  /** What this desk and the books of its channels hold, with the most that they may. */
  sizes(): readonly Size[] {
    const channels = Array.from(this.#room.all())
    return [
      ...this.#room.sizes(),
      { what: 'payers with channels', have: this.#components.payers.count, max: this.#options.channelsMax },
      { what: 'peers that opened channels', ...this.#rate.size },
      ...channels.flatMap(({ ledger, account, quoteCount }) => [
        ...ledger.sizes(),
        { what: 'quotes of a channel', have: quoteCount, max: QUOTES_MAX },
        { what: 'messages of one payer that wait', ...account.queue.size },
      ]),
    ]
  }

  all(): Iterable<ProviderChannel> {
    return this.#room.all()
  }

  /** Channels in memory that a purse pays, as they are now. */
  ofPurse(purse: Hash): readonly ProviderChannel[] {
    return this.#room.ofPurse(purse)
  }

  find(id: Hash): ProviderChannel | undefined {
    return this.#room.find(id)
  }

  /** The channel of this peer. @throws MarketError MARKET_CHANNEL_UNKNOWN */
  require(id: Hash, peer: PeerId): ProviderChannel {
    const channel = this.#room.find(id)
    // Another peer's channel is as unknown to this one as none.
    if (channel === undefined || channel.peer !== peer) throw unknownChannel(id, peer)
    return channel
  }

  /** The purse of a channel that rests is closed: only its receipts stay. @throws CoreError as Store.write */
  async close(id: Hash): Promise<void> {
    await this.#room.close(id)
  }

  /** Takes a channel whose purse is closed out of memory. */
  forget(channel: ProviderChannel): void {
    this.#room.forget(channel)
  }

  /**
   * Brings a channel back that rests; nothing for one that is not known. @throws MarketError MARKET_CHANNEL_LIMIT, MARKET_BUSY,
   * MARKET_PURSE_UNKNOWN; chain and store errors
   */
  async wake(id: Hash, peer: PeerId): Promise<void> {
    if (this.#room.find(id) !== undefined) return
    const row = await this.#rowOf(id)
    if (row === undefined || row.stage === 'closed' || row.peer !== peer) return
    requireRate(this.#rate, peer, this.#options.opensPerMinutePerPeer)
    await this.#wake(id, peer, row)
  }

  /** Opens a channel, or gives an open one a new quote; doing it again changes nothing. @throws MarketError, ProtocolError, chain errors */
  async open(peer: PeerId, ask: OpenAsk): Promise<ChannelReply> {
    requireRate(this.#rate, peer, this.#options.opensPerMinutePerPeer)
    const quote = this.#requireQuote(peer, ask)
    const { chain } = this.#components
    const purse = purseIdOf(chain.identity, ask.seed)
    const leaf = { node: quote.node, operator: quote.operator, allocationMicroUsd: ask.allocationMicroUsd }
    const id = channelIdOf({ purse, ...leaf })
    const known = this.#room.find(id)
    if (known !== undefined) return this.reply(await this.#renew(known, ask, quote))
    checkPurseBranch(ask.seed, leaf, { index: BigInt(ask.branchIndex), steps: ask.branch })
    const row = await this.#rowOf(id)
    if (row === undefined) return this.reply(await this.#openNew({ id, peer, ask, quote, purse }))
    if (row.stage === 'closed') throw thawing(purse, row.thawEndsAt)
    return this.reply(await this.#renew(await this.#wake(id, peer, row), ask, quote))
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

  #openNew(opening: {
    readonly id: Hash
    readonly peer: PeerId
    readonly ask: OpenAsk
    readonly quote: Quote
    readonly purse: Hash
  }): Promise<ProviderChannel> {
    const { id, peer, ask, quote, purse } = opening
    const { chain, clock, payers } = this.#components
    const check = async (): Promise<void> => {
      payers.requireWelcome(quote.payer, await payers.creditOf(quote.payer))
      requireServing(purse, await chain.purse(purse))
    }
    const make = (): Promise<ProviderChannel> => {
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
      return this.#begin({ purse, row, quote, signed: ask.quote })
    }
    return this.#room.bring({ id, peer, check, make })
  }

  /** A channel on which nothing has happened yet. */
  async #begin(first: {
    readonly purse: Hash
    readonly row: ChannelRow
    readonly quote: Quote
    readonly signed: OpenAsk['quote']
  }): Promise<ProviderChannel> {
    const { purse, row, quote, signed } = first
    const { clock, journal, payers, logger } = this.#components
    const account = await payers.take(quote.payer)
    const ledger = new ProviderLedger(
      { head: undefined, outstanding: [], seen: this.#emptySet(), account },
      this.#limits(row),
    )
    const usedAtMs = clock.monotonicMs()
    const channel = new ProviderChannel({
      purse,
      row,
      quote,
      quoteCount: 1,
      ledger,
      account,
      best: undefined,
      usedAtMs,
    })
    try {
      const rows = [
        put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(row)),
        put(PROVIDER_TABLES.quotes, channelNumberKey(channel.id, 0), signedDocumentSchema.encodeMessage(signed)),
      ]
      await journal.write(rows, 'power')
    } catch (error) {
      payers.drop(account)
      throw error
    }
    account.credit = creditAtOpening(account.credit, quote.credit)
    logger.info('channel opened', {
      channel: channel.id,
      payer: quote.payer,
      allocationMicroUsd: row.allocationMicroUsd,
    })
    return channel
  }

  /** Nothing is delivered on it before the journal says that it is back: what it brings is looked after also after a crash. */
  #wake(id: Hash, peer: PeerId, row: ChannelRow): Promise<ProviderChannel> {
    const { chain, journal, logger } = this.#components
    const purse = purseIdOf(chain.identity, row.seed)
    let thawEndsAt: UnixMs | undefined
    const check = async (): Promise<void> => {
      const state = await chain.purse(purse)
      if (state === undefined) throw purseUnknown(purse)
      if (state.closed) throw thawing(purse, state.thawEndsAt)
      thawEndsAt = state.thawEndsAt
    }
    const make = async (): Promise<ProviderChannel> => {
      const channel = await this.#restore(id, row)
      if (channel === undefined) throw unknownChannel(id, peer)
      channel.thawEndsAt = thawEndsAt
      if (channel.stage !== 'broken') channel.stage = thawEndsAt === undefined ? 'open' : 'thawing'
      try {
        await journal.write(
          [put(PROVIDER_TABLES.channels, hashKey(id), channelRowSchema.encodeMessage(channel.row()))],
          'power',
        )
      } catch (error) {
        channel.ledger.detach()
        this.#components.payers.drop(channel.account)
        throw error
      }
      logger.info('a channel that rested is used again', { channel: id, payer: channel.account.payer })
      return channel
    }
    return this.#room.bring({ id, peer, check, make })
  }

  async #rowOf(id: Hash): Promise<ChannelRow | undefined> {
    await this.#room.settled(id)
    const value = await this.#components.store.get(PROVIDER_TABLES.channels, hashKey(id))
    return value === undefined ? undefined : channelRowSchema.decodeMessage(value)
  }

  async #renew(channel: ProviderChannel, ask: OpenAsk, quote: Quote): Promise<ProviderChannel> {
    channel.usedAtMs = this.#components.clock.monotonicMs()
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
    const usedAtMs = this.#components.clock.monotonicMs()
    return new ProviderChannel({ purse, row, quote, quoteCount: quotes.length, ledger, account, best, usedAtMs })
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

/** The error for a channel that this peer does not have here. */
export function unknownChannel(id: Hash, peer: PeerId): MarketError {
  return new MarketError('MARKET_CHANNEL_UNKNOWN', `no channel ${id} of peer ${peer}`, { details: { channel: id } })
}

function requireServing(purse: Hash, state: PurseState | undefined): void {
  if (state === undefined) throw purseUnknown(purse)
  if (state.closed || state.thawEndsAt !== undefined) throw thawing(purse, state.thawEndsAt)
}
