import type { TLSSocket } from 'node:tls'
import { freeMemory } from '@stead/core'
import type { ByteStream, ByteStreamEvents } from '../byte-stream.ts'
import type { PlacingReader } from './placing-reader.ts'

/** Bytes that are written at once, so that a slow link's progress is seen: each takes 8 s at 32 KiB/s. */
const WRITE_BYTES_MAX = 256 * 1024

/** A data connection as a {@link ByteStream}. The socket is paused until somebody listens. */
export class TlsByteStream implements ByteStream {
  readonly #socket: TLSSocket
  readonly #reader: PlacingReader | undefined
  #events: ByteStreamEvents | undefined
  #error: Error | undefined

  /** Takes over a socket, and what reads it, if that is not the socket itself; nobody else may use them. */
  constructor(socket: TLSSocket, reader?: PlacingReader) {
    this.#socket = socket
    this.#reader = reader
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
    if (this.#reader === undefined) this.#socket.on('data', (bytes: Buffer) => this.#events?.onBytes(bytes))
    else this.#reader.target = events
    this.#socket.on('drain', () => this.#events?.onDrain())
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('close', () => this.#onEnd())
    this.#socket.resume()
  }

  send(bytes: Uint8Array, isGiven: boolean): boolean {
    if (!this.#socket.writable) return true
    // Not all parts in one call: the last one's end is the first progress that would be seen.
    for (let start = 0; start + WRITE_BYTES_MAX < bytes.length; start += WRITE_BYTES_MAX) {
      this.#socket.write(bytes.subarray(start, start + WRITE_BYTES_MAX), this.#onWritten)
    }
    const last = bytes.subarray(Math.floor((bytes.length - 1) / WRITE_BYTES_MAX) * WRITE_BYTES_MAX)
    if (!isGiven) return this.#socket.write(last, this.#onWritten)
    return this.#socket.write(last, (error) => {
      this.#onWritten(error)
      freeMemory(bytes)
    })
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  abort(error: Error): void {
    this.#forget()
    this.#error ??= error
    this.#socket.destroy()
  }

  /** Ends it from outside, as if it had broken. */
  breakOff(error: Error): void {
    this.#error ??= error
    this.#socket.destroy()
    this.#onEnd()
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#events?.onProgress()
  }

  #onEnd(): void {
    const events = this.#events
    this.#forget()
    events?.onEnd(this.#error)
  }

  #forget(): void {
    this.#events = undefined
    if (this.#reader !== undefined) this.#reader.target = undefined
  }
}
