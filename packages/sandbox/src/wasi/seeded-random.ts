/**
 * A stream of random bytes drawn from a 32-byte seed: the ChaCha20 key stream (RFC 8439) with a zero nonce and a 64-bit
 * block counter. The same seed gives the same bytes everywhere; unknown seeds cannot be told from true randomness.
 */
export class SeededRandom {
  readonly #initial = new Int32Array(16)
  readonly #state = new Int32Array(16)
  readonly #block = new Uint8Array(64)
  readonly #blockView = new DataView(this.#block.buffer)
  #counter = 0
  #used = 64

  /** @param seed 32 bytes */
  constructor(seed: Uint8Array) {
    const view = new DataView(seed.buffer, seed.byteOffset, 32)
    this.#initial.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574])
    for (let index = 0; index < 8; index++) this.#initial[4 + index] = view.getInt32(index * 4, true)
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
    const initial = this.#initial
    const state = this.#state
    initial[12] = this.#counter
    initial[13] = Math.floor(this.#counter / 2 ** 32)
    state.set(initial)
    for (let round = 0; round < 20; round++)
      for (let column = 0; column < 4; column++) quarterRound(state, column, round & 1)
    for (let index = 0; index < 16; index++)
      this.#blockView.setInt32(index * 4, (state[index] as number) + (initial[index] as number), true)
    this.#counter++
    this.#used = 0
  }
}

/** Mixes one column, or with `turn` 1 the diagonal that starts in it. */
function quarterRound(state: Int32Array, column: number, turn: number): void {
  const second = 4 + ((column + turn) & 3)
  const third = 8 + ((column + 2 * turn) & 3)
  const fourth = 12 + ((column + 3 * turn) & 3)
  let a = state[column] as number
  let b = state[second] as number
  let c = state[third] as number
  let d = state[fourth] as number
  a = (a + b) | 0
  d = rotate(d ^ a, 16)
  c = (c + d) | 0
  b = rotate(b ^ c, 12)
  a = (a + b) | 0
  d = rotate(d ^ a, 8)
  c = (c + d) | 0
  b = rotate(b ^ c, 7)
  state[column] = a
  state[second] = b
  state[third] = c
  state[fourth] = d
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
