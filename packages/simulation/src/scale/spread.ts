import { CopyHeap } from './copy-heap.ts'
import type { ScaleFigures } from './figures.ts'
import type { MessageSizes } from './message-sizes.ts'
import type { NeighbourLists } from './neighbour-lists.ts'
import type { Places } from './places.ts'

/** Over what a message spreads. */
export interface SpreadComponents {
  readonly places: Places
  readonly connections: NeighbourLists
  readonly mesh: NeighbourLists
  /** 1 for a node that is gone: it takes nothing and passes nothing on. */
  readonly isDead: Uint8Array
}

/** How nodes treat it. */
export interface SpreadOptions {
  /** The author sends to all its connections, not to its mesh alone. */
  readonly floodsOwn: boolean
  /** Who gets it tells its mesh to send no further copy. */
  readonly saysDontWant: boolean
  /** From taking a copy in to passing it on: two signatures are checked. */
  readonly checkMs: number
}

/** What one message cost. */
export interface SpreadCounts {
  readonly copiesSent: number
  readonly copiesReceived: number
  /** Copies that went to nodes that are gone. */
  readonly copiesLost: number
  readonly dontWants: number
  /** Nodes that have it in the end, its author not counted. */
  readonly reached: number
}

/** Two signatures and a decoding: 16,000 checks of one a second were measured natively. */
const CHECK_MS = 0.2
const NEVER = Number.POSITIVE_INFINITY

/** One message after another through the same network. 12 bytes a node, 16 a copy on its way. */
export class Spread {
  /** When each node had the last message, ms after it was published; infinite for those that never had it. */
  readonly arrivedMs: Float64Array
  /** From whom it came first; -1 for its author and those that never had it. */
  readonly firstFrom: Int32Array
  readonly #components: SpreadComponents
  readonly #options: SpreadOptions
  readonly #heap: CopyHeap
  #sent = 0
  #dontWants = 0

  constructor(components: SpreadComponents, options: SpreadOptions) {
    const { nodes } = components.mesh
    this.#components = components
    this.#options = options
    this.arrivedMs = new Float64Array(nodes)
    this.firstFrom = new Int32Array(nodes)
    this.#heap = new CopyHeap(4 * nodes)
  }

  /** Publishes one message and follows it to its end. */
  publish(author: number): SpreadCounts {
    const { connections, mesh, isDead } = this.#components
    this.arrivedMs.fill(NEVER)
    this.firstFrom.fill(-1)
    this.arrivedMs[author] = 0
    this.#sent = 0
    this.#dontWants = 0
    const first = this.#options.floodsOwn ? connections : mesh
    for (const other of first.of(author)) this.#send(author, other, 0)
    let [received, lost, reached] = [0, 0, 0]
    while (this.#heap.pop()) {
      const { to, from, dueMs } = this.#heap
      if (isDead[to] === 1) {
        lost++
        continue
      }
      received++
      if (this.arrivedMs[to] !== NEVER) continue
      reached++
      this.#take(to, from, dueMs)
    }
    return {
      copiesSent: this.#sent,
      copiesReceived: received,
      copiesLost: lost,
      dontWants: this.#dontWants,
      reached,
    }
  }

  #take(node: number, from: number, atMs: number): void {
    const { mesh } = this.#components
    this.arrivedMs[node] = atMs
    this.firstFrom[node] = from
    const neighbours = mesh.of(node)
    if (this.#options.saysDontWant) this.#dontWants += neighbours.length - (neighbours.includes(from) ? 1 : 0)
    const leavesMs = atMs + this.#options.checkMs
    for (const other of neighbours) {
      if (other !== from && !this.#isUnwanted(node, other, leavesMs)) this.#send(node, other, leavesMs)
    }
  }

  /** `other` has the message from somebody else, and has been heard to say so. */
  #isUnwanted(node: number, other: number, byMs: number): boolean {
    if (!this.#options.saysDontWant || this.firstFrom[other] === node) return false
    const hadMs = this.arrivedMs[other] ?? NEVER
    // The author says nothing: it sends.
    if (hadMs === NEVER || this.firstFrom[other] === -1) return false
    return hadMs + this.#components.places.wayMs(other, node) <= byMs
  }

  #send(from: number, to: number, atMs: number): void {
    this.#sent++
    this.#heap.push(atMs + this.#components.places.wayMs(from, to), to, from)
  }
}

/** How the real nodes treat an offer. */
export function spreadOptions({ gossip }: ScaleFigures, sizes: MessageSizes): SpreadOptions {
  const saysDontWant = sizes.offerGossipBytes >= gossip.dontWantFromBytes
  return { floodsOwn: gossip.floodsOwn, saysDontWant, checkMs: CHECK_MS }
}
