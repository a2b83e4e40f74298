import { concatBytes, sha256 } from '@stead/protocol'

const BYTES_PER_NUMBER = 6
const NUMBERS_PER_BLOCK = 5
const SPAN = 2 ** 48

/**
 * Numbers that everybody draws alike from a seed: SHA-256 over seed and counter gives five of 48 bits each. Those above
 * the last whole multiple of a bound are thrown away, so that none below it is likelier than another.
 */
export class BeaconDraw {
  readonly #seed: Uint8Array
  #block: Uint8Array = new Uint8Array(0)
  #counter = 0
  #next = NUMBERS_PER_BLOCK

  constructor(seed: Uint8Array) {
    this.#seed = seed
  }

  /** An integer 0 .. `bound`-1. @throws RangeError when the bound is not an integer 1 .. 2^32 */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new RangeError(`no number is below ${bound}`)
    const limit = SPAN - (SPAN % bound)
    for (;;) {
      const number = this.#number()
      if (number < limit) return number % bound
    }
  }

  #number(): number {
    if (this.#next === NUMBERS_PER_BLOCK) {
      const counter = new Uint8Array(4)
      new DataView(counter.buffer).setUint32(0, this.#counter++)
      this.#block = sha256(concatBytes(this.#seed, counter))
      this.#next = 0
    }
    const start = this.#next++ * BYTES_PER_NUMBER
    let number = 0
    for (let i = start; i < start + BYTES_PER_NUMBER; i++) number = number * 256 + (this.#block[i] ?? 0)
    return number
  }
}
