import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'
import { checkAborted } from './abortable.ts'

/** Which bytes. */
export interface ByteRange {
  readonly fromByte: number
  readonly toByte: number
}

/** Bytes that are asked for at once: sixteen frames. */
const CHUNK_BYTES = 16 * FRAME_PLAIN_BYTES
/** Chunks that are asked for ahead of the one that is given. */
const CHUNKS_AHEAD = 3

/**
 * Bytes chunk by chunk, some of them asked for ahead of whoever takes them. When the taker stops, or by the signal, nothing
 * more is asked for; a taker that waits for its next bytes is only heard by the signal.
 * @param read is told by its signal when nobody wants the bytes any more
 * @throws as `read`
 */
export async function* readAhead(
  range: ByteRange,
  read: (part: ByteRange, signal: AbortSignal) => Promise<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const over = new AbortController()
  const end = (): void => over.abort()
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted === true) end()
  try {
    yield* chunksOf(range, (part) => read(part, over.signal), over.signal)
  } finally {
    signal?.removeEventListener('abort', end)
    end()
  }
}

async function* chunksOf(
  range: ByteRange,
  read: (part: ByteRange) => Promise<Uint8Array>,
  over: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = []
  let next = range.fromByte
  const ask = (): void => {
    if (next >= range.toByte || over.aborted) return
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
    checkAborted(over)
    ask()
    yield bytes
  }
}
