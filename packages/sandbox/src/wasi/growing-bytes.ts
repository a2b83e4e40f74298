import type { ByteQuota } from './quota.ts'

/** Bytes that grow by doubling, accounted to a quota before they are allocated. Holes read as zero. */
export class GrowingBytes {
  readonly #quota: ByteQuota
  #buffer: Uint8Array
  #length: number

  /** @param initial copied; not accounted */
  constructor(quota: ByteQuota, initial: Uint8Array = new Uint8Array(0)) {
    this.#quota = quota
    this.#buffer = new Uint8Array(initial)
    this.#length = initial.length
  }

  get length(): number {
    return this.#length
  }

  /** A view of everything; valid until the next change. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Reads at `offset` into `target`; the number of bytes read, 0 at and behind the end. */
  read(offset: number, target: Uint8Array): number {
    if (offset >= this.#length) return 0
    const count = Math.min(target.length, this.#length - offset)
    target.set(this.#buffer.subarray(offset, offset + count))
    return count
  }

  /** @throws GuestStop when the quota does not allow the growth */
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const end = offset + bytes.length
    if (end > this.#length) this.resize(end)
    this.#buffer.set(bytes, offset)
  }

  /** @throws GuestStop when the quota does not allow the growth */
  resize(length: number): void {
    this.#quota.take(length - this.#length)
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(
        Math.max(length, Math.min(this.#buffer.length * 2, this.#buffer.length + 67_108_864)),
      )
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = grown
    } else if (length < this.#length) this.#buffer.fill(0, length, this.#length)
    this.#length = length
  }
}
