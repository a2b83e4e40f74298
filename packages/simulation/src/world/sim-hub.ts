import type { PeerId } from '@stead/core'
import { MemoryHub, type MemoryNetwork, type SeededRandom } from '@stead/testkit'
import { NOTHING_CAME, type Scheduler } from '../engine/scheduler.ts'
import type { SimClock } from '../engine/sim-clock.ts'
import type { Tally } from '../engine/tally.ts'
import type { Trace } from '../engine/trace.ts'

/** Where a node is: a point of a square world, in milliseconds of one-way travel. */
export interface Place {
  readonly xMs: number
  readonly yMs: number
}

interface Site {
  readonly number: number
  readonly place: Place
}

/** What can be wrong with wires. All shares are of single messages. */
export interface WireFaults {
  /** Up to so much more than the distance takes; messages overtake each other. */
  readonly jitterMs: number
  readonly lossShare: number
  /** Share of messages that take ten times as long. */
  readonly slowShare: number
  /** Share of gossip messages that a node forgets and is sent again. */
  readonly repeatShare: number
}

const IDEAL: WireFaults = { jitterMs: 0, lossShare: 0, slowShare: 0, repeatShare: 0 }

/** What every message takes besides its way. */
const HOP_MS = 1
const SLOW_FACTOR = 10
const NODES_MAX = 2 ** 20
/** What a repair of our gossip mesh aims at; a flood to all would be most of what a large world does. */
const GOSSIP_DEGREE_MAX = 6

/** Where a node would be that a cheat made up. */
const NOWHERE: Site = { number: 0, place: { xMs: 0, yMs: 0 } }

/** What a hub stands on. */
export interface SimHubComponents {
  readonly clock: SimClock
  readonly random: SeededRandom
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly tally: Tally
}

/** The wires of a simulated world: distance, jitter, loss, cuts and partitions in one direction only, clogged ones, gossip that comes again. */
export class SimHub extends MemoryHub {
  readonly #scheduler: Scheduler
  readonly #trace: Trace
  readonly #tally: Tally
  /** Each node's number and place, looked up for both ends of each message. */
  readonly #sites: Map<PeerId, Site> = new Map()
  /** The same by the number of a node's life. */
  readonly #nodeSites: (Site | undefined)[] = []
  /** Directions in which nothing arrives. */
  readonly #cuts: Set<number> = new Set()
  /** Directions in which everything waits until a moment. */
  readonly #clogs: Map<number, number> = new Map()
  /** Nodes that the others do not hear. */
  readonly #muted: Set<PeerId> = new Set()
  #faults: WireFaults = IDEAL
  #messages = 0
  #lost = 0

  constructor(components: SimHubComponents) {
    super({ ...components, gossipDegreeMax: GOSSIP_DEGREE_MAX })
    this.#scheduler = components.scheduler
    this.#trace = components.trace
    this.#tally = components.tally
  }

  /** Messages that were sent, and those of them that were lost. */
  get counts(): { readonly messages: number; readonly lost: number } {
    return { messages: this.#messages, lost: this.#lost }
  }

  /** Says where a node is, before it sends anything. */
  setPlace(peer: PeerId, place: Place): void {
    this.#sites.set(peer, { number: this.#sites.size + 1, place })
  }

  setFaults(faults: WireFaults): void {
    this.#faults = faults
  }

  /** Loses every message from one node to another; those of the other direction arrive: a half-open link. */
  cut(from: PeerId, to: PeerId): void {
    this.#cuts.add(this.#direction(from, to))
  }

  /** Holds up every message from one node to another until a moment; then all of them arrive. */
  clog(from: PeerId, to: PeerId, untilMs: number): void {
    this.#clogs.set(this.#direction(from, to), untilMs)
  }

  /** Ends a cut. */
  uncut(from: PeerId, to: PeerId): void {
    this.#cuts.delete(this.#direction(from, to))
  }

  /** The rest does not hear these nodes any more, which hear all: a partition of one direction. */
  mute(peers: readonly PeerId[]): void {
    for (const peer of peers) this.#muted.add(peer)
  }

  /** Ends the silence of all nodes. */
  unmute(): void {
    this.#muted.clear()
  }

  /** Ends a partition; other faults stay. */
  join(): void {
    super.heal()
  }

  /** Ends cuts, clogs, silence, loss and jitter. Distances stay. */
  override heal(): void {
    super.heal()
    this.#cuts.clear()
    this.#clogs.clear()
    this.#muted.clear()
    this.#faults = IDEAL
  }

  override isJoined(left: PeerId, right: PeerId): boolean {
    return this.#reaches(left, right, this.#direction(left, right))
  }

  /** Asked twice for every message; most of the time nothing is cut. */
  #reaches(left: PeerId, right: PeerId, direction: number): boolean {
    if (!super.isJoined(left, right)) return false
    if (this.#muted.size > 0 && this.#muted.has(left) && !this.#muted.has(right)) {
      this.#tally.add('unheard')
      return false
    }
    return this.#cuts.size === 0 || !this.#cuts.has(direction)
  }

