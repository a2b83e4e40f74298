import type { Random } from '@stead/core'

/** Randomness that a seed repeats, number for number: xoshiro128** seeded by splitmix32. Not for keys of value. */
export class SeededRandom implements Random {
  readonly #state: [number, number, number, number]

  /** @param seed any integer; its low 32 bits count */
  constructor(seed: number) {
    let mixed = seed | 0
    const next = (): number => {
      mixed = (mixed + 0x9e3779b9) | 0
      let value = mixed ^ (mixed >>> 16)
      value = Math.imul(value, 0x21f0aaad)
      value ^= value >>> 15
      value = Math.imul(value, 0x735a2d97)
      return (value ^ (value >>> 15)) >>> 0
    }
    this.#state = [next(), next(), next(), next()]
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i += 4) {
      const word = this.#next()
      for (let j = 0; j < 4 && i + j < length; j++) bytes[i + j] = (word >>> (8 * j)) & 0xff
    }
    return bytes
  }

  fraction(): number {
    return this.#next() / 2 ** 32
  }

  /** A new generator that depends on this one's place in its sequence; one for each node of a simulation. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next())
  }

  #next(): number {
    const state = this.#state
    const scrambled = Math.imul(rotate(Math.imul(state[1], 5), 7), 9) >>> 0
    const shifted = state[1] << 9
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotate(state[3], 11)
    return scrambled
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
