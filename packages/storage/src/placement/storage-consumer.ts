import {
  type Address,
  type Hash,
  isSteadError,
  type Logger,
  type MicroUsd,
  messageOf,
  microUsd,
  type Network,
  type Timer,
} from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import type { SettleOutcome } from '../consumer/agreement-driver.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import { type StorageConsumerInput, type StorageConsumerOptions, storageConsumerOptionsSchema } from '../options.ts'
import type { BoughtNode } from './bought-node.ts'
import { NetworkSegments, type SegmentProfile } from './network-segments.ts'
import { NodeWatch } from './node-watch.ts'
import { planRepair } from './repair-plan.ts'
import { decodeReference, pieceNameOf } from './segment-reference.ts'
import type { PlacedNumber } from './segment-rows.ts'
import { StorageNodes, type StorageNodesComponents } from './storage-nodes.ts'
import { keepWatched, loadWatched } from './watch-rows.ts'

/** What a {@link StorageConsumer} stands on. */
export interface StorageConsumerComponents extends StorageNodesComponents {
  readonly cipher: FrameCipher
  readonly kernel: ErasureKernel
}

/** How one node stands with this payer. */
export interface StorageNodeStatus {
  readonly node: Address
  readonly operator: Address
  readonly pieces: number
  readonly bytes: number
  /** 0 .. 1 by this payer's own looks. */
  readonly availability: number
  readonly priceMicroUsdPerTibHour: MicroUsd
  /** What came of the last settlement; undefined before the first. */
  readonly lastOutcome: SettleOutcome['kind'] | undefined
  /** Since this process began. */
  readonly paidMicroUsd: MicroUsd
}

/** What one round found and did. */
export interface StorageRound {
  readonly paidMicroUsd: MicroUsd
  readonly outcomes: Readonly<Record<SettleOutcome['kind'], number>>
  readonly repairedSegments: number
  readonly repairedPieces: number
  /** Of segments that are being repaired: pieces for which there was no node now. */
  readonly missingPieces: number
  /** Segments that need repair and did not get it. */
  readonly unrepairedSegments: number
}

const PING_TIMEOUT_MS = 5000
const ROUND_RETRY_MS = 60_000

/** The buying side of storage: keeps segments on nodes, has them proven and pays hour by hour, watches the nodes, repairs. */
export class StorageConsumer {
  readonly segments: NetworkSegments
  readonly #logger: Logger
  readonly #network: Network
  readonly #components: StorageConsumerComponents
  readonly #options: StorageConsumerOptions
  readonly #nodes: StorageNodes
  #watch: NodeWatch
  readonly #lastOutcome: Map<Address, SettleOutcome['kind']> = new Map()
  readonly #paid: Map<Address, bigint> = new Map()
  /** Pieces of which their nodes say that they are gone. */
  readonly #lostPieces: Set<string> = new Set()
  /** Segments whose repair had fewer nodes than pieces to make: it goes on until they are full. */
  readonly #unfinished: Set<string> = new Set()
  #roundTimer: Timer | undefined
  #lookTimer: Timer | undefined
  #working: Promise<unknown> = Promise.resolve()
  #isRunning = false