  override repeatsGossip(): boolean {
    const { repeatShare } = this.#faults
    if (repeatShare === 0 || this.random.fraction() >= repeatShare) return false
    this.#tally.add('repeated-gossip')
    return true
  }

  override comesLater(from: MemoryNetwork, to: MemoryNetwork, firstMs: number): boolean {
    const wayMs = HOP_MS + distance(this.#siteOfNode(from).place, this.#siteOfNode(to).place)
    const isLater = firstMs <= this.#scheduler.nowMs + wayMs
    // It was sent all the same.
    if (isLater) this.#messages++
    return isLater
  }

  override deliver(from: PeerId, to: PeerId, arrive: () => unknown, isWanted?: (dueMs: number) => boolean): void {
    this.#messages++
    const [left, right] = [this.#siteOf(from), this.#siteOf(to)]
    const direction = directionOf(left, right)
    this.#trace.mix(direction)
    const { lossShare } = this.#faults
    if ((lossShare > 0 && this.random.fraction() < lossShare) || !this.#reaches(from, to, direction)) {
      this.#lost++
      return
    }
    const cloggedUntilMs = this.#clogs.size === 0 ? 0 : (this.#clogs.get(direction) ?? 0)
    const dueMs = Math.max(this.#scheduler.nowMs + this.#travelMs(left.place, right.place), cloggedUntilMs)
    if (isWanted !== undefined && !isWanted(dueMs)) return
    this.#scheduler.at(dueMs, () => {
      if (this.#reaches(from, to, direction)) return arrive() === false ? NOTHING_CAME : undefined
      this.#lost++
      return NOTHING_CAME
    })
  }

  /** One number for both ends: this is looked up for every message, and a text would be made for every message. */
  #direction(from: PeerId, to: PeerId): number {
    return directionOf(this.#siteOf(from), this.#siteOf(to))
  }

  #siteOf(peer: PeerId): Site {
    return this.#sites.get(peer) ?? NOWHERE
  }

  /** By its number, which is faster to look up than its name. */
  #siteOfNode(node: MemoryNetwork): Site {
    const known = this.#nodeSites[node.number]
    if (known !== undefined) return known
    const site = this.#siteOf(node.self)
    this.#nodeSites[node.number] = site
    return site
  }

  #travelMs(from: Place, to: Place): number {
    const { jitterMs, slowShare } = this.#faults
    const extraMs = jitterMs > 0 ? jitterMs * this.random.fraction() : 0
    const isSlow = slowShare > 0 && this.random.fraction() < slowShare
    return (HOP_MS + distance(from, to) + extraMs) * (isSlow ? SLOW_FACTOR : 1)
  }
}

function directionOf(from: Site, to: Site): number {
  return from.number * NODES_MAX + to.number
}

/** By operations whose last bit IEEE 754 lays down; Math.hypot may differ between versions of the engine. */
function distance(left: Place, right: Place): number {
  const x = left.xMs - right.xMs
  const y = left.yMs - right.yMs
  return Math.sqrt(x * x + y * y)
}
