import type { ErasureKernel } from './erasure-kernel.ts'
import { product } from './galois.ts'
import { elementAt, type Matrix } from './matrix.ts'

const BYTES = 256

/** The kernel in plain JavaScript, for engines without SIMD; some thirty times as slow. */
export class ScalarKernel implements ErasureKernel {
  readonly name = 'scalar'
  readonly #products: Uint8Array = new Uint8Array(BYTES)

  combine(matrix: Matrix, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void {
    for (const [row, output] of outputs.entries()) {
      output.fill(0)
      for (const [column, input] of inputs.entries()) this.#add(elementAt(matrix, row, column), input, output)
    }
  }

  #add(factor: number, input: Uint8Array, output: Uint8Array): void {
    const products = this.#products
    for (let byte = 0; byte < BYTES; byte++) products[byte] = product(factor, byte)
    for (let at = 0; at < output.length; at++) output[at] = (output[at] ?? 0) ^ (products[input[at] ?? 0] ?? 0)
  }
}
