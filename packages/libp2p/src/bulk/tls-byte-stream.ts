import type { TLSSocket } from 'node:tls'
import type { ByteStream, ByteStreamEvents } from '../byte-stream.ts'

/** Bytes that are written at once, so that a slow link's progress is seen: each takes 8 s at 32 KiB/s. */
const WRITE_BYTES_MAX = 256 * 1024

/** A data connection as a {@link ByteStream}. The socket is paused until somebody listens. */
export class TlsByteStream implements ByteStream {
  readonly #socket: TLSSocket
  #events: ByteStreamEvents | undefined
  #error: Error | undefined

  /** Takes over a socket; nothing else may read from it, write to it, or handle its errors. */
  constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.pause()
    socket.on('error', (error) => {
      this.#error = error
    })
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded
  }

  listen(events: ByteStreamEvents): void {
    this.#events = events
    this.#socket.on('data', (bytes: Buffer) => this.#events?.onBytes(bytes))
    this.#socket.on('drain', () => this.#events?.onDrain())
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('close', () => this.#onEnd())
    this.#socket.resume()
  }

  send(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return true
    let hasRoom = true
    for (let start = 0; start < bytes.length; start += WRITE_BYTES_MAX) {
      // Not all parts in one call: TLS would copy them together first.
      hasRoom = this.#socket.write(bytes.subarray(start, start + WRITE_BYTES_MAX), this.#onWritten)
    }
    return hasRoom
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  abort(error: Error): void {
    this.#events = undefined
    this.#error ??= error
    this.#socket.destroy()
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#events?.onProgress()
  }

  #onEnd(): void {
    const events = this.#events
    this.#events = undefined
    events?.onEnd(this.#error)
  }
}
