import {
  type Address,
  type Hash,
  isSteadError,
  type Logger,
  messageOf,
  microUsd,
  type Network,
  type PeerId,
  type Timer,
} from '@stead/core'
import { addressOfPublicKey, nodeKey, peerIdOfPublicKey, publicKeyOfPeerId } from '@stead/protocol'
import { CareClient } from '../care/care-client.ts'
import { CarePlaces } from '../care/care-places.ts'
import type { HandedPlaces } from '../care/handover.ts'
import { type Challengeable, Challenger, type ChallengerComponents } from '../consumer/challenger.ts'
import { EVIDENCE_SECONDS, forgetPeriods } from '../consumer/paid-periods.ts'
import type { SettleOutcome } from '../consumer/settle-outcome.ts'
import { showAgreements } from '../consumer/show-agreements.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import { type StorageConsumerInput, type StorageConsumerOptions, storageConsumerOptionsSchema } from '../options.ts'
import { NetworkRootPointers } from '../register/network-root-pointers.ts'
import { KEEPERS_WANTED } from '../register/quorum.ts'
import type { PiecePlace } from '../shares/share-desk.ts'
import { type BoughtNode, challengeable } from './bought-node.ts'
import { steadyPieces } from './choose-nodes.ts'
import type { PlacementReport, RecoveredStorage, StorageNodeStatus, StorageRound } from './consumer-reports.ts'
import { HolderReach } from './holder-reach.ts'
import { NetworkSegments } from './network-segments.ts'
import { NodeMeeting } from './node-meeting.ts'
import { NodeWatch } from './node-watch.ts'
import type { SegmentProfile } from './segment-profile.ts'
import { decodeReference, firstNodeOf } from './segment-reference.ts'
import { SegmentRepairs } from './segment-repairs.ts'
import { RedundancySum } from './segment-standing.ts'
import { SettledBook } from './settled-book.ts'
import { type NodeSettlement, StorageNodes, type StorageNodesComponents } from './storage-nodes.ts'
import { STEADY_SHARE, UptimeBook } from './uptime-book.ts'
import { keepWatched, loadWatched } from './watch-rows.ts'

/** What a {@link StorageConsumer} stands on. */
export interface StorageConsumerComponents extends StorageNodesComponents {
  readonly cipher: FrameCipher
  readonly kernel: ErasureKernel
  /** What asks nodes on chain. @default nobody is asked */
  readonly court?: Pick<ChallengerComponents, 'adjudicator' | 'chain'>
  /** See NetworkRootPointersComponents. @default every pointer may be begun here */
  readonly mayBegin?: (register: Hash) => Promise<boolean>
  /** This payer's books were lost, and {@link StorageConsumer.recover} has not made them again. @default false */
  readonly hasLostBooks?: boolean
}

const SECOND_MS = 1000
const PING_TIMEOUT_MS = 5000
/** Whoever says false things of nodes costs one more proof in this time. */
const EXAMINE_AGAIN_MS = 600_000
/** A look counts for at most so many usual pauses. */
const LOOK_GAP_SHARE = 2
const ROUND_RETRY_MS = 60_000
const FIND_TIMEOUT_MS = 5000
/** More than there are: all that can be found in that time are asked. */
const NODES_LOOKED_FOR = 4096
const NO_PIECES = { version: 1, bytes: 0, pieceBytes: 0 } as const

/** The buying side of storage: keeps segments on nodes, has them proven and pays hour by hour, watches the nodes, repairs. */
export class StorageConsumer {
  readonly segments: NetworkSegments
  /** Undefined without an adjudicator. */
  readonly challenger: Challenger | undefined
  /** Pointers of trees, kept by some of the nodes that keep segments. */
  readonly pointers: NetworkRootPointers
  /** Who of the nodes could not be reached of late, and which reads wait for them. */
  readonly reach: HolderReach
  /** Looks after it all while this payer is away, where it appointed somebody. */
  readonly care: CareClient
  readonly #logger: Logger
  readonly #network: Network
  readonly #components: StorageConsumerComponents
  readonly #options: StorageConsumerOptions
  readonly #nodes: StorageNodes
  readonly #meeting: NodeMeeting
  readonly #uptimes: UptimeBook
  #watch: NodeWatch
  readonly #settled: SettledBook
  /** When nodes were asked for a proof because of what others found. */
  readonly #examinedAtMs: Map<Address, number> = new Map()
  readonly #repairs: SegmentRepairs
  #roundTimer: Timer | undefined
  #lookTimer: Timer | undefined
  #settling: Promise<unknown> = Promise.resolve()
  /** Looking after what is kept, beside the settlements: it may take hours, and nodes want their money. */
  #caring: Promise<unknown> = Promise.resolve()
  #isCaring = false
  #isRunning = false
  #isAnnounced = false