  constructor(components: StorageConsumerComponents, options: StorageConsumerInput, profile: SegmentProfile) {
    this.#components = components
    this.#options = Object.freeze(storageConsumerOptionsSchema.parse(options))
    this.#logger = components.logger
    this.#network = components.network
    this.#nodes = new StorageNodes(components, this.#options)
    this.#watch = new NodeWatch(components.clock, this.#options.lostAfterMs)
    this.segments = new NetworkSegments({ ...components, nodes: this.#nodes }, this.#options, profile)
  }

  /** Brings agreements back and looks after them from now on. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    await this.#nodes.start()
    const { clock, store } = this.#components
    this.#watch = new NodeWatch(clock, this.#options.lostAfterMs, await loadWatched(store))
    this.#isRunning = true
    this.#roundLater(this.#options.settleEveryMs)
    this.#lookLater()
  }

  /** Looks after nothing any more; agreements go on, and are paid after the next start. */
  async stop(): Promise<void> {
    this.#isRunning = false
    this.#roundTimer?.clear()
    this.#lookTimer?.clear()
    await this.#working
  }

  status(): readonly StorageNodeStatus[] {
    return this.#nodes.all().flatMap(({ node, operator, driver: { agreement } }): StorageNodeStatus[] => {
      if (agreement === undefined) return []
      const { pieces, bytes, priceMicroUsdPerTibHour } = agreement
      return [
        {
          node,
          operator,
          pieces,
          bytes,
          availability: this.#watch.availability(node),
          priceMicroUsdPerTibHour,
          lastOutcome: this.#lastOutcome.get(node),
          paidMicroUsd: microUsd(this.#paid.get(node) ?? 0n),
        },
      ]
    })
  }

  /** Settles with all nodes, then repairs what needs it. Rounds come by themselves; this is one more now. */
  async round(): Promise<StorageRound> {
    const round = this.#working.then(() => this.#round())
    this.#working = round.catch(() => undefined)
    return await round
  }

  /** Asks all nodes whether they are there. */
  async look(): Promise<void> {
    await Promise.all(
      this.#nodes.all().map(async ({ node, peer }) => {
        try {
          await this.#network.ping(peer, PING_TIMEOUT_MS)
          this.#watch.note(node, true)
        } catch (error) {
          if (!isSteadError(error)) throw error
          this.#watch.note(node, false)
        }
        if (this.#watch.isAway(node) || this.#watch.isLost(node)) this.#nodes.shun(node, 2 * this.#options.lookEveryMs)
      }),
    )
    await keepWatched(this.#components.store, this.#watch.entries())
  }

  async #round(): Promise<StorageRound> {
    const outcomes: Record<SettleOutcome['kind'], number> = {
      paid: 0,
      'nothing-due': 0,
      'no-room': 0,
      offline: 0,
      lost: 0,
      lied: 0,
    }
    let paidMicroUsd = 0n
    for (const { bought, outcome } of await this.#nodes.settle()) {
      const { node } = bought
      outcomes[outcome.kind]++
      this.#lastOutcome.set(node, outcome.kind)
      if (outcome.kind === 'paid') {
        paidMicroUsd += outcome.amountMicroUsd
        this.#paid.set(node, (this.#paid.get(node) ?? 0n) + outcome.amountMicroUsd)
      }
      if (outcome.kind === 'offline')
        this.#logger.info('a node was not paid', { node, error: messageOf(outcome.error) })
      if (outcome.kind === 'lied') {
        this.#logger.warn('a node did not show what it signed for', { node })
        this.#watch.lose(node)
      }
      if (outcome.kind === 'lost') this.#lose(bought, [outcome.piece])
      if (outcome.kind === 'paid') this.#lose(bought, outcome.damaged)
    }
    await this.segments.finishReleases()
    return { paidMicroUsd: microUsd(paidMicroUsd), outcomes, ...(await this.#repairAll()) }
  }

  /** Pieces that a node does not have any more are not paid for any more, and are made again. */
  #lose(bought: BoughtNode, pieces: readonly Hash[]): void {
    if (pieces.length === 0) return
    this.#logger.warn('a node lost pieces', { node: bought.node, pieces: pieces.length, first: pieces[0] })
    for (const piece of pieces) this.#lostPieces.add(piece)
    bought.drop(pieces)
  }

  async #repairAll(): Promise<Omit<StorageRound, 'paidMicroUsd' | 'outcomes'>> {
    const sums = { repairedSegments: 0, repairedPieces: 0, missingPieces: 0, unrepairedSegments: 0 }
    for await (const { reference, placed, profile } of this.segments.all()) {
      const { segment } = decodeReference(reference)
      const isLost = this.#lossOf(segment)
      const key = bytesToHex(segment)
      const outlooks = placed.map((each) => ({
        number: each.number,
        availability: this.#watch.availability(each.node),
        isLost: isLost(each),
        isOverdue: this.#watch.isOverdue(each.node),
      }))
      const wanted = new Set(planRepair(profile, outlooks, this.#unfinished.has(key)))
      if (wanted.size === 0) {
        this.#unfinished.delete(key)
        continue
      }
      this.#unfinished.add(key)
      try {
        const { madePieces, missingPieces } = await this.segments.repair(reference, ({ number }) => wanted.has(number))
        if (missingPieces === 0) this.#unfinished.delete(key)
        sums.repairedSegments += madePieces > 0 ? 1 : 0
        sums.repairedPieces += madePieces
        sums.missingPieces += missingPieces
      } catch (error) {
        if (!isSteadError(error)) throw error
        sums.unrepairedSegments++
        sums.missingPieces += wanted.size
        this.#logger.warn('a segment could not be repaired', {
          pieces: profile.pieces - wanted.size,
          error: messageOf(error),
        })
      }
    }
    return sums
  }

  #lossOf(segment: Uint8Array): (placed: PlacedNumber) => boolean {
    return ({ number, node }) => {
      const piece: Hash = pieceNameOf(segment, number)
      return this.#watch.isLost(node) || this.#lostPieces.has(piece) || this.#nodes.of(node) === undefined
    }
  }

  #roundLater(delayMs: number): void {
    this.#roundTimer = this.#components.clock.setTimer(delayMs, () => void this.#roundNow())
  }

  async #roundNow(): Promise<void> {
    let delayMs = this.#options.settleEveryMs
    try {
      await this.round()
    } catch (error) {
      // The disk or the chain is away: agreements wait, and soon it is tried again.
      this.#logger.error('storage could not be looked after', { error: messageOf(error) })
      delayMs = Math.min(delayMs, ROUND_RETRY_MS)
    }
    if (this.#isRunning) this.#roundLater(delayMs)
  }

  #lookLater(): void {
    this.#lookTimer = this.#components.clock.setTimer(this.#options.lookEveryMs, () => void this.#lookNow())
  }

  async #lookNow(): Promise<void> {
    try {
      await this.look()
    } catch (error) {
      this.#logger.warn('storage nodes could not be asked', { error: messageOf(error) })
    }
    if (this.#isRunning) this.#lookLater()
  }
}
