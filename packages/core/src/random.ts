/** Randomness; cryptographic in adapters, seeded in the simulator. */
export interface Random {
  /** `length` fresh bytes (0 .. 65536). */
  bytes(length: number): Uint8Array
  /** A uniform number in [0, 1) with 32 bits of resolution at least. */
  fraction(): number
}
