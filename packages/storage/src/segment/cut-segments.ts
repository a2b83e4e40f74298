import { SEGMENT_PLAIN_BYTES } from './segment-layout.ts'

/**
 * Gathers a stream of bytes into segments, the last one shorter; a stream without bytes is one empty segment. A segment's
 * memory is used again for the next one, so that a stream of any length takes one segment.
 * @param segmentBytes 1 .. SEGMENT_PLAIN_BYTES @default whole segments
 */
export async function* cutSegments(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  segmentBytes: number = SEGMENT_PLAIN_BYTES,
): AsyncGenerator<Uint8Array> {
  const segment = new Uint8Array(segmentBytes)
  let filled = 0
  let isFirst = true
  for await (const chunk of source) {
    let rest = chunk
    while (rest.length > 0) {
      // Not when it becomes full but when more comes: the last segment is not followed by an empty one.
      if (filled === segmentBytes) {
        yield segment
        isFirst = false
        filled = 0
      }
      const taken = rest.subarray(0, segmentBytes - filled)
      segment.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
    }
  }
  if (filled > 0 || isFirst) yield segment.subarray(0, filled)
}
