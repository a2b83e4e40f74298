import type { WasmMemory } from '../webassembly.ts'
import { Errno, fail } from './errno.ts'

/** One scatter/gather element: a range of guest memory. */
export interface Slice {
  readonly pointer: number
  readonly length: number
}

/** Most elements of one scatter/gather list, as IOV_MAX of common systems. */
const SLICES_MAX = 1024

/**
 * A guest's linear memory as a host function sees it. Pointers and lengths come from the guest: each access outside
 * memory ends the host call with EFAULT.
 */
export class GuestMemory {
  readonly #memory: WasmMemory
  #buffer: ArrayBuffer | undefined
  #bytes = new Uint8Array(0)
  #view = new DataView(new ArrayBuffer(0))

  constructor(memory: WasmMemory) {
    this.#memory = memory
  }

  /** The bytes of a range, aliasing guest memory: use before the guest runs again. */
  range(pointer: number, length: number): Uint8Array {
    const start = this.#check(pointer, length >>> 0)
    return this.#bytes.subarray(start, start + (length >>> 0))
  }

  getU8(pointer: number): number {
    const start = this.#check(pointer, 1)
    return this.#view.getUint8(start)
  }

  getU16(pointer: number): number {
    const start = this.#check(pointer, 2)
    return this.#view.getUint16(start, true)
  }

  getU32(pointer: number): number {
    const start = this.#check(pointer, 4)
    return this.#view.getUint32(start, true)
  }

  getU64(pointer: number): bigint {
    const start = this.#check(pointer, 8)
    return this.#view.getBigUint64(start, true)
  }

  setU8(pointer: number, value: number): void {
    const start = this.#check(pointer, 1)
    this.#view.setUint8(start, value)
  }

  setU16(pointer: number, value: number): void {
    const start = this.#check(pointer, 2)
    this.#view.setUint16(start, value, true)
  }

  setU32(pointer: number, value: number): void {
    const start = this.#check(pointer, 4)
    this.#view.setUint32(start, value, true)
  }

  setU64(pointer: number, value: bigint): void {
    const start = this.#check(pointer, 8)
    this.#view.setBigUint64(start, value, true)
  }

  /** Copies bytes into guest memory. */
  write(pointer: number, bytes: Uint8Array): void {
    const start = this.#check(pointer, bytes.length)
    this.#bytes.set(bytes, start)
  }

  /** Reads a list of iovec or ciovec structures. */
  slices(pointer: number, count: number): Slice[] {
    const length = count >>> 0
    if (length > SLICES_MAX) fail(Errno.inval)
    const start = this.#check(pointer, length * 8)
    const slices: Slice[] = []
    for (let index = 0; index < length; index++) {
      const slice = { pointer: this.getU32(start + index * 8), length: this.getU32(start + index * 8 + 4) }
      this.#check(slice.pointer, slice.length)
      slices.push(slice)
    }
    return slices
  }

  /** Comes before each access: it also renews the views after memory has grown. */
  #check(pointer: number, length: number): number {
    // An i32 arrives signed; a sum of the host's beyond 32 bits must not begin again at 0.
    const start = pointer < 0 ? pointer + 2 ** 32 : pointer
    const buffer = this.#memory.buffer
    if (buffer !== this.#buffer) {
      this.#buffer = buffer
      this.#bytes = new Uint8Array(buffer)
      this.#view = new DataView(buffer)
    }
    if (start + length > buffer.byteLength) fail(Errno.fault)
    return start
  }
}
