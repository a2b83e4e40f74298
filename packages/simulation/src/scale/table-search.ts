import type { SeededRandom } from '@stead/testkit'
import type { ScaleFigures } from './figures.ts'
import type { Places } from './places.ts'

/** What one search of the table cost. */
export interface TableSearch {
  /** Questions that were answered. */
  readonly questions: number
  /** Peers that answers named. */
  readonly named: number
  /** Peers that could not be asked: not connected, and no room for a connection. */
  readonly refused: number
  readonly tookMs: number
  /** The nearest peers that answered, at most a bucket of them. */
  readonly nearest: readonly number[]
  readonly asked: readonly number[]
}

/** What a search needs to know of its network. */
export interface TableComponents {
  readonly places: Places
  readonly random: SeededRandom
  /** Round trips until a peer answers, connecting included; undefined when it refuses the connection. */
  reach(from: number, to: number): number | undefined
  /** Whom a node knows, where that is less than what searches would have taught it; undefined for that. */
  readonly known: ((node: number) => Iterable<number>) | undefined
}

const ID_BITS = 32

/**
 * The provider table. A node's number is its rank by id, and its routing table is drawn from the ids that share its
 * first bits whenever it is asked, always the same: no node's table takes memory. Ids have 32 bits, enough for millions.
 */
export class Table {
  readonly #ids: Uint32Array
  readonly #figures: ScaleFigures['table']
  readonly #components: TableComponents

  constructor(nodes: number, components: TableComponents, figures: ScaleFigures['table']) {
    this.#components = components
    this.#figures = figures
    this.#ids = Uint32Array.from({ length: nodes }, () => Math.floor(components.random.fraction() * 2 ** ID_BITS))
    this.#ids.sort()
  }

  /** The nodes whose ids are nearest to a key. */
  keepers(key: number): readonly number[] {
    const all = Array.from(this.#ids, (_, node) => node)
    return this.#nearest(all, key, this.#figures.bucketSize)
  }

  /** Buckets that a node refreshes: one for each number of bits that a peer shares with it. */
  buckets(node: number): number {
    let count = 0
    for (let bits = 0; bits < ID_BITS; bits++) {
      const { begin, end } = this.#bucket(node, bits)
      if (end > begin) count = bits + 1
    }
    return count
  }

  /** A key that shares so many bits with a node's id. */
  keyInBucket(node: number, bits: number): number {
    const flipped = ((this.#ids[node] ?? 0) ^ (2 ** (ID_BITS - 1 - bits))) >>> 0
    const free = 2 ** (ID_BITS - 1 - bits)
    return Math.floor(flipped / free) * free + Math.floor(this.#components.random.fraction() * free)
  }

  /** The id of a node, which is the key of its search for neighbours. */
  keyOf(node: number): number {
    return this.#ids[node] ?? 0
  }

  /** A search as kad-dht does it: paths that share no peer, each until its nearest answered or were refused. */
  search(from: number, key: number): TableSearch {
    const { paths, bucketSize } = this.#figures
    const seen = new Set<number>([from])
    const start = this.#answer(from, key)
    const found: TableSearch[] = []
    for (let path = 0; path < paths; path++) {
      const own = start.filter((_, place) => place % paths === path)
      for (const node of own) seen.add(node)
    }
    for (let path = 0; path < paths; path++) {
      found.push(
        this.#walk(
          from,
          key,
          start.filter((_, place) => place % paths === path),
          seen,
        ),
      )
    }
    const sum = (of: (search: TableSearch) => number): number => found.reduce((total, each) => total + of(each), 0)
    const asked = found.flatMap((each) => each.asked)
    return {
      questions: sum(({ questions }) => questions),
      named: sum(({ named }) => named),
      refused: sum(({ refused }) => refused),
      tookMs: Math.max(0, ...found.map(({ tookMs }) => tookMs)),
      nearest: this.#nearest(asked, key, bucketSize),
      asked,
    }
  }

  #walk(from: number, key: number, start: readonly number[], seen: Set<number>): TableSearch {
    const { bucketSize, parallel } = this.#figures
    const { places, reach } = this.#components
    const waiting = [...start]
    const freeMs = new Array<number>(parallel).fill(0)
    let closest: readonly number[] = []
    let [named, refused, tookMs] = [0, 0, 0]
    const asked: number[] = []
    const canEnter = (node: number): boolean => {
      const last = closest.at(-1)
      return closest.length < bucketSize || last === undefined || this.#distance(node, key) < this.#distance(last, key)
    }
    while (waiting.length > 0) {
      waiting.sort((left, right) => this.#distance(left, key) - this.#distance(right, key))
      const node = waiting.shift()
      if (node === undefined || !canEnter(node)) continue
      // The asker that is free first; that an answer may be too late for the next question is left out.
      const asker = freeMs.indexOf(Math.min(...freeMs))
      const trips = reach(from, node)
      freeMs[asker] = (freeMs[asker] ?? 0) + (trips ?? 1) * places.roundTripMs(from, node)
      tookMs = Math.max(tookMs, freeMs[asker])
      if (trips === undefined) {
        refused++
        continue
      }
      asked.push(node)
      closest = this.#nearest([...closest, node], key, bucketSize)
      const answer = this.#answer(node, key)
      named += answer.length
      for (const other of answer) {
        if (seen.has(other) || this.#distance(other, key) >= this.#distance(node, key) || !canEnter(other)) continue
        seen.add(other)
        waiting.push(other)
      }
    }
    return { questions: asked.length, named, refused, tookMs, nearest: closest, asked }
  }

  /** The peers of a node's routing table that are nearest to a key. */
  #answer(node: number, key: number): readonly number[] {
    const { known: knownTo } = this.#components
    if (knownTo !== undefined) return this.#nearest([...knownTo(node)], key, this.#figures.bucketSize)
    const known: number[] = []
    for (let bits = 0; bits < ID_BITS; bits++) {
      const { begin, end } = this.#bucket(node, bits)
      const size = end - begin
      if (size <= this.#figures.bucketSize) for (let each = begin; each < end; each++) known.push(each)
      else
        for (let place = 0; place < this.#figures.bucketSize; place++)
          known.push(begin + (mix(node, bits, place) % size))
    }
    return this.#nearest(known, key, this.#figures.bucketSize)
  }

  /** Nodes whose ids share exactly so many first bits with a node's: neighbours in the order of ids. */
  #bucket(node: number, bits: number): { readonly begin: number; readonly end: number } {
    const span = 2 ** (ID_BITS - 1 - bits)
    const first = ((this.#ids[node] ?? 0) ^ span) >>> 0
    const low = Math.floor(first / span) * span
    return { begin: this.#rank(low), end: this.#rank(low + span) }
  }

  /** Number of ids below a value. */
  #rank(value: number): number {
    let [low, high] = [0, this.#ids.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ids[middle] ?? 0) < value) low = middle + 1
      else high = middle
    }
    return low
  }

  #nearest(nodes: readonly number[], key: number, count: number): readonly number[] {
    const unique = [...new Set(nodes)]
    return unique.sort((left, right) => this.#distance(left, key) - this.#distance(right, key)).slice(0, count)
  }

  #distance(node: number, key: number): number {
    return ((this.#ids[node] ?? 0) ^ key) >>> 0
  }
}

/** A number that depends on three others and looks like chance. */
function mix(node: number, bits: number, place: number): number {
  let mixed = Math.imul(node + 1, 0x9e3779b9) ^ Math.imul(bits + 1, 0x85ebca6b) ^ Math.imul(place + 1, 0xc2b2ae35)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
