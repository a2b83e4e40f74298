import type { Clock, PeerId, Random } from '@stead/core'
import { MemoryNetwork } from './memory-network.ts'

/** How messages travel from one node to another. */
export interface LinkConditions {
  /** One way. */
  readonly latencyMs: number
  /** Up to so much more, at random; messages may overtake each other. */
  readonly jitterMs: number
  /** Share of messages that are lost, 0 .. 1. */
  readonly lossShare: number
}

/** What a {@link MemoryHub} needs. */
export interface MemoryHubComponents {
  readonly clock: Clock
  readonly random: Random
  /** Neighbours whom a node tells of one message. @default all: plain flooding, whose messages can be counted exactly */
  readonly gossipDegreeMax?: number
}

const IDEAL: LinkConditions = { latencyMs: 0, jitterMs: 0, lossShare: 0 }

/**
 * The world in which {@link MemoryNetwork} nodes live: one process, no sockets. With a manual clock and seeded randomness
 * a run is the same every time.
 */
export class MemoryHub {
  readonly clock: Clock
  readonly random: Random
  readonly gossipDegreeMax: number
  readonly #nodes = new Map<PeerId, MemoryNetwork>()
  readonly #links = new Map<string, LinkConditions>()
  #groupOf: ReadonlyMap<PeerId, number> | undefined
  #defaultLink: LinkConditions = IDEAL
  #created = 0

  constructor(components: MemoryHubComponents) {
    this.clock = components.clock
    this.random = components.random
    this.gossipDegreeMax = components.gossipDegreeMax ?? Number.POSITIVE_INFINITY
  }

  /** A node that is not started. Give the peer id that belongs to a key where the layers above look into it. */
  createNode(peer?: PeerId): MemoryNetwork {
    this.#created += 1
    const self = peer ?? (`memory-${this.#created}` as PeerId)
    if (this.#nodes.has(self)) throw new TypeError(`there is a node ${self} already`)
    const node = new MemoryNetwork(this, self, this.#created)
    this.#nodes.set(self, node)
    return node
  }

  /** Sets how messages travel where no link of its own is set. @default no latency, no loss */
  setDefaultLink(conditions: Partial<LinkConditions>): void {
    this.#defaultLink = { ...IDEAL, ...conditions }
  }

  /** Sets how messages travel between two nodes, both ways. */
  setLink(left: PeerId, right: PeerId, conditions: Partial<LinkConditions>): void {
    const link = { ...IDEAL, ...conditions }
    this.#links.set(`${left} ${right}`, link)
    this.#links.set(`${right} ${left}`, link)
  }

  /** Loses every message between nodes of different groups; a node in no group is alone with others in none. */
  partition(...groups: readonly (readonly PeerId[])[]): void {
    this.#groupOf = new Map(groups.flatMap((group, index) => group.map((peer) => [peer, index] as const)))
  }

  /** Ends the partition. */
  heal(): void {
    this.#groupOf = undefined
  }

  /** The process dies without a word; its peers' operating systems notice and close the connections. */
  kill(peer: PeerId): void {
    this.#nodes.get(peer)?.die()
    this.#nodes.delete(peer)
  }

  /** Nodes that were made and not killed. */
  get size(): number {
    return this.#nodes.size
  }

  /** A node that runs. */
  runningNode(peer: PeerId): MemoryNetwork | undefined {
    const node = this.#nodes.get(peer)
    return node?.isRunning === true ? node : undefined
  }

  /** The node at an address. */
  peerAt(address: string): PeerId | undefined {
    for (const node of this.#nodes.values()) if (node.isRunning && node.address === address) return node.self
    return undefined
  }

  /** True while messages between the two are not cut off. */
  isJoined(left: PeerId, right: PeerId): boolean {
    return this.#groupOf === undefined || this.#groupOf.get(left) === this.#groupOf.get(right)
  }

  /** True when a node forgets that it saw a message, and its neighbour sends it again. @default never */
  repeatsGossip(): boolean {
    return false
  }

  /**
   * True when a copy of gossip that is sent now comes after the one that is there at `firstMs`, however fast it is. Nothing
   * more is done with it. @default it is not known how fast it is
   */
  comesLater(_from: MemoryNetwork, _to: MemoryNetwork, _firstMs: number): boolean {
    return false
  }

  /**
   * Delivers a message when its time has come, or never. `arrive` gives false when nothing comes of it any more;
   * `isWanted` is asked as it is sent with the moment of its arrival, and false loses it.
   */
  deliver(from: PeerId, to: PeerId, arrive: () => unknown, isWanted?: (dueMs: number) => boolean): void {
    const { latencyMs, jitterMs, lossShare } = this.#links.get(`${from} ${to}`) ?? this.#defaultLink
    if (lossShare > 0 && this.random.fraction() < lossShare) return
    const delayMs = latencyMs + (jitterMs > 0 ? jitterMs * this.random.fraction() : 0)
    if (isWanted !== undefined && !isWanted(this.clock.monotonicMs() + delayMs)) return
    const arriveIfJoined = (): void => {
      if (this.isJoined(from, to)) arrive()
    }
    if (delayMs > 0) this.clock.setTimer(delayMs, arriveIfJoined)
    else queueMicrotask(arriveIfJoined)
  }
}
