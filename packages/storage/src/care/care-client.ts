import {
  type Address,
  type Clock,
  type Durability,
  isSteadError,
  type Logger,
  type MicroUsd,
  messageOf,
  microUsd,
  type Network,
  type PeerId,
  type Random,
  type Signer,
  type Store,
  type UnixMs,
} from '@stead/core'
import type { MarketPayer, OfferBook, OfferEntry, PayerChannel, ReceiptChain } from '@stead/market'
import type { Secp256k1 } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { StorageConsumerOptions } from '../options.ts'
import { CareBillDesk } from './care-bill-desk.ts'
import {
  CARE_PROTOCOL,
  type CareReply,
  type CareRequest,
  type CareStanding,
  careReplySchema,
  careRequestSchema,
  type HandAsk,
} from './care-messages.ts'
import { APPOINTED_KEY, APPOINTED_TABLE, type AppointedRow, appointedRowSchema } from './care-rows.ts'
import { type CareTerms, careNeedSchema, careTermsSchema } from './care-terms.ts'
import { type HandedPart, type HandedPlaces, Handover } from './handover.ts'

/** What a {@link CareClient} stands on. */
export interface CareClientComponents {
  readonly network: Network
  readonly market: Pick<MarketPayer, 'channels' | 'quotes' | 'openChannels' | 'requote' | 'journal'>
  readonly offers: OfferBook
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly identity: ReceiptChain
  /** Every segment, with where its pieces surely are. */
  readonly segments: () => AsyncIterable<HandedPlaces>
}

/** Whom a payer appoints, and within which limits. */
export interface CareWish {
  /** @default who takes the smallest share */
  readonly node?: Address
  /** Paid ahead, and all that can be spent. */
  readonly budgetMicroUsd: MicroUsd
  readonly perDayMicroUsd: MicroUsd
}

/** What a node sells that looks after what others keep. */
export interface OfferedCare extends Omit<CareTerms, 'version'> {
  readonly node: Address
  readonly operator: Address
  readonly expiresAt: UnixMs
}

/** A payer's caretaker, as the payer sees it. */
export interface AppointedCaretaker {
  readonly node: Address
  readonly sharePpm: number
  readonly budgetMicroUsd: MicroUsd
  readonly perDayMicroUsd: MicroUsd
  readonly appointedAt: UnixMs
  /** When it last took what was handed over. */
  readonly heardAt: UnixMs
  /** Billed with evidence that was found right. */
  readonly acceptedMicroUsd: MicroUsd
  readonly refusedMicroUsd: MicroUsd
  readonly refusal: string | undefined
  /** What it said last; undefined since the start of this process. */
  readonly standing: CareStanding | undefined
}

const OFFER_WAIT_MS = 10_000
/** For a list that a person waits for. */
const LIST_WAIT_MS = 3000
const QUOTE_TIMEOUT_MS = 10_000
const ASK_TIMEOUT_MS = 30_000
const SECOND_MS = 1000

