import { ErasureCode, type ErasureProfile } from '../erasure/erasure-code.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'

/** Codes by their profiles, each made once. */
export class ErasureCodes {
  readonly #kernel: ErasureKernel
  readonly #codes = new Map<string, ErasureCode>()

  constructor(kernel: ErasureKernel) {
    this.#kernel = kernel
  }

  /** @throws RangeError for a profile that there cannot be */
  of({ dataPieces, pieces }: ErasureProfile): ErasureCode {
    const name = `${dataPieces} of ${pieces}`
    const known = this.#codes.get(name)
    if (known !== undefined) return known
    const code = new ErasureCode(this.#kernel, { dataPieces, pieces })
    this.#codes.set(name, code)
    return code
  }
}
