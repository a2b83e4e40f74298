import { randomBytes } from 'node:crypto'
import type { Random } from '@stead/core'

/** The operating system's cryptographic randomness. */
export const systemRandom: Random = {
  // A copy: Node's small buffers share one pool, and what is kept or sent must not.
  bytes: (length) => Uint8Array.from(randomBytes(length)),
  fraction: () => randomBytes(4).readUInt32LE() / 2 ** 32,
}
