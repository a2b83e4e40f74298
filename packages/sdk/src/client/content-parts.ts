import { chunksOf } from './web-streams.ts'

/** What an object can be made of. Text is UTF-8. */
export type ObjectContent =
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Blob
  | Uint8Array<ArrayBuffer>
  | string

/** Content whose bytes can be had anywhere and again; undefined for what comes once. */
export function blobOf(content: ObjectContent): Blob | undefined {
  if (content instanceof Blob) return content
  return typeof content === 'string' || content instanceof Uint8Array ? new Blob([content]) : undefined
}

/** Content cut into parts of one size, the last one shorter; one empty part of what is empty. */
export async function* partsOf(content: ObjectContent, partBytes: number): AsyncGenerator<Blob, void> {
  const blob = blobOf(content)
  if (blob !== undefined) {
    for (let at = 0; at === 0 || at < blob.size; at += partBytes) yield blob.slice(at, at + partBytes)
    return
  }
  const stream = content as ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>
  yield* gathered(stream instanceof ReadableStream ? chunksOf(stream) : stream, partBytes)
}

async function* gathered(chunks: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Blob, void> {
  let held: Uint8Array<ArrayBuffer>[] = []
  let heldBytes = 0
  let parts = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      // A copy: whoever gave the chunk may use its memory again.
      const piece = Uint8Array.from(chunk.subarray(at, at + partBytes - heldBytes))
      held.push(piece)
      heldBytes += piece.length
      at += piece.length
      if (heldBytes < partBytes) continue
      parts++
      yield new Blob(held)
      held = []
      heldBytes = 0
    }
  }
  if (heldBytes > 0 || parts === 0) yield new Blob(held)
}
