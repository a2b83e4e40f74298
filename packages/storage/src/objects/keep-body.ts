import { concatBytes } from '@stead/protocol'
import { cutSegments } from '../segment/cut-segments.ts'
import type { ContentWriter } from './content-writer.ts'

/** Longest object that shares a segment with others: such a segment is whole with sixteen of them. */
export const PACKED_BYTES_MAX = 1_048_576

/** All of a small body, or more than {@link PACKED_BYTES_MAX} of a larger one. @throws what the body throws */
export async function firstBytes(chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let lengthBytes = 0
  while (lengthBytes <= PACKED_BYTES_MAX) {
    const { done, value } = await chunks.next()
    if (done === true) break
    // A copy: whoever gives chunks may use their memory again.
    parts.push(Uint8Array.from(value))
    lengthBytes += value.length
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : concatBytes(...parts)
}

/** Keeps a large body segment by segment. @returns its bytes @throws what the body throws; as the writer */
export async function keepLarge(
  writer: ContentWriter,
  { first, rest }: { readonly first: Uint8Array; readonly rest: AsyncGenerator<Uint8Array> },
  { segmentBytes, signal }: { readonly segmentBytes: number; readonly signal: AbortSignal | undefined },
): Promise<number> {
  let lengthBytes = 0
  for await (const segment of cutSegments(followed(first, rest), segmentBytes)) {
    await writer.add(segment, signal)
    lengthBytes += segment.length
  }
  await writer.allKept(signal)
  return lengthBytes
}

/** Bytes that were read before, and the rest. */
export async function* followed(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}
