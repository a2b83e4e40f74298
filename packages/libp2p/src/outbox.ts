import { type Clock, freeMemory, type Timer } from '@stead/core'
import type { ByteStream } from './byte-stream.ts'
import { uncleared } from './frame.ts'

/** What an {@link Outbox} needs. */
export interface OutboxComponents {
  readonly clock: Clock
  readonly stream: ByteStream
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

/**
 * Bytes to send. `given`: nobody else has them, and their memory may be given back when they are sent. `kept`: they do not
 * change any more, and are sent from where they are. `lent`: they do not change until {@link Outbox.takeBack}; what the
 * stream takes of them is copied then, because nobody can take back what it has.
 */
export interface OutboxPart {
  readonly bytes: Uint8Array
  readonly standing: 'given' | 'kept' | 'lent'
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
  #parts: OutboxPart[] = []
  /** What is sent of the first of them. */
  #sentBytes = 0
  /** What was left of a lent body when it was taken back: a copy. */
  #rest: OutboxPart | undefined
  #queuedBytes = 0
  #isFlushScheduled = false
  #isCongested = false
  #isClosed = false
  #wasFull = false
  #stallTimer: Timer | undefined

  constructor(components: OutboxComponents, options: OutboxOptions) {
    this.#components = components
    this.#options = options
  }

  /** Bytes that wait here, not counting what the stream has taken. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** True while the producer should stop making more. */
  get full(): boolean {
    return this.#queuedBytes > FULL_BYTES
  }

  /**
   * Queues one whole frame that nobody else has, or its beginning and what follows; it is sent at the end of this turn, or
   * when the stream has room.
   */
  send(frame: Uint8Array, body?: OutboxPart): void {
    if (this.#isClosed) return
    this.#parts.push({ bytes: frame, standing: 'given' })
    if (body !== undefined && body.bytes.length > 0) this.#parts.push(body)
    this.#queuedBytes += frame.length + (body?.bytes.length ?? 0)
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

  /**
   * Reads nothing more from a lent body that was queued: its frame is not sent at all, or if that has begun, what is left
   * of it is copied. @returns whether the other end hears nothing of it
   */
  takeBack(body: OutboxPart): boolean {
    const at = this.#parts.indexOf(body)
    if (at < 0) return false
    if (at === 0) {
      this.#rest = { bytes: body.bytes.slice(this.#sentBytes), standing: 'given' }
      this.#parts[0] = this.#rest
      this.#sentBytes = 0
      return false
    }
    const [beginning] = this.#parts.splice(at - 1, 2)
    this.#queuedBytes -= (beginning?.bytes.length ?? 0) + body.bytes.length
    this.#tellRoom()
    return true
  }

  /** The stream has room again. */
  onDrain(): void {
    this.#isCongested = false
    this.#flush()
  }

  /** The other end has taken something, though not all. */
  onProgress(): void {
    if (this.#stallTimer !== undefined) this.#watchStall()
  }

  /** Sends what waits now, as far as the stream takes it. */
  flush(): void {
    this.#flush()
  }

  /** Drops what waits and takes nothing more. */
  close(): void {
    this.#isClosed = true
    this.#parts = []
    this.#rest = undefined
    this.#sentBytes = 0
    this.#queuedBytes = 0
    this.#stallTimer?.clear()
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    while (!this.#isClosed && !this.#isCongested && this.#parts.length > 0) this.#sendChunk()
    this.#afterSending()
  }

  #sendChunk(): void {
    const { bytes, isGiven } = this.#takeChunk()
    this.#queuedBytes -= bytes.length
    if (!this.#components.stream.send(bytes, isGiven)) this.#isCongested = true
  }

  /** One part as it is, or the beginning of the queue as far as it goes into one chunk. */
  #takeChunk(): { readonly bytes: Uint8Array; readonly isGiven: boolean } {
    const [first, second] = this.#parts
    if (first !== undefined && !this.#isCut(first) && !this.#goTogether(first, second)) {
      this.#parts.shift()
      return { bytes: first.bytes, isGiven: first.standing === 'given' }
    }
    const chunk = uncleared(Math.min(CHUNK_BYTES_MAX, this.#queuedBytes))
    let length = 0
    while (length < chunk.length) {
      const part = this.#parts[0]
      const bytes = part?.bytes.subarray(this.#sentBytes, this.#sentBytes + chunk.length - length)
      if (part === undefined || bytes === undefined) break
      const isWhole = this.#sentBytes + bytes.length === part.bytes.length
      if (!isWhole && !this.#isCut(part)) break
      chunk.set(bytes, length)
      length += bytes.length
      this.#sentBytes = isWhole ? 0 : this.#sentBytes + bytes.length
      if (!isWhole) break
      this.#parts.shift()
      if (part.standing === 'given') freeMemory(part.bytes)
    }
    return { bytes: length === chunk.length ? chunk : chunk.subarray(0, length), isGiven: true }
  }

  /** Whether it is sent as copies of its parts: a socket makes copies of all that it is given at once. */
  #isCut(part: OutboxPart): boolean {
    return part.standing === 'lent' || part === this.#rest
  }

  #goTogether({ bytes }: OutboxPart, second: OutboxPart | undefined): boolean {
    if (second === undefined) return false
    const secondBytes = this.#isCut(second) ? 1 : second.bytes.length
    return bytes.length + secondBytes <= CHUNK_BYTES_MAX
  }

  #afterSending(): void {
    this.#stallTimer?.clear()
    this.#stallTimer = undefined
    if (this.#isClosed) return
    if (this.#isCongested) this.#watchStall()
    this.#tellRoom()
  }

  #tellRoom(): void {
    if (!this.#wasFull || this.full) return
    this.#wasFull = false
    this.#components.onRoom()
  }

  #watchStall(): void {
    this.#stallTimer?.clear()
    const { stallTimeoutMs } = this.#options
    this.#stallTimer = this.#components.clock.setTimer(stallTimeoutMs, () => {
      this.#components.onStalled(`a peer has taken nothing for ${stallTimeoutMs} ms`)
    })
  }
}
