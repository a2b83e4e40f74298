import type { Stream } from '@libp2p/interface'
import type { Clock, Timer } from '@stead/core'

/** What an {@link Outbox} needs. */
export interface OutboxComponents {
  readonly clock: Clock
  readonly stream: Stream
  /** The queue has room again after `full` was true. */
  onRoom(): void
  /** The other end has not taken anything for `stallTimeoutMs`, or too much waits for it. */
  onStalled(message: string): void
}

/** Limits of an {@link Outbox}. */
export interface OutboxOptions {
  /** How long the other end may take nothing while bytes wait for it. */
  readonly stallTimeoutMs: number
  /** Bytes that may wait; more is a stall at once. */
  readonly queuedBytesMax: number
}

/** Above so many waiting bytes an outbox calls itself full: enough to keep a connection busy. */
const FULL_BYTES = 1024 * 1024
/** Frames are sent together up to this: a Noise message with Yamux's header holds 65507 bytes. */
const CHUNK_BYTES_MAX = 60 * 1024

/**
 * Sends frames over a stream, all frames of one turn of the event loop at once: encrypting and writing cost more per
 * call than per byte (3.5 to 5 times more messages per second were measured). Hands nothing more to the stream while it is
 * congested, and says so through `full`.
 */
export class Outbox {
  readonly #components: OutboxComponents
  readonly #options: OutboxOptions
  #frames: Uint8Array[] = []
  #queuedBytes = 0
  #isFlushScheduled = false
  #isCongested = false
  #isClosed = false
  #wasFull = false
  #stallTimer: Timer | undefined

  constructor(components: OutboxComponents, options: OutboxOptions) {
    this.#components = components
    this.#options = options
    components.stream.addEventListener('drain', this.#onDrain)
  }

  /** Bytes that wait here, not counting what the stream has taken. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** True while the producer should stop making more. */
  get full(): boolean {
    return this.#queuedBytes > FULL_BYTES
  }

  /** Queues one whole frame; it is sent at the end of this turn, or when the stream has room. */
  send(frame: Uint8Array): void {
    if (this.#isClosed) return
    this.#frames.push(frame)
    this.#queuedBytes += frame.length
    if (this.#queuedBytes > this.#options.queuedBytesMax) {
      this.#components.onStalled(`${this.#queuedBytes} bytes wait for a peer that does not take them`)
      return
    }
    if (this.full) this.#wasFull = true
    if (this.#isFlushScheduled || this.#isCongested) return
    this.#isFlushScheduled = true
    // After all microtasks of this turn, so that the frames they make go along.
    process.nextTick(this.#flush)
  }

  /** Sends what waits now, as far as the stream takes it. */
  flush(): void {
    this.#flush()
  }

  /** Drops what waits and takes nothing more. */
  close(): void {
    this.#isClosed = true
    this.#frames = []
    this.#queuedBytes = 0
    this.#stallTimer?.clear()
    this.#components.stream.removeEventListener('drain', this.#onDrain)
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    while (!this.#isClosed && !this.#isCongested && this.#frames.length > 0) this.#sendChunk()
    this.#afterSending()
  }

  #sendChunk(): void {
    const { stream } = this.#components
    const chunk = this.#takeChunk()
    if (stream.writeStatus !== 'writable') return
    try {
      if (!stream.send(chunk)) this.#isCongested = true
    } catch (error) {
      // The stream has aborted itself and its close event tells the owner; nothing more can be sent.
      stream.log('could not send: %e', error)
      this.close()
    }
  }

  #takeChunk(): Uint8Array {
    const first = this.#frames[0] ?? new Uint8Array(0)
    let count = 1
    let bytes = first.length
    for (; count < this.#frames.length; count++) {
      const more = this.#frames[count]?.length ?? 0
      if (bytes + more > CHUNK_BYTES_MAX) break
      bytes += more
    }
    const frames = this.#frames.splice(0, count)
    this.#queuedBytes -= bytes
    if (count === 1) return first
    const chunk = new Uint8Array(bytes)
    let offset = 0
    for (const frame of frames) {
      chunk.set(frame, offset)
      offset += frame.length
    }
    return chunk
  }

  #afterSending(): void {
    this.#stallTimer?.clear()
    this.#stallTimer = undefined
    if (this.#isClosed) return
    if (this.#isCongested) {
      const { stallTimeoutMs } = this.#options
      this.#stallTimer = this.#components.clock.setTimer(stallTimeoutMs, () => {
        this.#components.onStalled(`a peer has taken nothing for ${stallTimeoutMs} ms`)
      })
    }
    if (this.#wasFull && !this.full) {
      this.#wasFull = false
      this.#components.onRoom()
    }
  }

  readonly #onDrain = (): void => {
    this.#isCongested = false
    this.#flush()
  }
}
