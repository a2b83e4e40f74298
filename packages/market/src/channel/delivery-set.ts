const INITIAL_SLOTS = 64

/**
 * A set of 16-byte delivery ids in 8 bytes each, so that a provider can remember millions: the first half of an id
 * stands for it. Two ids with equal halves are taken for one, which costs the payer that chose them one refusal.
 */
export class DeliverySet {
  #high: Uint32Array = new Uint32Array(INITIAL_SLOTS)
  #low: Uint32Array = new Uint32Array(INITIAL_SLOTS)
  #size = 0
  readonly #mix: number

  /** @param mix any number that payers do not know: it keeps them from choosing ids that collide in the table */
  constructor(mix: number) {
    this.#mix = (mix | 1) >>> 0
  }

  get size(): number {
    return this.#size
  }

  has(delivery: Uint8Array): boolean {
    const [high, low] = wordsOf(delivery, 0)
    const slot = this.#find(high, low)
    return this.#high[slot] === high && this.#low[slot] === low
  }

  add(delivery: Uint8Array, offset = 0): void {
    const [high, low] = wordsOf(delivery, offset)
    if ((this.#size + 1) * 4 > this.#high.length * 3) this.#grow()
    const slot = this.#find(high, low)
    if (this.#high[slot] === high && this.#low[slot] === low) return
    this.#high[slot] = high
    this.#low[slot] = low
    this.#size += 1
  }

  /** Adds ids that stand one after the other, 16 bytes each. */
  addAll(deliveries: Uint8Array): void {
    for (let offset = 0; offset + 16 <= deliveries.length; offset += 16) this.add(deliveries, offset)
  }

  /** The slot of an id, or the free one where it belongs. */
  #find(high: number, low: number): number {
    const mask = this.#high.length - 1
    let hash = Math.imul(high ^ this.#mix, 0x9e37_79b1) ^ Math.imul(low + this.#mix, 0x85eb_ca6b)
    hash ^= hash >>> 15
    let slot = (Math.imul(hash, 0xc2b2_ae35) >>> 0) & mask
    // Never full: the table grows at three quarters.
    while ((this.#high[slot] !== high || this.#low[slot] !== low) && (this.#high[slot] !== 0 || this.#low[slot] !== 0))
      slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low]
    this.#high = new Uint32Array(high.length * 2)
    this.#low = new Uint32Array(low.length * 2)
    for (let i = 0; i < high.length; i++) {
      const [h, l] = [high[i] ?? 0, low[i] ?? 0]
      if (h === 0 && l === 0) continue
      const slot = this.#find(h, l)
      this.#high[slot] = h
      this.#low[slot] = l
    }
  }
}

/** Zero marks a free slot, so an id of zeros is spelled as one. */
function wordsOf(delivery: Uint8Array, offset: number): readonly [number, number] {
  const word = (at: number): number =>
    (((delivery[at] ?? 0) << 24) |
      ((delivery[at + 1] ?? 0) << 16) |
      ((delivery[at + 2] ?? 0) << 8) |
      (delivery[at + 3] ?? 0)) >>>
    0
  const [high, low] = [word(offset), word(offset + 4)]
  return high === 0 && low === 0 ? [0, 1] : [high, low]
}
