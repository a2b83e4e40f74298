/** Hashes many pairs at once: what a proof tree spends all its time on. */
export interface PairHasher {
  readonly name: string
  /**
   * outputs[i] = SHA-256(inputs[2i] ‖ inputs[2i + 1]) over 32-byte words. `inputs` is a multiple of 64 bytes, `outputs`
   * is half of it; they do not overlap.
   */
  hashPairs(inputs: Uint8Array, outputs: Uint8Array): void
}
