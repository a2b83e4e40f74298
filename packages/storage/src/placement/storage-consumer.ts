import {
  type Address,
  type Hash,
  isSteadError,
  type Logger,
  type MicroUsd,
  messageOf,
  microUsd,
  type Network,
  type PeerId,
  type Timer,
} from '@stead/core'
import { addressOfPublicKey, bytesToHex, peerIdOfPublicKey, publicKeyOfPeerId } from '@stead/protocol'
import type { SettleOutcome } from '../consumer/agreement-driver.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import { type StorageConsumerInput, type StorageConsumerOptions, storageConsumerOptionsSchema } from '../options.ts'
import { NetworkRootPointers } from '../register/network-root-pointers.ts'
import { KEEPERS_WANTED } from '../register/quorum.ts'
import type { BoughtNode } from './bought-node.ts'
import { NetworkSegments, type SegmentProfile } from './network-segments.ts'
import { NodeWatch } from './node-watch.ts'
import { needsRepair } from './readability.ts'
import { decodeReference, firstNodeOf, pieceNameOf } from './segment-reference.ts'
import type { PlacedNumber } from './segment-rows.ts'
import { StorageNodes, type StorageNodesComponents } from './storage-nodes.ts'

/** What a {@link StorageConsumer} stands on. */
export interface StorageConsumerComponents extends StorageNodesComponents {
  readonly cipher: FrameCipher
  readonly kernel: ErasureKernel
  /** See NetworkRootPointersComponents. @default every pointer may be begun here */
  readonly mayBegin?: (register: Hash) => Promise<boolean>
  /** This payer's books were lost, and {@link StorageConsumer.recover} has not made them again. @default false */
  readonly hasLostBooks?: boolean
}

/** What was found again of what a payer had. */
export interface RecoveredStorage {
  /** Nodes with an agreement. */
  readonly nodes: number
  readonly segments: number
  /** Pieces that nothing needed any more. */
  readonly droppedPieces: number
  /** Nodes that may have an agreement and did not answer. */
  readonly silentNodes: number
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
const FIND_TIMEOUT_MS = 5000
/** More than there are: all that can be found in that time are asked. */
const NODES_LOOKED_FOR = 4096
const NO_PIECES = { version: 1, bytes: 0, pieceBytes: 0 } as const

/** The buying side of storage: keeps segments on nodes, has them proven and pays hour by hour, watches the nodes, repairs. */
export class StorageConsumer {
  readonly segments: NetworkSegments
  /** Pointers of trees, kept by some of the nodes that keep segments. */
  readonly pointers: NetworkRootPointers
  readonly #logger: Logger
  readonly #network: Network
  readonly #components: StorageConsumerComponents
  readonly #options: StorageConsumerOptions
  readonly #nodes: StorageNodes
  readonly #watch: NodeWatch
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
    const { mayBegin = async () => true } = components
    // Of those that keep pieces anyway.
    const [count, least] = [Math.min(KEEPERS_WANTED, profile.pieces), Math.min(KEEPERS_WANTED, profile.enough)]
    this.pointers = new NetworkRootPointers({
      ...components,
      mayBegin,
      choose: () => this.#chooseKeepers(count, least),
    })
  }

  /** Brings agreements back and looks after them from now on. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    await this.#nodes.start()
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

  /**
   * Makes the books of this payer again after a lost disk, so that it pays, repairs and deletes as before. Nodes that do not
   * answer now can be asked again later in the same way.
   * @param references of all segments that anything refers to
   */
  async recover(references: readonly Uint8Array[]): Promise<RecoveredStorage> {
    const { signer } = this.#components
    const peers = new Set<PeerId>()
    for (const reference of references) {
      const known = decodeReference(reference)
      if (known.payer !== signer.address) continue
      for (let number = 0; number < known.pieces; number++) {
        const key = firstNodeOf(known, number)
        if (key !== undefined) peers.add(peerIdOfPublicKey(key))
      }
    }
    const silent = await this.recall(peers)
    const { segments, dropped } = await this.segments.recover(references)
    return { nodes: this.#nodes.all().length, segments, droppedPieces: dropped, silentNodes: silent.length }
  }

  /**
   * Finds agreements of this payer again after a lost disk, so that what it keeps can be read wherever repairs have put it.
   * @param peers nodes that may have one, besides all that offer storage now
   * @returns nodes that did not answer
   */
  async recall(peers: ReadonlySet<PeerId> = new Set()): Promise<readonly PeerId[]> {
    // Pieces that were repaired are on nodes that no reference names.
    await this.#components.offers.wait('storage', { minimum: NODES_LOOKED_FOR, timeoutMs: FIND_TIMEOUT_MS })
    return await this.#nodes.recall(peers)
  }

  async #chooseKeepers(count: number, least: number): Promise<readonly Uint8Array[]> {
    const chosen = await this.#nodes.choose(NO_PIECES, { count, least })
    return chosen.map(({ peer }) => publicKeyOfPeerId(peer))
  }

  /** Has pointers kept by others in place of nodes that are lost. */
  async #mendPointers(): Promise<void> {
    try {
      const moved = await this.pointers.mend((keeper) => this.#watch.isLost(addressOfPublicKey(keeper)))
      if (moved > 0) this.#logger.info('pointers have other keepers', { moved })
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#logger.warn('a pointer could not be given to other nodes', { error: messageOf(error) })
    }
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
      }),
    )
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
    // Nobody waits for them any more, and nothing new is given to them.
    for (const { node } of this.#nodes.all())
      if (this.#watch.isLost(node)) this.#nodes.shun(node, 2 * this.#options.settleEveryMs)
    await this.#mendPointers()
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
      const there = placed.filter((each) => !isLost(each))
      const isWanted = needsRepair(
        profile,
        there.map(({ node }) => this.#watch.availability(node)),
      )
      const key = bytesToHex(segment)
      if (!isWanted && !this.#unfinished.has(key)) continue
      this.#unfinished.add(key)
      try {
        const { madePieces, missingPieces } = await this.segments.repair(reference, isLost)
        if (missingPieces === 0) this.#unfinished.delete(key)
        sums.repairedSegments += madePieces > 0 ? 1 : 0
        sums.repairedPieces += madePieces
        sums.missingPieces += missingPieces
      } catch (error) {
        if (!isSteadError(error)) throw error
        sums.unrepairedSegments++
        sums.missingPieces += profile.pieces - there.length
        this.#logger.warn('a segment could not be repaired', { pieces: there.length, error: messageOf(error) })
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
