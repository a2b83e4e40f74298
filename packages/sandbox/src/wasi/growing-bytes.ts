import type { ByteQuota } from './quota.ts'

/**
 * Bytes moved in one step of the engine. Larger moves are loops of such steps, because a thread can only be ended
 * between them.
 */
const PIECE_BYTES = 4_194_304

/** From here buffers grow by half instead of doubling. */
const DOUBLING_BYTES_MAX = 67_108_864

/** Smaller buffers are kept when their content shrinks. */
const KEPT_BYTES = 4_096

/**
 * Bytes that grow by doubling, accounted to a quota before they are allocated. Holes read as zero. The buffer is at most
 * four times what it holds, or 4 KiB.
 */
export class GrowingBytes {
  readonly #quota: ByteQuota
  readonly #freeBytes: number
  #buffer: Uint8Array
  #length: number
  /** The buffer is the caller's, and copied before the first change. */
  #isBorrowed = true

  /** @param initial never changed; up to its length nothing is accounted */
  constructor(quota: ByteQuota, initial: Uint8Array = new Uint8Array(0)) {
    this.#quota = quota
    this.#freeBytes = initial.length
    this.#buffer = initial
    this.#length = initial.length
  }

  get length(): number {
    return this.#length
  }

  /** A view of everything; valid until the next change. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** A copy of everything. */
  copy(): Uint8Array {
    const bytes = new Uint8Array(this.#length)
    moveBytes(this.view(), bytes)
    return bytes
  }

  /** Reads at `offset` into `target`; the number of bytes read, 0 at and behind the end. */
  read(offset: number, target: Uint8Array): number {
    if (offset >= this.#length) return 0
    const count = Math.min(target.length, this.#length - offset)
    moveBytes(this.#buffer.subarray(offset, offset + count), target)
    return count
  }

  /** @throws GuestStop when the quota does not allow the growth */
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const end = offset + bytes.length
    if (end > this.#length) this.resize(end)
    this.#own()
    moveBytes(bytes, this.#buffer.subarray(offset, end))
  }

  /** @throws GuestStop when the quota does not allow the growth */
  resize(length: number): void {
    this.#quota.take(this.#heldAt(length) - this.#heldAt(this.#length))
    const capacity = this.#buffer.length
    if (length > capacity)
      this.#reallocate(Math.max(length, capacity + Math.min(capacity, Math.max(DOUBLING_BYTES_MAX, capacity >>> 1))))
    // Otherwise a guest could keep many times its quota in buffers of files that it has cut off.
    else if (capacity > KEPT_BYTES && length < capacity >>> 2) this.#reallocate(length)
    else if (length < this.#length) {
      this.#own()
      clear(this.#buffer.subarray(length, this.#length))
    }
    this.#length = length
  }

  #own(): void {
    if (this.#isBorrowed) this.#reallocate(this.#buffer.length)
  }

  #heldAt(length: number): number {
    return Math.max(0, length - this.#freeBytes)
  }

  #reallocate(capacity: number): void {
    const buffer = new Uint8Array(capacity)
    moveBytes(this.#buffer.subarray(0, Math.min(this.#length, capacity)), buffer)
    this.#buffer = buffer
    this.#isBorrowed = false
  }
}

/** Copies bytes in steps between which a thread can be ended. */
export function moveBytes(from: Uint8Array, to: Uint8Array): void {
  for (let at = 0; at < from.length; at += PIECE_BYTES) to.set(from.subarray(at, at + PIECE_BYTES), at)
}

function clear(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) bytes.fill(0, at, at + PIECE_BYTES)
}
