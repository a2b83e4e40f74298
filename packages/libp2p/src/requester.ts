import { type Clock, CoreError, type PeerId, type RequestOptions, remoteErrorOf, type Timer } from '@stead/core'
import type { ByteStream } from './byte-stream.ts'
import {
  badFrame,
  decodeRefusalBody,
  encodeFrame,
  encodeRequestBefore,
  FRAME_KIND,
  type FrameKind,
  REPORT_BYTES_MAX,
  type RefusalReason,
} from './frame.ts'
import { FrameStream, type FrameStreamOptions } from './frame-stream.ts'
import type { OutboxPart } from './outbox.ts'
import { decodeReport } from './report.ts'

/** What a {@link Requester} needs. */
export interface RequesterComponents {
  readonly clock: Clock
  readonly peer: PeerId
  readonly protocol: string
  /** Opens a stream to the peer, connecting first where needed. @throws CoreError */
  openStream(): Promise<ByteStream>
  /** True when a better way to the peer may be tried now than the open stream. */
  mayOpenBetter(): boolean
  /** The peer broke the format: it is to be disconnected and refused. */
  onBadPeer(error: CoreError): void
  /** A request's time was over, and nothing at all had come since it was sent; on a stream that is closed when idle. */
  onSilent(): void
  /** No request is in flight and no stream is open; the owner may forget this requester. */
  onIdle(): void
}

/** Limits of a {@link Requester}. */
export interface RequesterOptions extends FrameStreamOptions {
  readonly payloadBytesMax: number
  readonly inFlightMax: number
  readonly inFlightBytesMax: number
  /** A stream on which nothing was asked for so long is closed; undefined: it stays. */
  readonly idleCloseMs: number | undefined
}

interface Pending {
  readonly resolve: (payload: Uint8Array) => void
  readonly reject: (error: CoreError) => void
  readonly timer: Timer
  readonly bytes: number
  /** The stream that it was sent on; undefined until it was. */
  stream: FrameStream | undefined
  /** What had come on the stream when it was sent. */
  readsBefore: number
  readonly stopListening: (() => void) | undefined
  /** What follows its frame; it is the asker's again when the request is over. */
  readonly tail: OutboxPart | undefined
}

const ID_MODULUS = 2 ** 32

/** The asking end of a stream: many requests in flight on one stream to one peer, which is opened again after a drop. */
export class Requester {
  readonly #components: RequesterComponents
  readonly #options: RequesterOptions
  readonly #pending = new Map<number, Pending>()
  /** Frames of requests that wait for the stream to open, by request id. */
  readonly #unsent = new Map<number, Uint8Array>()
  #stream: FrameStream | undefined
  /** Streams on which nothing more is asked, until what was asked there has its answer. */
  readonly #retired = new Set<FrameStream>()
  #isOpening = false
  #nextId = 0
  #hasWrapped = false
  #inFlightBytes = 0
  #usedAtMs = 0
  #idleTimer: Timer | undefined
  #stopped: CoreError | undefined

  constructor(components: RequesterComponents, options: RequesterOptions) {
    this.#components = components
    this.#options = options
  }

  /** True while a stream is open. */
  get isOpen(): boolean {
    return this.#stream !== undefined
  }

