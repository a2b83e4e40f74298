/**
 * A stream of random bytes drawn from a 32-byte seed: the ChaCha20 key stream (RFC 8439) with a zero nonce and a 64-bit
 * block counter. The same seed gives the same bytes everywhere; unknown seeds cannot be told from true randomness.
 */
export class SeededRandom {
  readonly #key = new Uint32Array(8)
  readonly #state = new Uint32Array(16)
  readonly #block = new Uint8Array(64)
  readonly #blockView = new DataView(this.#block.buffer)
  #counter = 0
  #used = 64

  /** @param seed 32 bytes */
  constructor(seed: Uint8Array) {
    const view = new DataView(seed.buffer, seed.byteOffset, 32)
    for (let index = 0; index < 8; index++) this.#key[index] = view.getUint32(index * 4, true)
  }

  /** Overwrites `target` with the next bytes of the stream. */
  fill(target: Uint8Array): void {
    let at = 0
    while (at < target.length) {
      if (this.#used === 64) this.#nextBlock()
      const count = Math.min(64 - this.#used, target.length - at)
      target.set(this.#block.subarray(this.#used, this.#used + count), at)
      this.#used += count
      at += count
    }
  }

  #nextBlock(): void {
    const initial = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, ...this.#key]
    initial.push(this.#counter >>> 0, Math.floor(this.#counter / 2 ** 32), 0, 0)
    const state = this.#state
    state.set(initial)
    for (let round = 0; round < 10; round++) {
      quarterRound(state, [0, 4, 8, 12])
      quarterRound(state, [1, 5, 9, 13])
      quarterRound(state, [2, 6, 10, 14])
      quarterRound(state, [3, 7, 11, 15])
      quarterRound(state, [0, 5, 10, 15])
      quarterRound(state, [1, 6, 11, 12])
      quarterRound(state, [2, 7, 8, 13])
      quarterRound(state, [3, 4, 9, 14])
    }
    for (let index = 0; index < 16; index++)
      this.#blockView.setUint32(index * 4, ((state[index] as number) + (initial[index] as number)) >>> 0, true)
    this.#counter++
    this.#used = 0
  }
}

function quarterRound(state: Uint32Array, [a, b, c, d]: readonly [number, number, number, number]): void {
  mix(state, [a, b, d, 16])
  mix(state, [c, d, b, 12])
  mix(state, [a, b, d, 8])
  mix(state, [c, d, b, 7])
}

/** into += from; turned = (turned ^ into) <<< bits */
function mix(state: Uint32Array, [into, from, turned, bits]: readonly [number, number, number, number]): void {
  state[into] = (state[into] as number) + (state[from] as number)
  const value = (state[turned] as number) ^ (state[into] as number)
  state[turned] = (value << bits) | (value >>> (32 - bits))
}
