import { type Clock, CoreError, type Timer } from '@stead/core'
import type { ByteStream } from './byte-stream.ts'
import { badFrame, FrameReader, type FrameSink } from './frame.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'

/** What a {@link FrameStream} needs. */
export interface FrameStreamComponents extends FrameSink {
  readonly clock: Clock
  readonly stream: ByteStream
  /** The outbox has room again. */
  onRoom(): void
  /** Called once, when the stream is over; with an error when this end or the other broke it off. */
  onClosed(error: CoreError | undefined): void
}

/** Limits of a {@link FrameStream}. */
export interface FrameStreamOptions extends OutboxOptions {
  /** A begun frame must be whole within this time plus one second per 32 KiB. */
  readonly frameTimeoutMs: number
  /** A body up to this size gets all its memory when its header comes; a larger one as its bytes do. */
  readonly bodyReserveBytesMax: number
}

const SLOWEST_BYTES_PER_MS = 32

/** A stream cut into frames, in both directions, that ends at the first broken rule and never throws into its transport. */
export class FrameStream {
  readonly outbox: Outbox
  readonly #components: FrameStreamComponents
  readonly #options: FrameStreamOptions
  readonly #reader: FrameReader
  #frameTimer: Timer | undefined
  #watchedStage = 0
  #isPaused = false
  #reads = 0
  #isClosed = false

  constructor(components: FrameStreamComponents, options: FrameStreamOptions) {
    this.#components = components
    this.#options = options
    this.#reader = new FrameReader(components, options.bodyReserveBytesMax)
    const { clock, stream } = components
    this.outbox = new Outbox(
      {
        clock,
        stream,
        onRoom: () => components.onRoom(),
        onStalled: (message) => this.#end(new CoreError('NETWORK_UNREACHABLE', message)),
      },
      options,
    )
    stream.listen({
      onBytes: (bytes) => this.#read(() => this.#reader.push(bytes)),
      place: () => (this.#isClosed ? undefined : this.#reader.place),
      onPlaced: (bytes) => this.#read(() => this.#reader.placed(bytes)),
      onProgress: () => this.outbox.onProgress(),
      onDrain: () => this.outbox.onDrain(),
      onEnd: (error) => this.#onEnd(error),
    })
    if (!stream.isOpen) queueMicrotask(() => this.#end(undefined))
  }

  /** How often something came. */
  get reads(): number {
    return this.#reads
  }

  /** Takes nothing more from the stream until {@link resume}; the other end is slowed down. */
  pause(): void {
    if (this.#isPaused || this.#isClosed) return
    this.#isPaused = true
    this.#frameTimer?.clear()
    this.#frameTimer = undefined
    this.#components.stream.pause()
  }

  /** Goes on after {@link pause}. */
  resume(): void {
    const { stream } = this.#components
    if (!this.#isPaused || this.#isClosed) return
    this.#isPaused = false
    this.#watchFrame()
    // A turn later: resuming delivers what has gathered, and the caller may be inside a delivery.
    queueMicrotask(() => {
      if (!this.#isPaused && !this.#isClosed) stream.resume()
    })
  }

  /** Ends the stream after what was sent last; `onClosed` is called without an error. */
  close(): void {
    if (!this.#isClosed) this.outbox.flush()
    this.#end(undefined)
  }

  #read(take: () => void): void {
    if (this.#isClosed) return
    this.#reads += 1
    try {
      take()
      this.#watchFrame()
    } catch (error) {
      this.#end(error instanceof CoreError ? error : badFrame(`a frame could not be read: ${String(error)}`))
    }
  }

  #watchFrame(): void {
    const { missingBytes, stage } = this.#reader
    const isAwaiting = missingBytes > 0 && !this.#isPaused && !this.#isClosed
    // One timer per awaited part, not per piece of it: a peer that sends a byte a second gains nothing.
    if (isAwaiting && this.#frameTimer !== undefined && stage === this.#watchedStage) return
    this.#frameTimer?.clear()
    this.#frameTimer = undefined
    if (!isAwaiting) return
    this.#watchedStage = stage
    const timeoutMs = Math.round(this.#options.frameTimeoutMs + missingBytes / SLOWEST_BYTES_PER_MS)
    this.#frameTimer = this.#components.clock.setTimer(timeoutMs, () => {
      this.#frameTimer = undefined
      this.#end(badFrame(`a frame was not finished within ${timeoutMs} ms`))
    })
  }

  #onEnd(error: Error | undefined): void {
    this.#end(
      error === undefined ? undefined : new CoreError('NETWORK_UNREACHABLE', `the stream broke: ${error.message}`),
    )
  }

  #end(error: CoreError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { stream, onClosed } = this.#components
    this.#frameTimer?.clear()
    this.outbox.close()
    stream.abort(error ?? new Error('stream closed'))
    onClosed.call(this.#components, error)
  }
}
