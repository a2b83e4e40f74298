import {
  type Address,
  type Clock,
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
} from '@stead/core'
import type { MarketPayer, MarketProvider, OfferBook, ReceiptChain } from '@stead/market'
import { addressOfPeerId, publicKeyOfPeerId, type Secp256k1 } from '@stead/protocol'
import { dueAt } from '../agreement/agreement.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import { amountOf } from '../meter.ts'
import { type StorageConsumerOptions, storageConsumerOptionsSchema } from '../options.ts'
import type { BoughtNode } from '../placement/bought-node.ts'
import { HolderReach } from '../placement/holder-reach.ts'
import { NetworkSegments } from '../placement/network-segments.ts'
import { NodeWatch } from '../placement/node-watch.ts'
import { SEGMENT_PROFILES } from '../placement/segment-profile.ts'
import { decodeReference } from '../placement/segment-reference.ts'
import { StorageNodes } from '../placement/storage-nodes.ts'
import { keepWatched, loadWatched } from '../placement/watch-rows.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import type { PiecePlace } from '../shares/share-desk.ts'
import type { CareStanding, HandAsk } from './care-messages.ts'
import type { CaretakerOptions } from './care-options.ts'
import { careAmountOf, careNumber } from './care-terms.ts'
import { GivenPieces } from './given-pieces.ts'
import { ScopedStore } from './scoped-store.ts'
import { WardBills } from './ward-bills.ts'
import type { WardBook } from './ward-book.ts'
import { WardRepair } from './ward-repair.ts'

/** What a {@link Ward} stands on. */
export interface WardComponents {
  readonly network: Network
  /** The buying side of the caretaker's node. */
  readonly market: MarketPayer
  /** Its selling side. */
  readonly sold: Pick<MarketProvider, 'admit' | 'hasDelivered' | 'paidMicroUsd' | 'wake'>
  readonly offers: OfferBook
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly hasher: PairHasher
  readonly cipher: FrameCipher
  readonly kernel: ErasureKernel
  readonly identity: ReceiptChain
}

/** What one round of a ward did. */
export interface WardRound {
  /** Paid to nodes. */
  readonly paidMicroUsd: MicroUsd
  readonly madePieces: number
  readonly givenUpPieces: number
  readonly unrepairedSegments: number
}

const SECOND_MS = 1000
const DAY_SECONDS = 86_400n
/** A settlement may take so long; what is due by then must be paid ahead as well. */
const SETTLE_SECONDS_MAX = 60
const PING_TIMEOUT_MS = 5000

