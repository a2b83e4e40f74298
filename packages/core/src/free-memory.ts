/** What is smaller is left to the collector. */
const FREED_BYTES_MIN = 32 * 1024

/**
 * Gives the memory of large bytes back at once: they have length 0 afterwards, and nobody may need them any more. Left to
 * the collector, they lie about until it runs. Does nothing where they are only a part of their buffer, which others may
 * share.
 */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  if (isWhole && byteLength >= FREED_BYTES_MIN) buffer.transfer(0)
}
