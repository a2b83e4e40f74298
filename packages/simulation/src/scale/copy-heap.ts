/** Copies of a message that are on their way, by when they arrive: a binary heap in typed arrays, 16 bytes a copy. */
export class CopyHeap {
  #dueMs: Float64Array
  #to: Int32Array
  #from: Int32Array
  #size = 0

  constructor(capacity: number) {
    this.#dueMs = new Float64Array(capacity)
    this.#to = new Int32Array(capacity)
    this.#from = new Int32Array(capacity)
  }

  get size(): number {
    return this.#size
  }

  /** The copy that {@link pop} took last. */
  dueMs = 0
  to = 0
  from = 0

  push(dueMs: number, to: number, from: number): void {
    if (this.#size === this.#dueMs.length) this.#grow()
    let place = this.#size
    this.#size++
    while (place > 0) {
      const parent = (place - 1) >> 1
      const parentMs = this.#dueMs[parent] ?? 0
      if (parentMs <= dueMs) break
      this.#set(place, parentMs, this.#to[parent] ?? 0, this.#from[parent] ?? 0)
      place = parent
    }
    this.#set(place, dueMs, to, from)
  }

  /** Takes out the earliest copy and shows it in the three fields; false when none is left. */
  pop(): boolean {
    if (this.#size === 0) return false
    this.dueMs = this.#dueMs[0] ?? 0
    this.to = this.#to[0] ?? 0
    this.from = this.#from[0] ?? 0
    this.#size--
    if (this.#size > 0) this.#sinkLast()
    return true
  }

  /** Puts the last copy at the top and lets it sink to its place. */
  #sinkLast(): void {
    const size = this.#size
    const dueMs = this.#dueMs[size] ?? 0
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= size) break
      if (child + 1 < size && (this.#dueMs[child + 1] ?? 0) < (this.#dueMs[child] ?? 0)) child++
      const childMs = this.#dueMs[child] ?? 0
      if (dueMs <= childMs) break
      this.#set(place, childMs, this.#to[child] ?? 0, this.#from[child] ?? 0)
      place = child
    }
    this.#set(place, dueMs, this.#to[size] ?? 0, this.#from[size] ?? 0)
  }

  #set(place: number, dueMs: number, to: number, from: number): void {
    this.#dueMs[place] = dueMs
    this.#to[place] = to
    this.#from[place] = from
  }

  #grow(): void {
    const longer = <Kind extends Float64Array | Int32Array>(from: Kind, into: Kind): Kind => {
      into.set(from)
      return into
    }
    const capacity = 2 * this.#dueMs.length
    this.#dueMs = longer(this.#dueMs, new Float64Array(capacity))
    this.#to = longer(this.#to, new Int32Array(capacity))
    this.#from = longer(this.#from, new Int32Array(capacity))
  }
}