  constructor(components: StorageConsumerComponents, options: StorageConsumerInput, profile: SegmentProfile) {
    this.#components = components
    this.#options = Object.freeze(storageConsumerOptionsSchema.parse(options))
    this.#logger = components.logger
    this.#network = components.network
    this.#uptimes = new UptimeBook(components, LOOK_GAP_SHARE * this.#options.lookEveryMs)
    this.#nodes = new StorageNodes({ ...components, isSteady: (node) => this.#isSteady(node) }, this.#options)
    this.#meeting = new NodeMeeting(components)
    this.#watch = new NodeWatch(components.clock, this.#options.lostAfterMs)
    this.#settled = new SettledBook(components.store)
    const { court } = components
    const nodes = (): readonly Challengeable[] => this.#nodes.all().map(challengeable)
    this.challenger =
      court === undefined ? undefined : new Challenger({ ...components, ...court, nodes }, this.#options)
    this.care = new CareClient({ ...components, segments: () => this.#handed() }, this.#options)
    const caretakerOf = (payer: Address): PeerId | undefined =>
      payer === components.signer.address ? this.care.peer : undefined
    const { elsewhere } = new CarePlaces({ ...components, caretakerOf })
    this.reach = new HolderReach(components)
    const segmentParts = { ...components, nodes: this.#nodes, elsewhere, reach: this.reach }
    this.segments = new NetworkSegments(segmentParts, this.#options, profile)
    this.#repairs = new SegmentRepairs({
      nodes: this.#nodes,
      segments: this.segments,
      watch: () => this.#watch,
      logger: components.logger,
    })
    const { mayBegin = async () => true } = components
    // Of those that keep pieces anyway.
    const [count, least] = [Math.min(KEEPERS_WANTED, profile.pieces), Math.min(KEEPERS_WANTED, profile.enough)]
    this.pointers = new NetworkRootPointers({
      ...components,
      mayBegin,
      choose: () => this.#chooseKeepers(count, least),
      wanted: count,
    })
  }

  /** Brings agreements back and looks after them from now on. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    await this.#uptimes.load()
    await this.#settled.load()
    await this.#nodes.start()
    const { clock, store } = this.#components
    this.#watch = new NodeWatch(clock, this.#options.lostAfterMs, await loadWatched(store))
    await this.challenger?.start()
    await this.care.start()
    showAgreements(this.#network, (node) => this.#nodes.of(node)?.driver.signed)
    this.#meeting.start(this.#nodes.all().map(({ peer }) => peer))
    this.#isRunning = true
    this.#roundLater(this.#options.settleEveryMs)
    this.#lookLater()
  }

  /** Looks after nothing any more; agreements go on, and are paid after the next start. */
  async stop(): Promise<void> {
    this.#isRunning = false
    this.reach.stop()
    this.#roundTimer?.clear()
    this.#lookTimer?.clear()
    await this.#meeting.stop()
    await this.challenger?.stop()
    await this.#repairs.stop()
    await this.#settling
    await this.#caring
    await this.care.stop()
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

  /** Has pointers kept by others in place of nodes that are lost or leave. */
  async #mendPointers(): Promise<void> {
    try {
      const moved = await this.pointers.mend((keeper) => {
        const node = addressOfPublicKey(keeper)
        return this.#watch.isLost(node) || this.#nodes.of(node)?.driver.isLeaving === true
      })
      if (moved > 0) this.#logger.info('pointers have other keepers', { moved })
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#logger.warn('a pointer could not be given to other nodes', { error: messageOf(error) })
    }
  }

  /** After so many seconds nodes are paid again; what each is paid is rounded up to a whole micro-dollar. */
  get periodSeconds(): number {
    return this.#options.settleEveryMs / SECOND_MS
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
          uptime: this.#uptimes.shareOf(node),
          priceMicroUsdPerTibHour,
          lastOutcome: this.#settled.of(node)?.outcome,
          paidMicroUsd: this.#settled.of(node)?.paidMicroUsd ?? microUsd(0n),
        },
      ]
    })
  }

  /** Settles with all nodes, then repairs what needs it. Rounds come by themselves; this is one more now. */
  async round(): Promise<StorageRound> {
    const settled = await this.#settleInTurn()
    const cared = await this.#careInTurn()
    return { ...settled, ...cared, paidMicroUsd: microUsd(settled.paidMicroUsd + cared.paidMicroUsd) }
  }

  /**
   * Has some nodes prove what they keep now, because others found them without it. What others say is no reason to do more:
   * only what this payer finds itself is taken as true. Nodes without an agreement, and those that were asked for this in
   * the last ten minutes, are left out. @returns what came of it, by node
   */
  async examine(nodes: readonly Address[]): Promise<ReadonlyMap<Address, SettleOutcome['kind']>> {
    const asked = new Set(nodes.filter((node) => this.#mayExamine(node)))
    const found = new Map<Address, SettleOutcome['kind']>()
    const examined = this.#settling.then(async () => {
      for (const settlement of await this.#nodes.settle(asked)) {
        found.set(settlement.bought.node, settlement.outcome.kind)
        await this.#judge(settlement)
      }
      await this.#keepSettled()
    })
    this.#settling = examined.catch(() => undefined)
    await examined
    return found
  }

  #mayExamine(node: Address): boolean {
    const nowMs = this.#components.clock.monotonicMs()
    const lastMs = this.#examinedAtMs.get(node)
    if (this.#nodes.of(node) === undefined || (lastMs !== undefined && nowMs - lastMs < EXAMINE_AGAIN_MS)) return false
    this.#examinedAtMs.set(node, nowMs)
    return true
  }

  async #careInTurn(): Promise<Omit<StorageRound, 'outcomes'>> {
    const cared = this.#caring.then(() => this.#care())
    this.#caring = cared.catch(() => undefined)
    return await cared
  }

  async #settleInTurn(): Promise<Pick<StorageRound, 'paidMicroUsd' | 'outcomes'>> {
    const settled = this.#settling.then(() => this.#settle())
    this.#settling = settled.catch(() => undefined)
    return await settled
  }

  /** Lets auditors find this payer, who ask what it agreed on. Not waited for: nothing of its own hangs on it. */
  async #announce(): Promise<void> {
    if (this.#isAnnounced || this.#nodes.all().length === 0) return
    this.#isAnnounced = true
    try {
      await this.#network.provide(nodeKey(this.#components.signer.address))
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#isAnnounced = false
      this.#logger.debug('this payer was not announced', { error: messageOf(error) })
    }
  }

  /** Asks all nodes whether they are there, those included that keep a pointer and nothing else of this payer. */
  async look(): Promise<void> {
    const peers = new Map(this.#nodes.all().map(({ node, peer }) => [node, peer]))
    for (const keeper of await this.pointers.keepersNow())
      peers.set(addressOfPublicKey(keeper), peerIdOfPublicKey(keeper))
    const looks = await Promise.all(
      Array.from(peers, async ([node, peer]) => [node, await this.#isThere(peer)] as const),
    )
    // When nobody is there, it is this machine's own line that is away, and nothing was seen.
    if (!looks.some(([, isThere]) => isThere)) return
    for (const [node, isThere] of looks) {
      this.#watch.note(node, isThere)
      if (!isThere || this.#watch.isLost(node)) this.#nodes.shun(node, 2 * this.#options.lookEveryMs)
    }
    await this.#nodes.hearLeaving(new Set(looks.flatMap(([node, isThere]) => (isThere ? node : []))))
    await this.#uptimes.note(looks)
    await keepWatched(this.#components.store, this.#watch.entries())
  }

  /** How segments lie now; reads all of their rows. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async placement(): Promise<PlacementReport> {
    let [segments, unsteadySegments] = [0, 0]
    const redundancy = new RedundancySum()
    for await (const segment of this.segments.all()) {
      const { placed, profile } = segment
      segments++
      redundancy.add(this.#repairs.standingOf(segment))
      const steady = placed.filter(({ node }) => this.#isSteady(node)).length
      if (steady < steadyPieces(profile.pieces)) unsteadySegments++
    }
    const steadyNodes = this.#nodes.all().filter(({ node }) => this.#isSteady(node)).length
    return { segments, unsteadySegments, steadyNodes, ...redundancy.report }
  }

  async #isThere(peer: PeerId): Promise<boolean> {
    try {
      await this.#network.ping(peer, PING_TIMEOUT_MS)
      return true
    } catch (error) {
      if (!isSteadError(error)) throw error
      return false
    }
  }

  #isSteady(node: Address): boolean {
    return (this.#uptimes.shareOf(node) ?? 0) >= STEADY_SHARE && !this.#watch.isLost(node)
  }

  async #settle(): Promise<Pick<StorageRound, 'paidMicroUsd' | 'outcomes'>> {
    void this.#announce()
    const outcomes: Record<SettleOutcome['kind'], number> = {
      paid: 0,
      'nothing-due': 0,
      'no-room': 0,
      ended: 0,
      offline: 0,
      lost: 0,
      lied: 0,
    }
    let paidMicroUsd = 0n
    for (const settlement of await this.#nodes.settle()) {
      const { outcome } = settlement
      outcomes[outcome.kind]++
      if (outcome.kind === 'paid') paidMicroUsd += outcome.amountMicroUsd
      await this.#judge(settlement)
    }
    await this.#keepSettled()
    await this.challenger?.drawLot()
    // Nobody waits for them any more, and nothing new is given to them.
    for (const { node } of this.#nodes.all())
      if (this.#watch.isLost(node)) this.#nodes.shun(node, 2 * this.#options.settleEveryMs)
    return { paidMicroUsd: microUsd(paidMicroUsd), outcomes }
  }

  /** Takes the consequences of one node's settlement. */
  async #judge({ bought, outcome }: NodeSettlement): Promise<void> {
    const { node } = bought
    this.#settled.note(node, outcome)
    if (outcome.kind === 'offline') this.#logger.info('a node was not paid', { node, error: messageOf(outcome.error) })
    if (outcome.kind === 'ended') {
      // While what it signed is still there to be shown.
      await this.challenger?.suspect(node, 'lost')
      await this.#nodes.end(bought)
    }
    if (outcome.kind === 'lied') {
      this.#logger.warn('a node did not show what it signed for', { node })
      // First of all: a revision without the pieces would free the node of them.
      await this.challenger?.suspect(node, 'lied')
      this.#watch.lose(node)
    }
    if (outcome.kind === 'lost') {
      await this.challenger?.suspect(node, 'lost')
      this.#repairs.lose(bought, [outcome.piece])
    }
    if (outcome.kind === 'paid') this.#repairs.lose(bought, outcome.damaged)
  }

  /** Makes good what is missing, moves what is on nodes that leave, and pays those off that have nothing any more. */
  async #care(): Promise<Omit<StorageRound, 'outcomes'>> {
    await this.segments.finishReleases()
    await this.#forgetOldPeriods()
    await this.#mendPointers()
    const repaired = await this.#repairs.sweep()
    const leaving = this.#nodes.all().filter(({ driver }) => driver.isLeaving)
    // Who has nothing any more is paid at once, and can go.
    const paidOff = await Promise.all(leaving.map((bought) => this.#payOff(bought)))
    await this.#keepSettled()
    await this.care.round()
    const leavingNodes = leaving.filter(({ driver: { agreement } }) => (agreement?.pieces ?? 0) > 0).length
    return { paidMicroUsd: microUsd(paidOff.reduce((sum, paid) => sum + paid, 0n)), ...repaired, leavingNodes }
  }

  /** For people to look at: payments do not wait for it. */
  async #keepSettled(): Promise<void> {
    try {
      await this.#settled.keep()
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#logger.warn('what was paid to nodes could not be noted', { error: messageOf(error) })
    }
  }

  async #forgetOldPeriods(): Promise<void> {
    const { store, clock } = this.#components
    await forgetPeriods(store, Math.floor(clock.now() / SECOND_MS) - EVIDENCE_SECONDS)
  }

  /** What a node that has no pieces any more is still owed. */
  async #payOff(bought: BoughtNode): Promise<bigint> {
    await bought.idle()
    if ((bought.driver.agreement?.pieces ?? 0) > 0) return 0n
    const outcome = await bought.settle()
    if (outcome.kind !== 'paid') return 0n
    this.#settled.note(bought.node, outcome)
    return outcome.amountMicroUsd
  }

  /** Every segment with where its pieces surely are: what is lost is not handed to a caretaker. */
  async *#handed(): AsyncGenerator<HandedPlaces> {
    for await (const { reference, placed } of this.segments.all()) {
      const isLost = this.#repairs.lossOf(decodeReference(reference).segment)
      const places = placed.flatMap((each): PiecePlace[] => {
        const bought = this.#nodes.of(each.node)
        if (bought === undefined || isLost(each)) return []
        return [{ number: each.number, peer: bought.peer, agreement: bought.driver.id }]
      })
      yield { reference, places }
    }
  }

  #roundLater(delayMs: number): void {
    this.#roundTimer = this.#components.clock.setTimer(delayMs, () => void this.#roundNow())
  }

  async #roundNow(): Promise<void> {
    let delayMs = this.#options.settleEveryMs
    try {
      await this.#settleInTurn()
    } catch (error) {
      // The disk or the chain is away: agreements wait, and soon it is tried again.
      this.#logger.error('nodes could not be paid', { error })
      delayMs = Math.min(delayMs, ROUND_RETRY_MS)
    }
    if (!this.#isRunning) return
    if (!this.#isCaring) void this.#careBeside()
    this.#roundLater(delayMs)
  }

  async #careBeside(): Promise<void> {
    this.#isCaring = true
    try {
      await this.#careInTurn()
    } catch (error) {
      this.#logger.error('storage could not be looked after', { error })
    } finally {
      this.#isCaring = false
    }
  }

  #lookLater(): void {
    const { clock, random } = this.#components
    // Nobody knows when: a node that is there just for the looks would look better than it is.
    const delayMs = this.#options.lookEveryMs * (0.5 + random.fraction())
    this.#lookTimer = clock.setTimer(delayMs, () => void this.#lookNow())
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
