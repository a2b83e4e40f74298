import type { ErasureKernel } from './erasure-kernel.ts'
import { product } from './galois.ts'
import { KERNEL_MODULE_BASE64 } from './kernel-module.ts'
import { elementAt, type Matrix } from './matrix.ts'
import { type WasmMemory, webAssembly } from './webassembly.ts'

type Combine = (
  inputs: number,
  inputCount: number,
  outputs: number,
  outputCount: number,
  tables: number,
  stride: number,
  length: number,
) => void

/** Bytes of each piece that are worked on at once: inputs, tables and four outputs stay in the nearest caches. */
const STRIPE_BYTES = 8192
/** The kernel works on pairs of sixteen bytes. */
const LANES_BYTES = 32
const TABLE_BYTES = 32
const NIBBLE = 16
const ROWS_TOGETHER = 4
const PAGE_BYTES = 65_536
const PIECES_MAX = 256

/** The kernel in WebAssembly with SIMD; its source is `kernel/combine.ts` of this package. */
export class SimdKernel implements ErasureKernel {
  readonly name = 'simd'
  readonly #memory: WasmMemory
  readonly #combine: Combine
  #bytes: Uint8Array
  #tablesOf: Matrix | undefined

  private constructor(memory: WasmMemory, combine: Combine) {
    this.#memory = memory
    this.#combine = combine
    this.#bytes = new Uint8Array(memory.buffer)
  }

  /** Undefined where the engine has no SIMD. */
  static create(): SimdKernel | undefined {
    const bytes = Uint8Array.from(atob(KERNEL_MODULE_BASE64), (character) => character.charCodeAt(0))
    if (!webAssembly.validate(bytes)) return undefined
    const memory = new webAssembly.Memory({ initial: 1 })
    const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes), { env: { memory } })
    return new SimdKernel(memory, exports.combine as Combine)
  }

  combine(matrix: Matrix, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void {
    const length = outputs[0]?.length ?? 0
    const stride = Math.min(STRIPE_BYTES, roundUp(length, LANES_BYTES))
    const rows = roundUp(outputs.length, ROWS_TOGETHER)
    const inputsAt = rows * inputs.length * TABLE_BYTES
    const outputsAt = inputsAt + inputs.length * stride
    this.#reserve(outputsAt + rows * stride)
    if (this.#tablesOf !== matrix) this.#writeTables(matrix, rows)
    const bytes = this.#bytes
    for (let from = 0; from < length; from += stride) {
      const to = Math.min(length, from + stride)
      for (const [index, input] of inputs.entries()) bytes.set(input.subarray(from, to), inputsAt + index * stride)
      const rounded = roundUp(to - from, LANES_BYTES)
      this.#combine(inputsAt, inputs.length, outputsAt, outputs.length, 0, stride, rounded)
      for (const [index, output] of outputs.entries()) {
        const at = outputsAt + index * stride
        output.set(bytes.subarray(at, at + to - from), from)
      }
    }
  }

  #reserve(needBytes: number): void {
    const pages = Math.ceil((needBytes - this.#bytes.length) / PAGE_BYTES)
    if (pages <= 0) return
    this.#memory.grow(pages)
    this.#bytes = new Uint8Array(this.#memory.buffer)
  }

  /** Kept for as long as the same matrix is used: all pieces of all segments of one profile. */
  #writeTables(matrix: Matrix, rows: number): void {
    if (matrix.rows > PIECES_MAX) throw new RangeError(`a code has at most ${PIECES_MAX} pieces, not ${matrix.rows}`)
    for (let column = 0; column < matrix.columns; column++) {
      for (let row = 0; row < rows; row++) {
        const factor = row < matrix.rows ? elementAt(matrix, row, column) : 0
        const at = (column * rows + row) * TABLE_BYTES
        for (let nibble = 0; nibble < NIBBLE; nibble++) {
          this.#bytes[at + nibble] = product(factor, nibble)
          this.#bytes[at + NIBBLE + nibble] = product(factor, nibble << 4)
        }
      }
    }
    this.#tablesOf = matrix
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
