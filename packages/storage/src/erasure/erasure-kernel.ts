import type { Matrix } from './matrix.ts'

/** The arithmetic that takes all the time. */
export interface ErasureKernel {
  readonly name: 'simd' | 'scalar'
  /**
   * outputs[r] = sum over c of matrix[r][c] · inputs[c], byte by byte in GF(256). All inputs and outputs have the same
   * length, one input for each column and one output for each row; outputs are overwritten and must be no input.
   */
  combine(matrix: Matrix, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void
}
