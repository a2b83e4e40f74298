import { type WasmMemory, webAssembly } from './webassembly.ts'

/** Pages of 64 KiB of a memory. */
export interface MemoryPages {
  readonly min: number
  readonly max: number
}

const PAGE_BYTES = 65_536
/** Larger memories are cheaper to make anew than to wipe: 2 MiB take 0.1 ms. */
const KEPT_PAGES_MAX = 32
/** Memories kept, least recently used ones going first: at most 8 MiB. */
const KEPT_MAX = 4

/**
 * Memories for instances of one thread, wiped between them. To make one takes the kernel and the garbage collector longer
 * than to run a short call (measured: 40 us instead of 10 for an instance with one page).
 */
export class MemoryShelf {
  readonly #kept = new Map<string, WasmMemory>()

  /** A memory of zeros. @throws RangeError when the machine has none */
  take(pages: MemoryPages): WasmMemory {
    const key = keyOf(pages)
    const kept = this.#kept.get(key)
    if (kept === undefined) return new webAssembly.Memory({ initial: pages.min, maximum: pages.max })
    this.#kept.delete(key)
    return kept
  }

  /** Takes back the memory of an instance that runs no more, and wipes it at once; one that grew is let go. */
  giveBack(pages: MemoryPages, memory: WasmMemory): void {
    const { buffer } = memory
    if (pages.min > KEPT_PAGES_MAX || buffer.byteLength !== pages.min * PAGE_BYTES) return
    new Uint8Array(buffer).fill(0)
    if (this.#kept.size === KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value ?? '')
    this.#kept.set(keyOf(pages), memory)
  }
}

function keyOf({ min, max }: MemoryPages): string {
  return `${min}:${max}`
}
