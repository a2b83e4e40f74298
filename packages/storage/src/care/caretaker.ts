import {
  type Address,
  address,
  type Hash,
  type IncomingRequest,
  isSteadError,
  type MicroUsd,
  messageOf,
  microUsd,
  type PeerId,
  type Size,
} from '@stead/core'
import type { MarketProvider, Refusal, SellerQuote, SellerRequest } from '@stead/market'
import { addressOfPeerId } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { Repeater } from '../repeater.ts'
import { placeRowOf } from '../shares/share-desk.ts'
import {
  CARE_LIMITS,
  CARE_PROTOCOL,
  type CareReply,
  type CareRequest,
  careReplySchema,
  careRequestSchema,
  type HandAsk,
} from './care-messages.ts'
import { type CaretakerInput, type CaretakerOptions, caretakerOptionsSchema } from './care-options.ts'
import { WARDS_TABLE, type WardRow, wardRowSchema } from './care-rows.ts'
import { type CareTerms, careKey, careNeedSchema, careTermsSchema } from './care-terms.ts'
import { Ward, type WardComponents } from './ward.ts'
import { WardBook } from './ward-book.ts'

/** What a {@link Caretaker} stands on. */
export interface CaretakerComponents extends Omit<WardComponents, 'sold'> {
  readonly sold: MarketProvider
}

const SECOND_MS = 1000

/** How a caretaker stands with one payer. */
export interface WardStatus {
  readonly payer: Address
  readonly segments: number
  readonly pieces: number
  readonly bytes: number
  readonly budgetMicroUsd: MicroUsd
  readonly spentMicroUsd: MicroUsd
  /** Since when the payer was not heard of. */
  readonly silentMs: number
}

/** Sells care: looks after what payers keep while they are away, with agreements and money of its own, within what they paid ahead. */
export class Caretaker {
  readonly #components: CaretakerComponents
  readonly #options: CaretakerOptions
  readonly #wards: Map<Address, Ward> = new Map()
  /** Work on the same payer comes one after another. */
  readonly #turns: Map<Address, Promise<unknown>> = new Map()
  readonly #announced: Set<Address> = new Set()
  readonly #rounds: Repeater
  readonly #looks: Repeater
  #isRunning = false

