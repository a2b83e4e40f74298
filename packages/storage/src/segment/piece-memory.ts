import { type Clock, freeMemory, type Timer } from '@stead/core'

/** Blocks that wait to be used again: as many segments as are sent at once. */
const BLOCKS_MAX = 2
/** Not used for so long, a block is the operating system's again. */
const IDLE_MS = 10_000

/** Smaller blocks are taken as they are. */
const LARGE_BYTES = 1024 * 1024
/**
 * So much is asked for where a large block is wanted, and only the block is ever touched: an allocator maps it for itself,
 * and gives it back when it is free. glibc puts what is smaller than 32 MiB into its heap from the second time on, where what
 * is taken after it keeps it from the operating system.
 */
const MAPPED_BYTES = 32 * 1024 * 1024 + 4096

/**
 * Memory for the pieces of segments, used again for the next one. Fresh memory costs a page fault for every 4 KiB of it,
 * and to be zeroed: more than half of what it takes to make a segment.
 */
export class PieceMemory {
  readonly #clock: Pick<Clock, 'setTimer'>
  readonly #blocks: Uint8Array[] = []
  #timer: Timer | undefined

  constructor(clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock
  }

  /** So many bytes; what is in them is anything. */
  take(bytes: number): Uint8Array {
    this.#timer?.clear()
    const at = this.#blocks.findIndex(({ length }) => length === bytes)
    const [block = fresh(bytes)] = at < 0 ? [] : this.#blocks.splice(at, 1)
    this.#trimLater()
    return block
  }

  /** Gives back what {@link PieceMemory.take} gave, once: nobody may read it any more. */
  give(block: Uint8Array): void {
    // Segments of another length come now: the oldest go.
    const oldest = this.#blocks.length === BLOCKS_MAX ? this.#blocks.shift() : undefined
    if (oldest !== undefined) release(oldest)
    this.#blocks.push(block)
    this.#timer?.clear()
    this.#trimLater()
  }

  #trimLater(): void {
    if (this.#blocks.length === 0) return
    this.#timer = this.#clock.setTimer(IDLE_MS, () => {
      for (const block of this.#blocks.splice(0)) release(block)
    })
  }
}

function fresh(bytes: number): Uint8Array {
  if (bytes < LARGE_BYTES) return new Uint8Array(bytes)
  return new Uint8Array(new ArrayBuffer(Math.max(bytes, MAPPED_BYTES)), 0, bytes)
}

/** A block is all of its memory that anybody has. */
function release({ buffer }: Uint8Array): void {
  freeMemory(new Uint8Array(buffer))
}
