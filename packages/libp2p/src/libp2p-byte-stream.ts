import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import type { ByteStream, ByteStreamEvents } from './byte-stream.ts'

/** A libp2p stream as a {@link ByteStream}. */
export class Libp2pByteStream implements ByteStream {
  readonly #stream: Stream
  #events: ByteStreamEvents | undefined

  constructor(stream: Stream) {
    this.#stream = stream
  }

  get isOpen(): boolean {
    return this.#stream.status === 'open'
  }

  listen(events: ByteStreamEvents): void {
    this.#events = events
    this.#stream.addEventListener('message', this.#onMessage)
    this.#stream.addEventListener('drain', this.#onDrain)
    this.#stream.addEventListener('close', this.#onClose)
    this.#stream.addEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
  }

  send(bytes: Uint8Array, _isGiven: boolean): boolean {
    if (this.#stream.writeStatus !== 'writable') return true
    try {
      return this.#stream.send(bytes)
    } catch (error) {
      // The stream has aborted itself and its close event tells the owner; nothing more can be sent.
      this.#stream.log('could not send: %e', error)
      return true
    }
  }

  pause(): void {
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  resume(): void {
    if (this.#stream.readStatus === 'paused') this.#stream.resume()
  }

  abort(error: Error): void {
    this.#events = undefined
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('drain', this.#onDrain)
    this.#stream.removeEventListener('close', this.#onClose)
    this.#stream.removeEventListener('remoteCloseWrite', this.#onRemoteCloseWrite)
    // A reset, not a polite close: what this end still has to say was dropped, and a reset frees both ends at once.
    if (this.#stream.status === 'open') this.#stream.abort(error)
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (event.data instanceof Uint8Array) this.#events?.onBytes(event.data)
    else for (const chunk of event.data) this.#events?.onBytes(chunk)
  }

  readonly #onDrain = (): void => this.#events?.onDrain()
  readonly #onClose = (event: StreamCloseEvent): void => this.#events?.onEnd(event.error)
  readonly #onRemoteCloseWrite = (): void => this.#events?.onEnd(undefined)
}
