import type { Timer } from '@stead/core'

/** Something that is to happen at a moment of simulated time. */
export class SimEvent implements Timer {
  readonly dueMs: number
  /** Of two at the same moment the one that was made first comes first. */
  readonly order: number
  #run: (() => unknown) | undefined

  constructor(dueMs: number, order: number, run: () => unknown) {
    this.dueMs = dueMs
    this.order = order
    this.#run = run
  }

  /** It stays in the heap until its time, and then does nothing: taking it out would cost more. */
  get isCleared(): boolean {
    return this.#run === undefined
  }

  clear(): void {
    this.#run = undefined
  }

  /** Lets it happen, unless it was cleared, and gives what it gives. */
  happen(): unknown {
    return this.#run?.()
  }
}

const PLACES_AT_FIRST = 1024

/** Children of each place: with four a sinking event passes half as many levels as with two, and reads as few lines of the cache. */
const CHILDREN = 4

/**
 * Events by time, then by order; a heap. Times and orders lie in arrays of numbers beside the events, because sifting
 * reads many of them and each event would be a miss of the cache.
 */
export class EventHeap {
  readonly #events: (SimEvent | undefined)[] = []
  #dueMs = new Float64Array(PLACES_AT_FIRST)
  #orders = new Float64Array(PLACES_AT_FIRST)
  #size = 0

  get size(): number {
    return this.#size
  }

  peek(): SimEvent | undefined {
    return this.#events[0]
  }

  push(event: SimEvent): void {
    if (this.#size === this.#dueMs.length) this.#grow()
    const { dueMs, order } = event
    const times = this.#dueMs
    let place = this.#size
    this.#size++
    while (place > 0) {
      const parent = Math.floor((place - 1) / CHILDREN)
      const parentMs = times[parent] ?? 0
      if (parentMs < dueMs || (parentMs === dueMs && (this.#orders[parent] ?? 0) < order)) break
      this.#move(parent, place)
      place = parent
    }
    this.#put(place, event)
  }

  pop(): SimEvent | undefined {
    const first = this.#events[0]
    if (first === undefined) return undefined
    this.#size--
    const last = this.#events[this.#size]
    this.#events[this.#size] = undefined
    if (last !== undefined && this.#size > 0) this.#sink(last)
    return first
  }

  /** Puts an event at the top and lets it sink to its place. */
  #sink(event: SimEvent): void {
    const { dueMs, order } = event
    const [times, orders, size] = [this.#dueMs, this.#orders, this.#size]
    let place = 0
    for (;;) {
      const eldest = CHILDREN * place + 1
      if (eldest >= size) break
      const end = Math.min(eldest + CHILDREN, size)
      let child = eldest
      let childMs = times[eldest] ?? 0
      for (let other = eldest + 1; other < end; other++) {
        const otherMs = times[other] ?? 0
        if (otherMs > childMs || (otherMs === childMs && (orders[other] ?? 0) > (orders[child] ?? 0))) continue
        child = other
        childMs = otherMs
      }
      if (childMs > dueMs || (childMs === dueMs && (orders[child] ?? 0) > order)) break
      this.#move(child, place)
      place = child
    }
    this.#put(place, event)
  }

  #move(from: number, to: number): void {
    this.#dueMs[to] = this.#dueMs[from] ?? 0
    this.#orders[to] = this.#orders[from] ?? 0
    this.#events[to] = this.#events[from]
  }

  #put(place: number, event: SimEvent): void {
    this.#dueMs[place] = event.dueMs
    this.#orders[place] = event.order
    this.#events[place] = event
  }

  #grow(): void {
    const [times, orders] = [this.#dueMs, this.#orders]
    this.#dueMs = new Float64Array(2 * times.length)
    this.#orders = new Float64Array(2 * orders.length)
    this.#dueMs.set(times)
    this.#orders.set(orders)
  }
}
