import { randomBytes, randomFillSync } from 'node:crypto'
import type { Random } from '@stead/core'

/** Small draws come from a stock of so many bytes: asking the system costs as much for 16 bytes as for all of them. */
const STOCK_BYTES = 4096
const stock = new Uint8Array(STOCK_BYTES)
let usedBytes = STOCK_BYTES

/** The operating system's cryptographic randomness. */
export const systemRandom: Random = {
  bytes: (length) => {
    // A copy: Node's small buffers share one pool, and what is kept or sent must not.
    if (length > STOCK_BYTES / 16) return Uint8Array.from(randomBytes(length))
    if (usedBytes + length > STOCK_BYTES) {
      randomFillSync(stock)
      usedBytes = 0
    }
    const bytes = stock.slice(usedBytes, usedBytes + length)
    // What was given out must not be found here later.
    stock.fill(0, usedBytes, usedBytes + length)
    usedBytes += length
    return bytes
  },
  fraction: () => randomBytes(4).readUInt32LE() / 2 ** 32,
}