  /** See Network.request. */
  request(payload: Uint8Array, { timeoutMs, signal, tail }: RequestOptions): Promise<Uint8Array> {
    const tailBytes = tail?.length ?? 0
    const bytes = payload.length + tailBytes
    const refusal = this.#refusalOf(bytes, signal)
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.#stream !== undefined && this.#components.mayOpenBetter()) this.#retireStream()
    return new Promise((resolve, reject) => {
      const id = this.#takeId()
      const timer = this.#components.clock.setTimer(timeoutMs, () => {
        this.#onTimeout(id, timeoutMs)
      })
      const stopListening = signal === undefined ? undefined : this.#abortOn(signal, id)
      const pending: Pending = {
        ...{ resolve, reject, timer, bytes, stream: undefined, readsBefore: 0, stopListening },
        tail: tail === undefined ? undefined : { bytes: tail, standing: 'lent' },
      }
      this.#pending.set(id, pending)
      this.#inFlightBytes += bytes
      const frame = encodeRequestBefore(id, timeoutMs, { payload, tailBytes })
      if (this.#stream === undefined) {
        this.#unsent.set(id, frame)
        if (!this.#isOpening) void this.#open()
      } else {
        this.#send(this.#stream, pending, frame)
      }
    })
  }

  /** Fails what is in flight with `error` and refuses everything after it with the same. */
  stop(error: CoreError): void {
    this.#stopped = error
    const streams = [...this.#retired, ...(this.#stream === undefined ? [] : [this.#stream])]
    this.#stream = undefined
    this.#retired.clear()
    this.#failWhere(() => true, error)
    for (const stream of streams) stream.close()
  }

  #send(stream: FrameStream, pending: Pending, frame: Uint8Array): void {
    pending.stream = stream
    pending.readsBefore = stream.reads
    stream.outbox.send(frame, pending.tail)
  }

  #refusalOf(haveBytes: number, signal: AbortSignal | undefined): CoreError | undefined {
    const { payloadBytesMax, inFlightMax, inFlightBytesMax } = this.#options
    if (this.#stopped !== undefined) return this.#stopped
    if (signal?.aborted === true) return this.#error('CORE_ABORTED', 'the request was cancelled before it was sent')
    if (haveBytes > payloadBytesMax) {
      const message = `the request has ${haveBytes} bytes, at most ${payloadBytesMax} are allowed`
      return this.#error('NETWORK_TOO_LARGE', message, { haveBytes, limitBytes: payloadBytesMax })
    }
    const inFlight = this.#pending.size
    if (inFlight >= inFlightMax) {
      const message = `${inFlight} requests to this peer wait for answers, at most ${inFlightMax} may`
      return this.#error('NETWORK_BUSY', message, { inFlight, limit: inFlightMax })
    }
    if (inFlight > 0 && this.#inFlightBytes + haveBytes > inFlightBytesMax) {
      const message = `${this.#inFlightBytes} bytes wait for this peer, at most ${inFlightBytesMax} may`
      return this.#error('NETWORK_BUSY', message, { inFlightBytes: this.#inFlightBytes, limitBytes: inFlightBytesMax })
    }
    return undefined
  }

  #takeId(): number {
    do {
      this.#nextId = (this.#nextId + 1) % ID_MODULUS
      if (this.#nextId === 0) this.#hasWrapped = true
    } while (this.#pending.has(this.#nextId))
    return this.#nextId
  }

  #abortOn(signal: AbortSignal, id: number): () => void {
    const onAbort = (): void => this.#giveUp(id, this.#error('CORE_ABORTED', 'the request was cancelled'))
    signal.addEventListener('abort', onAbort, { once: true })
    return () => signal.removeEventListener('abort', onAbort)
  }

  /** Asks nothing more on the stream, and closes it when what was asked has its answer. */
  #retireStream(): void {
    if (this.#stream !== undefined) this.#retired.add(this.#stream)
    this.#stream = undefined
    this.#closeRetired()
  }

  #closeRetired(): void {
    for (const stream of this.#retired) {
      if ([...this.#pending.values()].some((pending) => pending.stream === stream)) continue
      this.#retired.delete(stream)
      stream.close()
    }
  }

  #onTimeout(id: number, timeoutMs: number): void {
    const { stream, readsBefore } = this.#pending.get(id) ?? {}
    const isSilent = stream !== undefined && stream.reads === readsBefore && this.#options.idleCloseMs !== undefined
    this.#giveUp(id, this.#error('NETWORK_TIMEOUT', `no answer within ${timeoutMs} ms`, { timeoutMs }))
    if (!isSilent || stream !== this.#stream) return
    this.#components.onSilent()
    this.#retireStream()
  }

  #watchIdle(afterMs: number): void {
    const { clock } = this.#components
    this.#idleTimer?.clear()
    this.#idleTimer = clock.setTimer(afterMs, () => {
      const { idleCloseMs = 0 } = this.#options
      const isInUse = this.#pending.size > 0 || this.#isOpening
      const leftMs = isInUse ? idleCloseMs : this.#usedAtMs + idleCloseMs - clock.monotonicMs()
      if (leftMs > 0) {
        this.#watchIdle(leftMs)
        return
      }
      this.#retireStream()
      this.#components.onIdle()
    })
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      const stream = await this.#components.openStream()
      if (this.#stopped !== undefined) {
        stream.abort(this.#stopped)
        return
      }
      this.#attach(stream)
    } catch (error) {
      this.#failWhere(
        ({ stream }) => stream === undefined,
        error instanceof CoreError ? error : this.#unreachable(error),
      )
    } finally {
      this.#isOpening = false
    }
  }

  #attach(stream: ByteStream): void {
    const { payloadBytesMax } = this.#options
    const frames: FrameStream = new FrameStream(
      {
        clock: this.#components.clock,
        stream,
        bodyBytesMax: (kind) => {
          if (kind === FRAME_KIND.response) return payloadBytesMax
          if (kind === FRAME_KIND.report) return REPORT_BYTES_MAX
          return kind === FRAME_KIND.refusal ? 1 : undefined
        },
        onFrame: (kind, id, body) => this.#onFrame(kind, id, body),
        onOversized: (kind, id, bodyBytes) => this.#onOversized(kind, id, bodyBytes),
        onRoom: () => undefined,
        onClosed: (error) => this.#onClosed(frames, error),
      },
      this.#options,
    )
    this.#stream = frames
    for (const [id, frame] of this.#unsent) {
      const pending = this.#pending.get(id)
      if (pending !== undefined) this.#send(frames, pending, frame)
    }
    this.#unsent.clear()
    if (this.#options.idleCloseMs !== undefined) this.#watchIdle(this.#options.idleCloseMs)
  }

  #onFrame(kind: FrameKind, id: number, body: Uint8Array): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) {
      // An answer that crossed our cancellation is dropped; one to a question never asked is an attack or a bug.
      if (!this.#hasWrapped && (id === 0 || id > this.#nextId))
        throw badFrame(`an answer to request ${id}, which was never sent`)
      return
    }
    if (kind === FRAME_KIND.response) {
      this.#settle(id, pending)
      pending.resolve(body)
      return
    }
    const { peer } = this.#components
    const error =
      kind === FRAME_KIND.report ? remoteErrorOf(peer, decodeReport(body)) : this.#refused(decodeRefusalBody(body))
    this.#settle(id, pending)
    pending.reject(error)
  }

  #onOversized(kind: FrameKind, id: number, bodyBytes: number): void {
    if (kind !== FRAME_KIND.response) throw badFrame(`a frame of kind ${kind} with ${bodyBytes} bytes`)
    const limitBytes = this.#options.payloadBytesMax
    const message = `the answer has ${bodyBytes} bytes, at most ${limitBytes} are allowed`
    this.#giveUp(id, this.#error('NETWORK_TOO_LARGE', message, { haveBytes: bodyBytes, limitBytes }))
  }

  #refused(reason: RefusalReason): CoreError {
    switch (reason) {
      case 'busy':
        return this.#error('NETWORK_BUSY', 'the peer has as many of our requests in flight as it allows')
      case 'timeout':
        return this.#error('NETWORK_TIMEOUT', "the peer's handler did not finish in time")
      case 'too-large':
        return this.#error('NETWORK_TOO_LARGE', 'the request or its answer is larger than the peer allows')
    }
  }

  #giveUp(id: number, error: CoreError): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#unsent.delete(id)
    const isUnheard = this.#settle(id, pending)
    if (!isUnheard) pending.stream?.outbox.send(encodeFrame(FRAME_KIND.cancel, id))
    pending.reject(error)
  }

  /** Ends a request. @returns whether the peer hears nothing of it */
  #settle(id: number, pending: Pending): boolean {
    this.#pending.delete(id)
    const { tail, stream } = pending
    const isUnheard = tail !== undefined && stream?.outbox.takeBack(tail) === true
    this.#inFlightBytes -= pending.bytes
    this.#usedAtMs = this.#components.clock.monotonicMs()
    pending.timer.clear()
    pending.stopListening?.()
    if (this.#retired.size > 0) {
      this.#closeRetired()
      if (this.#pending.size === 0 && this.#stream === undefined && !this.#isOpening) this.#components.onIdle()
    }
    return isUnheard
  }

  #onClosed(closed: FrameStream, error: CoreError | undefined): void {
    if (this.#stream === closed) this.#stream = undefined
    else if (!this.#retired.delete(closed)) return
    // First what was in flight, with the true reason; then the peer, which fails everything else to it.
    this.#failWhere(({ stream }) => stream === closed, error ?? this.#unreachable(undefined))
    if (error?.code === 'NETWORK_BAD_MESSAGE') this.#components.onBadPeer(error)
  }

  #failWhere(isConcerned: (pending: Pending) => boolean, error: CoreError): void {
    for (const [id, pending] of [...this.#pending]) {
      if (!isConcerned(pending)) continue
      this.#unsent.delete(id)
      this.#settle(id, pending)
      pending.reject(error)
    }
    if (this.#stream !== undefined || this.#pending.size > 0) return
    this.#idleTimer?.clear()
    this.#components.onIdle()
  }

  #unreachable(cause: unknown): CoreError {
    const { peer, protocol } = this.#components
    const options = { details: { peer, protocol }, cause }
    return new CoreError('NETWORK_UNREACHABLE', `the connection to ${peer} closed before the answer`, options)
  }

  #error(code: CoreError['code'], message: string, details: CoreError['details'] = {}): CoreError {
    const { peer, protocol } = this.#components
    return new CoreError(code, `${message} (${protocol} at ${peer})`, { details: { peer, protocol, ...details } })
  }
}
