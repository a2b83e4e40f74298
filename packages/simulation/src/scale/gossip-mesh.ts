import type { SeededRandom } from '@stead/testkit'
import type { ScaleFigures } from './figures.ts'
import { NeighbourLists } from './neighbour-lists.ts'

/** The neighbours of each node to whom it passes on every message of the topic of offers. */
export class GossipMesh {
  readonly lists: NeighbourLists
  readonly #connections: NeighbourLists
  readonly #figures: ScaleFigures['gossip']
  readonly #random: SeededRandom

  constructor(connections: NeighbourLists, figures: ScaleFigures['gossip'], random: SeededRandom) {
    this.#connections = connections
    this.#figures = figures
    this.#random = random
    this.lists = new NeighbourLists(connections.nodes, figures.meshMax)
    this.#grow()
  }

  /**
   * One heartbeat of every node that lives: who has too few neighbours takes as many as it wants at best, among those
   * of its connections that live. Returns how many still have too few.
   */
  heartbeat(isDead: Uint8Array): number {
    const { meshMin, meshTarget } = this.#figures
    let poor = 0
    for (let node = 0; node < this.lists.nodes; node++) {
      if (isDead[node] === 1 || this.lists.count(node) >= meshMin) continue
      this.#graft(node, meshTarget, isDead)
      if (this.lists.count(node) < meshMin) poor++
    }
    return poor
  }

  /** Takes a node out: its neighbours have noticed that it is gone. */
  forget(node: number, other: number): void {
    this.lists.part(node, other)
  }

  /**
   * As connections come one by one, each side takes the other in while it has too few itself. Heartbeats then find
   * nothing to do but to add neighbours that a node dialled itself: an attacker cannot choose those. That is why a
   * mesh that grew so has fewer neighbours than it would aim at after a loss.
   */
  #grow(): void {
    const { meshMin } = this.#figures
    const { nodes } = this.#connections
    const order = shuffled(nodes, this.#random)
    const width = this.#connections.width
    for (let place = 0; place < width; place++) {
      for (const node of order) {
        if (place >= this.#connections.count(node)) continue
        const other = this.#connections.at(node, place)
        if (this.lists.count(node) < meshMin || this.lists.count(other) < meshMin) this.lists.join(node, other)
      }
    }
    for (const node of order) this.#addDialled(node)
  }

  #addDialled(node: number): void {
    let missing = this.#figures.meshDialledMin
    for (const other of this.lists.of(node)) if (hasDialled(node, other)) missing--
    for (const other of this.#connections.of(node)) {
      if (missing <= 0) return
      if (hasDialled(node, other) && this.lists.join(node, other)) missing--
    }
  }

  #graft(node: number, wanted: number, isDead: Uint8Array): void {
    const count = this.#connections.count(node)
    const begin = Math.floor(this.#random.fraction() * count)
    for (let step = 0; step < count && this.lists.count(node) < wanted; step++) {
      const other = this.#connections.at(node, (begin + step) % count)
      if (isDead[other] !== 1) this.lists.join(node, other)
    }
  }
}

/** Which side of a connection made it: either, as by a coin that always falls the same way for the same two. */
function hasDialled(node: number, other: number): boolean {
  const [low, high] = node < other ? [node, other] : [other, node]
  const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  return (mixed >>> 31 === 1) === node < other
}

function shuffled(count: number, random: SeededRandom): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index)
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(random.fraction() * (index + 1))
    const moved = order[index] ?? 0
    order[index] = order[other] ?? 0
    order[other] = moved
  }
  return order
}
