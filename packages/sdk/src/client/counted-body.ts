import type { StreamBody } from '../api/objects.ts'
import { chunksOf } from './web-streams.ts'

/**
 * Sends bytes as a stream and tells how many of them were taken. A connection that broke may take more yet: what it takes
 * after its failure was told does not count.
 */
export async function sendCounted<Answer>(
  bytes: Blob,
  onBytes: ((bytes: number) => void) | undefined,
  send: (body: StreamBody) => Promise<Answer>,
): Promise<Answer> {
  let isOver = false
  const onTaken = (more: number): void => {
    if (!isOver) onBytes?.(more)
  }
  try {
    return await send(counted(bytes, onTaken))
  } finally {
    isOver = true
  }
}

async function* counted(bytes: Blob, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunksOf(bytes.stream())) {
    yield chunk
    onBytes(chunk.length)
  }
}