/** The payer's side of care: appoints a caretaker, tells it what changes, checks and accepts its bills. */
export class CareClient {
  readonly #components: CareClientComponents
  readonly #limits: Pick<StorageConsumerOptions, 'priceMaxMicroUsdPerTibHour' | 'hasDistinctSubnets'>
  readonly #handover: Handover
  readonly #bills: CareBillDesk
  #row: AppointedRow | undefined
  #standing: CareStanding | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    components: CareClientComponents,
    limits: Pick<StorageConsumerOptions, 'priceMaxMicroUsdPerTibHour' | 'hasDistinctSubnets'>,
  ) {
    this.#components = components
    this.#limits = limits
    this.#handover = new Handover(components)
    const told = () => this.#handover.told()
    this.#bills = new CareBillDesk({ ...components, told, ask: (peer, request) => this.#ask(peer, request) }, limits)
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const value = await this.#components.store.get(APPOINTED_TABLE, APPOINTED_KEY)
    this.#row = value === undefined ? undefined : appointedRowSchema.decodeMessage(value)
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    await this.#turn
  }

  /** Who is asked where pieces of this payer's are. */
  get peer(): PeerId | undefined {
    return this.#row?.peer as PeerId | undefined
  }

  get appointed(): AppointedCaretaker | undefined {
    if (this.#row === undefined) return undefined
    const { version: _one, peer: _peer, channel: _channel, refusal, ...row } = this.#row
    return { ...row, refusal, standing: this.#standing }
  }

  /**
   * Appoints a caretaker with a budget that is paid ahead; one that there was before is dismissed if it is another node.
   * @throws StorageError STORAGE_CARE_NOT_OFFERED when nobody, or not the named node, does; MarketError MARKET_UNFUNDED and the chain's errors
   */
  async appoint(wish: CareWish): Promise<AppointedCaretaker> {
    return await this.#inTurn(async () => {
      const { clock } = this.#components
      const entry = await this.#chosen(wish.node)
      const channel = await this.#channel(entry, wish.budgetMicroUsd)
      const { sharePpm, absentSeconds } = careTermsSchema.decodeDocument(channel.quote.terms)
      const before = this.#row
      if (before !== undefined && before.node !== entry.offer.node) await this.#dismiss(before)
      const now = clock.now()
      const row: AppointedRow = {
        version: 1,
        peer: entry.peer,
        node: entry.offer.node,
        channel: channel.id,
        sharePpm,
        budgetMicroUsd: wish.budgetMicroUsd,
        perDayMicroUsd: wish.perDayMicroUsd,
        appointedAt: now,
        heardAt: now,
        absentSeconds,
        aloneFrom: now,
        aloneTo: now,
        acceptedMicroUsd: microUsd(0n),
        refusedMicroUsd: microUsd(0n),
      }
      // It is paid: a loss of power must not have the payer forget whom.
      await this.#write(row, 'power')
      await this.#handOver(this.#require())
      const { appointed } = this
      if (appointed === undefined) throw new TypeError('who was just appointed is not known')
      return appointed
    })
  }

  /** Nobody looks after anything any more. What was paid ahead and not used is lost. @throws StorageError STORAGE_CARE_UNKNOWN */
  async dismiss(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#dismiss(this.#require())
      await this.#components.store.write([{ kind: 'delete', table: APPOINTED_TABLE, key: APPOINTED_KEY }], 'power')
      this.#row = undefined
      this.#standing = undefined
    })
  }

  /** Checks and accepts what the caretaker bills, then tells it what changed; that there is a payer, if nothing did. */
  async round(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#row === undefined) return
      const { clock } = this.#components
      const aloneFrom = (this.#row.heardAt + this.#row.absentSeconds * SECOND_MS) as UnixMs
      if (clock.now() > aloneFrom) await this.#write({ ...this.#row, aloneFrom, aloneTo: clock.now() })
      const isCollected = await this.#tried(async (row) => {
        this.#standing = await this.#standingOf(row)
        await this.#bills.collect(row, this.#standing, (next) => this.#note(next))
      })
      // After the bills: what it hears of now it may give up.
      await this.#tried((row) => (isCollected ? this.#handOver(row) : this.#greet(row)))
    })
  }

  async #tried(work: (row: AppointedRow) => Promise<void>): Promise<boolean> {
    const row = this.#require()
    try {
      await work(row)
      return true
    } catch (error) {
      if (!isSteadError(error)) throw error
      const { logger } = this.#components
      logger.warn('the caretaker does not answer as it should', { node: row.node, error: messageOf(error) })
      return false
    }
  }

  /** Nodes that sell care now, who takes the smallest share first; peers are asked for a moment, because nobody else wants to know. */
  async offers(): Promise<readonly OfferedCare[]> {
    const wish = { minimum: Number.MAX_SAFE_INTEGER, timeoutMs: LIST_WAIT_MS }
    const found = this.#soldBy(await this.#components.offers.wait('care', wish))
    return found.map(({ entry: { offer }, terms: { version: _, ...terms } }) => {
      const { node, operator, expiresAt } = offer
      return { node, operator, ...terms, expiresAt }
    })
  }

  /** Those of other nodes, who takes the smallest share first. */
  #soldBy(entries: readonly OfferEntry[]): readonly { readonly entry: OfferEntry; readonly terms: CareTerms }[] {
    return entries
      .flatMap((entry) => {
        const terms = termsOf(entry)
        const isOwn = entry.offer.node === this.#components.signer.address
        return terms === undefined || isOwn ? [] : [{ entry, terms }]
      })
      .sort((left, right) => left.terms.sharePpm - right.terms.sharePpm)
  }

  async #chosen(node: Address | undefined): Promise<OfferEntry> {
    const { offers } = this.#components
    const wish = { minimum: node === undefined ? 1 : Number.MAX_SAFE_INTEGER, timeoutMs: OFFER_WAIT_MS }
    const isIt = ({ offer }: OfferEntry): boolean => node === undefined || offer.node === node
    const known = offers.list('care')
    const all = known.some(isIt) ? known : await offers.wait('care', wish)
    const found = this.#soldBy(all)
    const best = found.find(({ entry }) => isIt(entry))
    if (best !== undefined) return best.entry
    throw notOffered(
      node,
      found.map(({ entry }) => entry.offer.node),
    )
  }

  /** A channel that is paid ahead; one of an attempt before that was not used for anything is as good as a new one. */
  async #channel(entry: OfferEntry, budgetMicroUsd: MicroUsd): Promise<PayerChannel> {
    const { market } = this.#components
    const { node } = entry.offer
    const unused = market.channels().find(({ id, terms, quote, state }) => {
      const isIt = quote.resource === 'care' && terms.node === node && terms.allocationMicroUsd === budgetMicroUsd
      return isIt && state === 'open' && id !== this.#row?.channel
    })
    if (unused !== undefined && unused.stats().acceptedMicroUsd === 0n) return unused
    const need = careNeedSchema.encodeDocument({ version: 1, budgetMicroUsd })
    const asked = { resource: 'care', need, providers: [entry], timeoutMs: QUOTE_TIMEOUT_MS } as const
    const [answer] = await market.quotes(asked)
    if (answer?.kind === 'failure') throw answer.error
    if (answer?.kind !== 'quote')
      throw new StorageError('STORAGE_BUSY', `the node ${node} takes nobody: ${answer?.refusal.message}`)
    const share = { quote: answer.opened, allocationMicroUsd: budgetMicroUsd, prepayMicroUsd: budgetMicroUsd }
    const { channels, refused } = await market.openChannels([share])
    const [channel] = channels
    if (channel !== undefined) return channel
    throw refused[0]?.error ?? new StorageError('STORAGE_BUSY', `no channel to ${node} could be opened`)
  }

  async #handOver(row: AppointedRow): Promise<void> {
    const { clock } = this.#components
    // Before it may hear of anything: what it gives up because of that is not held against it after a crash.
    await this.#write({ ...row, heardAt: clock.now() })
    await this.#handover.run(async (part) => await this.#hand(row, part))
  }

  /** The payer is there, and says nothing more. */
  async #greet(row: AppointedRow): Promise<void> {
    await this.#hand(row, { put: [], drop: [], isComplete: false })
  }

  async #hand(row: AppointedRow, part: HandedPart): Promise<void> {
    const { standing } = await this.#ask(row.peer as PeerId, { hand: { ...this.#handOf(row), ...part } })
    this.#standing = standing ?? this.#standing
  }

  #handOf({ channel, perDayMicroUsd }: AppointedRow): Omit<HandAsk, 'put' | 'drop' | 'isComplete'> {
    return { channel, perDayMicroUsd, ...this.#limits, isDismissed: false }
  }

  async #dismiss(row: AppointedRow): Promise<void> {
    const { logger } = this.#components
    await this.#handover.forget()
    try {
      const hand = { ...this.#handOf(row), put: [], drop: [], isComplete: false, isDismissed: true }
      await this.#ask(row.peer as PeerId, { hand })
    } catch (error) {
      if (!isSteadError(error)) throw error
      // It goes on until its budget is used up; what it does is not accepted any more.
      logger.warn('the caretaker that is dismissed does not hear of it', { node: row.node, error: messageOf(error) })
    }
  }

  async #standingOf({ peer }: AppointedRow): Promise<CareStanding | undefined> {
    return (await this.#ask(peer as PeerId, { standing: true })).standing
  }

  async #ask(peer: PeerId, request: CareRequest): Promise<CareReply> {
    const payload = careRequestSchema.encodeMessage(request)
    return careReplySchema.decodeMessage(
      await this.#components.network.request(peer, CARE_PROTOCOL, payload, { timeoutMs: ASK_TIMEOUT_MS }),
    )
  }

  #require(): AppointedRow {
    if (this.#row !== undefined) return this.#row
    throw new StorageError('STORAGE_CARE_UNKNOWN', 'no caretaker was appointed')
  }

  /** In memory first: it is written with what it is about. */
  #note(row: AppointedRow): void {
    this.#row = row
  }

  async #write(row: AppointedRow, durability: Durability = 'process'): Promise<void> {
    const value = appointedRowSchema.encodeMessage(row)
    await this.#components.store.write([{ kind: 'put', table: APPOINTED_TABLE, key: APPOINTED_KEY, value }], durability)
    this.#row = row
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return await turn
  }
}

function termsOf({ offer }: OfferEntry): CareTerms | undefined {
  try {
    return careTermsSchema.decodeDocument(offer.terms)
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}

const NAMED_MAX = 3

/** @param offering who does */
function notOffered(node: Address | undefined, offering: readonly Address[]): StorageError {
  if (node === undefined)
    return new StorageError('STORAGE_CARE_NOT_OFFERED', 'no node in reach offers to look after what others keep')
  const named = offering.slice(0, NAMED_MAX).join(', ')
  const others = offering.length === 0 ? 'and nobody else in reach does' : `these do: ${named}`
  return new StorageError(
    'STORAGE_CARE_NOT_OFFERED',
    `the node ${node} does not offer to look after what others keep; ${others}`,
    {
      details: { node, offering: offering.length },
      ...(offering.length === 0 ? {} : { next: `Appoint one that does: stead caretaker set ${offering[0]}` }),
    },
  )
}