  constructor(components: CaretakerComponents, options: CaretakerInput = {}) {
    this.#components = components
    this.#options = Object.freeze(caretakerOptionsSchema.parse(options))
    const { clock, random } = components
    this.#rounds = new Repeater(clock, async () => {
      await this.#tried('what a payer keeps could not be looked after', (ward) => ward.round())
      return this.#options.roundEveryMs
    })
    this.#looks = new Repeater(clock, async () => {
      await this.#tried('nodes could not be asked', (ward) => ward.look())
      // Nobody knows when.
      return this.#options.lookEveryMs * (0.5 + random.fraction())
    })
  }

  /** Brings all wards back, registers with the market and serves. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const { store, network, sold } = this.#components
    for (const { key, value } of await store.scan(WARDS_TABLE)) {
      const book = new WardBook(store, address(key), wardRowSchema.decodeMessage(value))
      await this.#open(book)
    }
    this.#isRunning = true
    sold.sell({
      resource: 'care',
      terms: () => careTermsSchema.encodeDocument(this.#terms()),
      quote: (request) => this.#quote(request),
    })
    network.handle(CARE_PROTOCOL, CARE_LIMITS, (request) => this.#serve(request))
    this.#rounds.start(this.#options.roundEveryMs)
    this.#looks.start(0)
  }

  /** Looks after nothing any more; goes on after the next start. */
  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all([this.#rounds.stop(), this.#looks.stop()])
    await Promise.all(Array.from(this.#wards.values(), (ward) => ward.idle()))
  }

  /** The terms for an offer as DAG-CBOR; undefined while no payer more can be looked after. */
  offerTerms(): Uint8Array | undefined {
    const isFull = this.#activeCount >= this.#options.wardsMax
    return this.#isRunning && !isFull ? careTermsSchema.encodeDocument(this.#terms()) : undefined
  }

  status(): readonly WardStatus[] {
    return Array.from(this.#wards.values(), (ward) => {
      const { segments, pieces, bytes, budgetMicroUsd, spentMicroUsd } = ward.standing()
      const { silentMs } = ward
      return { payer: ward.book.payer, segments, pieces, bytes, budgetMicroUsd, spentMicroUsd, silentMs }
    })
  }

  /** What it holds in memory, structure by structure. */
  sizes(): readonly Size[] {
    const { wardsMax, segmentsMax } = this.#options
    const segments = Math.max(0, ...Array.from(this.#wards.values(), (ward) => ward.segmentCount))
    return [
      { what: 'payers that are looked after', have: this.#activeCount, max: wardsMax },
      { what: 'segments of one payer that is looked after', have: segments, max: segmentsMax },
    ]
  }

  /** One round for all wards now. Rounds come by themselves. */
  async round(): Promise<void> {
    await this.#tried('what a payer keeps could not be looked after', (ward) => ward.round())
  }

  /** One look at all nodes now. */
  async look(): Promise<void> {
    await this.#tried('nodes could not be asked', (ward) => ward.look())
  }

  get #activeCount(): number {
    return Array.from(this.#wards.values()).filter(({ book }) => !book.row.isDismissed).length
  }

  #terms(): CareTerms {
    const { sharePpm, segmentsMax, absentAfterMs } = this.#options
    return { version: 1, sharePpm, segmentsMax, absentSeconds: Math.ceil(absentAfterMs / SECOND_MS) }
  }

  #quote({ payer, need }: SellerRequest): SellerQuote | Refusal {
    careNeedSchema.decodeDocument(need)
    if (!this.#wards.has(payer) && this.#activeCount >= this.#options.wardsMax) {
      const details = { have: this.#activeCount, limit: this.#options.wardsMax }
      return { code: 'busy', message: `${details.have} payers are looked after, its most`, details }
    }
    return {
      terms: careTermsSchema.encodeDocument(this.#terms()),
      concurrency: CARE_LIMITS.inFlightPerPeerMax,
      leastUnitMicroUsd: microUsd(1n),
    }
  }

  async #serve({ peer, payload }: IncomingRequest): Promise<Uint8Array> {
    return careReplySchema.encodeMessage(await this.#answer(peer, careRequestSchema.decodeMessage(payload)))
  }

  async #answer(peer: PeerId, { hand, places, standing, bill, settle }: CareRequest): Promise<CareReply> {
    if (places !== undefined) return { places: await this.#places(places.segment), periods: [] }
    const payer = addressOfPeerId(peer)
    if (hand !== undefined) return standingReply(await this.#inTurn(payer, () => this.#take(peer, payer, hand)))
    const ward = this.#require(payer)
    if (standing === true) return standingReply(ward)
    if (bill !== undefined) return { places: [], periods: await ward.bills.next(bill) }
    if (settle === undefined)
      throw new StorageError('STORAGE_UNSUPPORTED', 'the request asks for nothing that is known here')
    await ward.bills.settle(peer, settle)
    return standingReply(ward)
  }

  async #places(segment: Uint8Array): Promise<CareReply['places']> {
    for (const ward of this.#wards.values()) {
      const places = await ward.places(segment)
      if (places !== undefined) return places.map(placeRowOf)
    }
    return []
  }

  async #take(peer: PeerId, payer: Address, hand: HandAsk): Promise<Ward> {
    const ward = this.#wards.get(payer) ?? (await this.#appoint(peer, payer, hand))
    const { segmentsMax } = this.#options
    const count = ward.segmentCount + hand.put.length
    if (hand.put.length > 0 && count > segmentsMax)
      throw new StorageError('STORAGE_NO_ROOM', `${count} segments, at most ${segmentsMax} are looked after`, {
        details: { need: count, have: segmentsMax },
      })
    const { row } = ward.book
    const now = this.#components.clock.now()
    const { perDayMicroUsd, isDismissed } = hand
    const channel = row.channel === hand.channel ? {} : this.#channel(peer, hand.channel)
    // What was said before an absence is no news: the payer's nodes may have given it up since.
    const wasCurrent = ward.book.row.isCurrent && ward.silentMs < this.#options.absentAfterMs
    await ward.book.change({ ...channel, perDayMicroUsd, isDismissed, heardAt: now, isCurrent: wasCurrent })
    await ward.take(hand)
    if (hand.isComplete && !wasCurrent) await ward.book.change({ isCurrent: true })
    void this.#announce(payer)
    return ward
  }

  async #appoint(peer: PeerId, payer: Address, hand: HandAsk): Promise<Ward> {
    const channel = this.#channel(peer, hand.channel)
    if (this.#activeCount >= this.#options.wardsMax)
      throw new StorageError('STORAGE_BUSY', `${this.#activeCount} payers are looked after, its most`)
    const { perDayMicroUsd, priceMaxMicroUsdPerTibHour, hasDistinctSubnets } = hand
    const row: WardRow = {
      version: 1,
      peer,
      ...channel,
      perDayMicroUsd,
      priceMaxMicroUsdPerTibHour,
      hasDistinctSubnets,
      heardAt: this.#components.clock.now(),
      madePieces: 0,
      isDismissed: false,
      isCurrent: false,
    }
    const book = new WardBook(this.#components.store, payer, row)
    await book.write(row)
    return await this.#open(book)
  }

  /** A channel that was paid ahead, with a budget that begins now. @throws StorageError STORAGE_CARE_UNKNOWN; MarketError MARKET_CHANNEL_UNKNOWN */
  #channel(peer: PeerId, channel: Hash): Pick<WardRow, 'channel' | 'sharePpm' | 'appointedAt' | 'billedMicroUsd'> {
    const { sold, clock } = this.#components
    const paidMicroUsd = sold.paidMicroUsd({ peer, channel })
    const quote = sold.quoteOf(channel)
    if (paidMicroUsd === 0n || quote.resource !== 'care')
      throw new StorageError('STORAGE_CARE_UNKNOWN', 'the channel does not pay for care', { details: { channel } })
    const { sharePpm } = careTermsSchema.decodeDocument(quote.terms)
    return { channel, sharePpm, appointedAt: clock.now(), billedMicroUsd: microUsd(0n) }
  }

  async #open(book: WardBook): Promise<Ward> {
    const ward = new Ward(this.#components, this.#options, book)
    await ward.start()
    this.#wards.set(book.payer, ward)
    if (!book.row.isDismissed) void this.#announce(book.payer)
    return ward
  }

  #require(payer: Address): Ward {
    const ward = this.#wards.get(payer)
    if (ward !== undefined) return ward
    throw new StorageError('STORAGE_CARE_UNKNOWN', `nothing of ${payer} is looked after here`, { details: { payer } })
  }

  /** Lets readers find what was repaired. Not waited for. */
  async #announce(payer: Address): Promise<void> {
    if (this.#announced.has(payer)) return
    this.#announced.add(payer)
    try {
      await this.#components.network.provide(careKey(payer))
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#announced.delete(payer)
      this.#components.logger.debug('a caretaker was not announced', { payer, error: messageOf(error) })
    }
  }

  async #tried(failure: string, work: (ward: Ward) => Promise<unknown>): Promise<void> {
    for (const ward of [...this.#wards.values()]) {
      try {
        await work(ward)
      } catch (error) {
        // Its disk or the chain is away: soon it is tried again, and the others do not wait for it.
        this.#components.logger.error(failure, { payer: ward.book.payer, error: messageOf(error) })
      }
      if (!ward.book.row.isDismissed) void this.#announce(ward.book.payer)
    }
  }

  async #inTurn<Result>(payer: Address, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(payer) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => undefined)
    this.#turns.set(payer, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(payer) === settled) this.#turns.delete(payer)
    }
  }
}

function standingReply(ward: Ward): CareReply {
  return { standing: ward.standing(), places: [], periods: [] }
}
