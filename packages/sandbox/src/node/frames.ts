/**
 * Frames on the socket pair between the executor's two processes: a 4-byte little-endian length, then that many bytes,
 * the first of which says what the frame is.
 */
export const FRAME_HEADER_BYTES = 4

/** Kinds of frames from parent to child. */
export const ToChild = { load: 1, unload: 2, call: 3, cancel: 4, ping: 5 } as const
/** Kinds of frames from child to parent. */
export const ToParent = { ready: 1, loaded: 2, outcome: 3, stuck: 4, pong: 5 } as const

/** Cuts a byte stream into frames; the other side may send anything in pieces of any size. */
export class FrameReader {
  readonly #frameBytesMax: number
  readonly #onFrame: (frame: Uint8Array) => void
  #chunks: Uint8Array[] = []
  #held = 0

  /** @param frameBytesMax larger frames end the stream @param onFrame gets views of what arrived */
  constructor(frameBytesMax: number, onFrame: (frame: Uint8Array) => void) {
    this.#frameBytesMax = frameBytesMax
    this.#onFrame = onFrame
  }

  /** Takes what arrived. @throws RangeError when a frame is too large or empty; the stream is then unusable */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#needed()) return
    const bytes = this.#chunks.length === 1 ? chunk : concatenate(this.#chunks, this.#held)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = 0
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = this.#checkLength(view.getUint32(at, true))
      const end = at + FRAME_HEADER_BYTES + length
      if (end > bytes.length) break
      this.#onFrame(bytes.subarray(at + FRAME_HEADER_BYTES, end))
      at = end
    }
    this.#held = bytes.length - at
    this.#chunks = this.#held === 0 ? [] : [bytes.subarray(at)]
  }

  /** Bytes that must be there before the next frame can be cut; gathering until then keeps large frames linear. */
  #needed(): number {
    const first = this.#chunks[0] as Uint8Array
    if (first.length < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES
    const length = new DataView(first.buffer, first.byteOffset, FRAME_HEADER_BYTES).getUint32(0, true)
    return FRAME_HEADER_BYTES + this.#checkLength(length)
  }

  #checkLength(length: number): number {
    if (length === 0 || length > this.#frameBytesMax)
      throw new RangeError(`frame of ${length} bytes; 1 .. ${this.#frameBytesMax} are allowed`)
    return length
  }
}

function concatenate(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
