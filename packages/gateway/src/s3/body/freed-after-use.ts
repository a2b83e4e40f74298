/**
 * Bytes whose memory goes back when the next ones are asked for: whoever takes them copies what it keeps. Left to the
 * collector, which looks at each 64 MB, a large body had that much of it lying about.
 */
export async function* freedAfterUse(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    yield bytes
    const { buffer, byteLength } = bytes
    // Not where others share it.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
  }
}
