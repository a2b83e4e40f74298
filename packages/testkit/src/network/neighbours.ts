import type { PeerId } from '@stead/core'
import type { MemoryNetwork } from './memory-network.ts'

/**
 * The nodes that one is connected to, as they were then: one that has died may still be among them, until word of it has
 * come. Their numbers lie beside them, because gossip asks for all of them all the time, and looking at each node would
 * be most of what a large world does.
 */
export class Neighbours {
  readonly #byPeer: Map<PeerId, MemoryNetwork> = new Map()
  /** In the order in which they came. */
  readonly #list: MemoryNetwork[] = []
  readonly #numbers: number[] = []
  /** 1 at the numbers that are here. */
  #isHere = new Uint8Array(64)

  has(peer: PeerId): boolean {
    return this.#byPeer.has(peer)
  }

  get(peer: PeerId): MemoryNetwork | undefined {
    return this.#byPeer.get(peer)
  }

  /** True for this life of a node. */
  holds(node: MemoryNetwork): boolean {
    return this.#isHere[node.number] === 1
  }

  /** Takes one in; another life of it must have been let go before. */
  add(node: MemoryNetwork): void {
    if (node.number >= this.#isHere.length) {
      const more = new Uint8Array(2 * node.number)
      more.set(this.#isHere)
      this.#isHere = more
    }
    this.#isHere[node.number] = 1
    this.#byPeer.set(node.self, node)
    this.#list.push(node)
    this.#numbers.push(node.number)
  }

  delete(peer: PeerId): void {
    const node = this.#byPeer.get(peer)
    if (node === undefined) return
    this.#byPeer.delete(peer)
    this.#isHere[node.number] = 0
    const place = this.#list.indexOf(node)
    this.#list.splice(place, 1)
    this.#numbers.splice(place, 1)
  }

  /** All, in the order in which they came; not to be kept. */
  all(): readonly MemoryNetwork[] {
    return this.#list
  }

  /**
   * As many by chance of those whose number is wanted: all, when there are not more. Drawn without a list of them all.
   * @param fraction 0 .. 1, asked once for each that is drawn
   */
  draw(count: number, isWanted: (number: number) => boolean, fraction: () => number): readonly MemoryNetwork[] {
    if (places.length < this.#list.length) places = new Int32Array(2 * this.#list.length)
    let have = 0
    for (let place = 0; place < this.#numbers.length; place++)
      if (isWanted(this.#numbers[place] ?? 0)) places[have++] = place
    const drawn: MemoryNetwork[] = []
    for (let nth = 0; nth < Math.min(count, have); nth++) {
      if (have > count) {
        const choice = nth + Math.floor(fraction() * (have - nth))
        const chosen = places[choice] ?? 0
        places[choice] = places[nth] ?? 0
        places[nth] = chosen
      }
      const node = this.#list[places[nth] ?? 0]
      if (node !== undefined) drawn.push(node)
    }
    return drawn
  }
}

/** Places of those among whom is drawn; one for all, because nothing is drawn while something is drawn. */
let places = new Int32Array(64)
