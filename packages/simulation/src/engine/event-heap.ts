/** Something that is to happen at a moment of simulated time. */
export interface SimEvent {
  readonly dueMs: number
  /** Of two at the same moment the one that was made first comes first. */
  readonly order: number
  readonly run: () => void
  /** A cleared event stays in the heap until its time and then does nothing: taking it out would cost more. */
  isCleared: boolean
}

/** Events by time, then by order; a binary heap in one array. */
export class EventHeap {
  readonly #events: SimEvent[] = []

  get size(): number {
    return this.#events.length
  }

  peek(): SimEvent | undefined {
    return this.#events[0]
  }

  push(event: SimEvent): void {
    const events = this.#events
    let place = events.length
    events.push(event)
    while (place > 0) {
      const parent = (place - 1) >> 1
      const other = events[parent]
      if (other === undefined || isBefore(other, event)) break
      events[place] = other
      place = parent
    }
    events[place] = event
  }

  pop(): SimEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (last !== undefined && events.length > 0) this.#sink(last)
    return first
  }

  /** Puts an event at the top and lets it sink to its place. */
  #sink(event: SimEvent): void {
    const events = this.#events
    let place = 0
    for (;;) {
      const left = events[2 * place + 1]
      const right = events[2 * place + 2]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (isBefore(event, child)) break
      events[place] = child
      place = 2 * place + (isRight ? 2 : 1)
    }
    events[place] = event
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.order < right.order)
}