/** One payer's segments, as its caretaker looks after them: books, agreements and channels of their own, within a budget. */
export class Ward {
  readonly book: WardBook
  readonly bills: WardBills
  readonly #components: WardComponents
  readonly #options: CaretakerOptions
  readonly #buying: StorageConsumerOptions
  readonly #scope: ScopedStore
  readonly #nodes: StorageNodes
  readonly #segments: NetworkSegments
  readonly #given: GivenPieces
  readonly #repair: WardRepair
  #watch: NodeWatch
  #segmentCount = 0
  #unrepaired = 0
  /** When each node last proved and was paid, in seconds since 1970. */
  readonly #settledAt: Map<Address, number> = new Map()
  #auditedAtMs: number | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(components: WardComponents, options: CaretakerOptions, book: WardBook) {
    const { store, market, sold, clock } = components
    this.#components = components
    this.#options = options
    this.book = book
    const { priceMaxMicroUsdPerTibHour, hasDistinctSubnets } = book.row
    this.#buying = Object.freeze(
      storageConsumerOptionsSchema.parse({
        priceMaxMicroUsdPerTibHour,
        hasDistinctSubnets,
        lookEveryMs: options.lookEveryMs,
        lostAfterMs: options.lostAfterMs,
      }),
    )
    const scope = new ScopedStore(store, book.payer)
    this.#scope = scope
    this.bills = new WardBills({ scope, store, sold, book })
    const parts = {
      ...components,
      store: scope,
      market: {
        channels: () => market.channels(),
        quotes: market.quotes.bind(market),
        openChannels: market.openChannels.bind(market),
        requote: market.requote.bind(market),
        journal: (rows: Parameters<MarketPayer['journal']>[0]) => {
          // With the rows: a payer that is back may ask for the bill before its node's settlement is over.
          this.bills.notePaid(rows)
          return market.journal(scope.scoped(rows))
        },
      },
      numberOf: (ordinal: number) => careNumber(book.payer, ordinal),
    }
    this.#nodes = new StorageNodes(parts, this.#buying)
    this.#given = new GivenPieces(parts)
    this.#watch = new NodeWatch(clock, this.#buying.lostAfterMs)
    this.#segments = new NetworkSegments(
      {
        ...parts,
        nodes: this.#nodes,
        elsewhere: async (known) => [await this.#given.readable(known)],
        reach: new HolderReach(parts),
      },
      this.#buying,
      // For segments that are put, of which there are none.
      SEGMENT_PROFILES['4-of-12'],
    )
    this.#repair = new WardRepair({
      segments: this.#segments,
      nodes: this.#nodes,
      given: this.#given,
      logger: components.logger,
      watch: () => this.#watch,
      mayKeep: (moreBytes) => this.#mayKeep(moreBytes),
    })
  }

  /** Brings its books back. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const { clock } = this.#components
    await this.#nodes.start()
    await this.bills.load()
    this.#watch = new NodeWatch(clock, this.#buying.lostAfterMs, await loadWatched(this.#scope))
    for await (const { reference } of this.#segments.all()) {
      this.#segmentCount++
      // Whom to look at is known from here on.
      await this.#given.of(decodeReference(reference).segment)
    }
  }

  /** Resolves when nothing of it runs any more. */
  async idle(): Promise<void> {
    await this.#turn
    await Promise.all(this.#nodes.all().map((bought) => bought.idle()))
  }

  get segmentCount(): number {
    return this.#segmentCount
  }

  /** Since when its payer was not heard of, in milliseconds. */
  get silentMs(): number {
    return Math.max(0, this.#components.clock.now() - this.book.row.heardAt)
  }

  /** Takes what the payer hands over; on disk when this resolves. The same again is no work. @throws CoreError, StorageError */
  async take({ put, drop, isDismissed }: Pick<HandAsk, 'put' | 'drop' | 'isDismissed'>): Promise<void> {
    for (const { reference, places } of put) {
      const { segment } = decodeReference(reference)
      await this.#given.write(segment, { places })
      if (await this.#segments.adopt(reference)) this.#segmentCount++
    }
    for (const segment of drop) await this.#release(segment)
    if (isDismissed)
      for await (const { reference } of this.#segments.all()) await this.#release(decodeReference(reference).segment)
    await this.#scope.write([], 'power')
  }

  async #release(segment: Uint8Array): Promise<void> {
    if (await this.#segments.releaseNamed(segment)) this.#segmentCount--
    await this.#given.remove(segment)
  }

  /** Where the pieces of a segment are; undefined for one that is not looked after. Own ones before the payer's. */
  async places(segment: Uint8Array): Promise<readonly PiecePlace[] | undefined> {
    const own = await this.#segments.places(segment)
    if (own === undefined) return undefined
    const numbers = new Set(own.map(({ number }) => number))
    const given = (await this.#given.of(segment)).filter((place) => !this.#given.isLost(segment, place))
    return [...own, ...given.filter(({ number }) => !numbers.has(number))]
  }

  standing(): CareStanding {
    const bought = this.#nodes.all().flatMap(({ peer, driver: { id, agreement } }) => {
      if (agreement === undefined) return []
      const { pieces, bytes } = agreement
      return [{ node: publicKeyOfPeerId(peer), agreement: id, pieces, bytes }]
    })
    return {
      segments: this.#segmentCount,
      pieces: bought.reduce((sum, { pieces }) => sum + pieces, 0),
      bytes: bought.reduce((sum, { bytes }) => sum + bytes, 0),
      madePieces: this.book.row.madePieces,
      unrepairedSegments: this.#unrepaired,
      budgetMicroUsd: this.#paidAhead(),
      spentMicroUsd: this.#spent(),
      nodes: bought.map(({ node, agreement, pieces }) => ({ node, agreement, pieces })),
    }
  }

  /** Asks all nodes whether they are there, the payer's own included. */
  async look(): Promise<void> {
    const { network } = this.#components
    const peers = new Set<PeerId>([...this.#nodes.all().map(({ peer }) => peer), ...this.#given.peers()])
    const looks = await Promise.all(
      Array.from(peers, async (peer) => [addressOfPeerId(peer), await isThere(network, peer)] as const),
    )
    // When nobody is there, it is this machine's own line that is away, and nothing was seen.
    if (!looks.some(([, isUp]) => isUp)) return
    for (const [node, isUp] of looks) {
      this.#watch.note(node, isUp)
      if (!isUp || this.#watch.isLost(node)) this.#nodes.shun(node, 2 * this.#buying.lookEveryMs)
    }
    await this.#nodes.hearLeaving(new Set(looks.flatMap(([node, isUp]) => (isUp ? node : []))))
    await keepWatched(this.#scope, this.#watch.entries())
  }

  /** Pays nodes what is due, then repairs what needs it, or gives up what its payer keeps itself again. */
  async round(): Promise<WardRound> {
    const round = this.#turn.then(() => this.#round())
    this.#turn = round.catch(() => undefined)
    return await round
  }

  async #round(): Promise<WardRound> {
    const { absentAfterMs, takeOverAfterMs, givenUpAfterMs } = this.#options
    const paidMicroUsd = await this.#settle()
    await this.#segments.finishReleases()
    const { silentMs } = this
    if (silentMs < absentAfterMs || this.book.row.isDismissed) {
      this.#unrepaired = 0
      const givenUpPieces = this.book.row.isCurrent ? await this.#giveBack() : 0
      return { paidMicroUsd, madePieces: 0, givenUpPieces, unrepairedSegments: 0 }
    }
    await this.#auditGiven()
    const isOverdue = silentMs >= takeOverAfterMs
    const done = await this.#repair.run({ isOverdue, isGivenUp: silentMs >= givenUpAfterMs })
    this.#unrepaired = done.unrepairedSegments
    if (done.madePieces > 0) await this.book.change({ madePieces: this.book.row.madePieces + done.madePieces })
    return { paidMicroUsd, ...done, givenUpPieces: 0 }
  }

  /** Has nodes show what the payer keeps with them, as often as they are paid for what the ward has there. */
  async #auditGiven(): Promise<void> {
    const nowMs = this.#components.clock.monotonicMs()
    if (this.#auditedAtMs !== undefined && nowMs - this.#auditedAtMs < this.#options.settleEveryMs) return
    this.#auditedAtMs = nowMs
    await this.#given.audit()
  }

  async #settle(): Promise<MicroUsd> {
    let paid = 0n
    // One after another: each takes a part of what is left.
    for (const bought of this.#nodes.all()) {
      if (this.#isDue(bought)) paid += await this.#settleWith(bought)
    }
    return microUsd(paid)
  }

  #isDue({ node, driver: { agreement } }: BoughtNode): boolean {
    // Its first revision may not have reached the node before this process ended.
    if (agreement === undefined) return true
    // Who has nothing any more is paid at once, and done.
    if (agreement.pieces === 0) return agreement.dueByteSeconds > 0n
    const since = this.#settledAt.get(node) ?? agreement.atSecond
    return this.#nowSecond() - since >= this.#options.settleEveryMs / SECOND_MS
  }

  async #settleWith(bought: BoughtNode): Promise<bigint> {
    const { node, driver } = bought
    const { agreement } = driver
    const { logger } = this.#components
    const bySecond = this.#nowSecond() + SETTLE_SECONDS_MAX
    const due = agreement === undefined ? 0n : amountOf(agreement.priceMicroUsdPerTibHour, dueAt(agreement, bySecond))
    if (careAmountOf(due, this.book.row.sharePpm) > this.#left()) {
      logger.warn('the budget of a payer that is looked after is used up', { payer: this.book.payer, node, due })
      return 0n
    }
    const outcome = await bought.settle()
    const paid = outcome.kind === 'paid' ? outcome.amountMicroUsd : 0n
    if (outcome.kind === 'paid') {
      this.#settledAt.set(node, this.#nowSecond())
      this.#repair.lose(bought, outcome.damaged)
    }
    if (outcome.kind === 'lost') this.#repair.lose(bought, [outcome.piece])
    if (outcome.kind === 'lied') this.#watch.lose(node)
    if (outcome.kind === 'ended') await this.#nodes.end(bought)
    if (outcome.kind === 'offline') logger.info('a node was not paid', { node, error: messageOf(outcome.error) })
    return paid
  }

  /** What its payer has again on nodes that are there is not kept here as well. */
  async #giveBack(): Promise<number> {
    let givenUp = 0
    const settled = new Set<Address>()
    for await (const { reference, placed } of this.#segments.all()) {
      if (placed.length === 0) continue
      const { segment } = decodeReference(reference)
      const given = (await this.#given.of(segment)).filter((place) => {
        return !this.#given.isLost(segment, place) && !this.#watch.isAway(addressOfPeerId(place.peer))
      })
      const numbers = new Set(given.map(({ number }) => number))
      const affected = placed.filter(({ number }) => numbers.has(number))
      // What was kept until now is billed by what was there.
      for (const { node } of affected) {
        const bought = this.#nodes.of(node)
        if (bought === undefined || settled.has(node)) continue
        settled.add(node)
        await this.#settleWith(bought)
      }
      givenUp += await this.#segments.giveUp(reference, ({ number }) => numbers.has(number))
    }
    return givenUp
  }

  /** Whether a day of what is kept, and of so much more, is within what a day may cost, and within what is left. */
  #mayKeep(moreBytes: number): boolean {
    const { perDayMicroUsd, sharePpm, priceMaxMicroUsdPerTibHour } = this.book.row
    const agreements = this.#nodes.all().flatMap(({ driver: { agreement } }) => agreement ?? [])
    // Who will take it is not known yet: it may be as dear as the dearest that was found.
    const prices = agreements.map(({ priceMicroUsdPerTibHour }) => priceMicroUsdPerTibHour)
    const dearest = prices.toSorted((left, right) => Number(right - left))[0] ?? priceMaxMicroUsdPerTibHour
    const ofMore = amountOf(dearest, BigInt(moreBytes) * DAY_SECONDS)
    const perDay = agreements.reduce((sum, { priceMicroUsdPerTibHour, bytes }) => {
      return sum + amountOf(priceMicroUsdPerTibHour, BigInt(bytes) * DAY_SECONDS)
    }, ofMore as bigint)
    const billed = careAmountOf(perDay, sharePpm)
    return billed <= perDayMicroUsd && billed <= this.#left()
  }

  #paidAhead(): MicroUsd {
    const { peer, row } = this.book
    try {
      return this.#components.sold.paidMicroUsd({ peer, channel: row.channel })
    } catch (error) {
      // Its purse was closed: whatever was not claimed before is gone.
      if (isSteadError(error)) return microUsd(0n)
      throw error
    }
  }

  #spent(): MicroUsd {
    return microUsd(this.book.row.billedMicroUsd + this.bills.unbilledMicroUsd)
  }

  #left(): bigint {
    return this.book.limitMicroUsd(this.#paidAhead(), this.#components.clock.now()) - this.#spent()
  }

  #nowSecond(): number {
    return Math.floor(this.#components.clock.now() / SECOND_MS)
  }
}

async function isThere(network: Network, peer: PeerId): Promise<boolean> {
  try {
    await network.ping(peer, PING_TIMEOUT_MS)
    return true
  } catch (error) {
    if (!isSteadError(error)) throw error
    return false
  }
}
