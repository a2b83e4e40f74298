import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'

/** Which bytes. */
export interface ByteRange {
  readonly fromByte: number
  readonly toByte: number
}

/** Bytes that are asked for at once: sixteen frames. */
const CHUNK_BYTES = 16 * FRAME_PLAIN_BYTES
/** Chunks that are asked for ahead of the one that is given. */
const CHUNKS_AHEAD = 3

/** Bytes chunk by chunk, some of them asked for ahead of whoever takes them. @throws as `read` */
export async function* readAhead(
  range: ByteRange,
  read: (part: ByteRange) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = []
  let next = range.fromByte
  const ask = (): void => {
    if (next >= range.toByte) return
    // Chunks end where frames do, so that none is opened twice. The first one is a frame: whoever waits for it has it soon.
    const unitBytes = next === range.fromByte ? FRAME_PLAIN_BYTES : CHUNK_BYTES
    const toByte = Math.min(range.toByte, (Math.floor(next / unitBytes) + 1) * unitBytes)
    const chunk = read({ fromByte: next, toByte })
    // Whoever stops reading does not hear what becomes of the rest.
    chunk.catch(() => undefined)
    ahead.push(chunk)
    next = toByte
  }
  for (let count = 0; count <= CHUNKS_AHEAD; count++) ask()
  for (let chunk = ahead.shift(); chunk !== undefined; chunk = ahead.shift()) {
    const bytes = await chunk
    ask()
    yield bytes
  }
}
