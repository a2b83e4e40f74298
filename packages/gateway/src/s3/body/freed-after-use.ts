import { freeMemory } from '@stead/core'

/**
 * Bytes whose memory goes back when the next ones are asked for: whoever takes them copies what it keeps. Left to the
 * collector, which looks at each 64 MB, a large body had that much of it lying about.
 */
export async function* freedAfterUse(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    yield bytes
    freeMemory(bytes)
  }
}
