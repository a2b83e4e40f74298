import {
  type Clock,
  CoreError,
  freeMemory,
  type IncomingRequest,
  internalPeerReport,
  isSteadError,
  type Logger,
  messageOf,
  type PeerId,
  type ProtocolLimits,
  peerReportOf,
  type RequestHandler,
  type Timer,
} from '@stead/core'
import type { ByteStream } from './byte-stream.ts'
import {
  badFrame,
  decodeRequestBody,
  encodeFrame,
  encodeFrameHeader,
  encodeRefusal,
  FRAME_KIND,
  type FrameKind,
  REQUEST_PREFIX_BYTES,
  type RefusalReason,
} from './frame.ts'
import { FrameStream, type FrameStreamOptions } from './frame-stream.ts'
import { encodeReport } from './report.ts'

/** What a {@link Responder} needs. */
export interface ResponderComponents {
  readonly clock: Clock
  readonly logger: Logger
  readonly protocol: string
  readonly limits: ProtocolLimits
  readonly handler: RequestHandler
  /** A peer broke the format: it is to be disconnected and refused. */
  onBadPeer(peer: PeerId, error: CoreError): void
  /** One request was dealt with; for the metrics. */
  onServed(outcome: 'answered' | 'failed' | RefusalReason): void
  /** Work for a peer begins; the returned function ends it. */
  use(peer: PeerId): () => void
}

/** Limits of a {@link Responder}. */
export interface ResponderOptions extends FrameStreamOptions {
  /** Request bytes of one peer that handlers may hold; above it the peer's stream is not read. */
  readonly inFlightBytesMax: number
}

/** What one peer has in flight here, over all its streams of this protocol, until the handlers have really ended. */
interface PeerLoad {
  inFlight: number
  bytes: number
  readonly streams: Set<ResponderStream>
}

/** Streams of one protocol that a peer may have at once for each way: one in use, and one that is opened again after a drop. */
const STREAMS_PER_WAY_MAX = 2

/** The answering end of all streams of one protocol. */
export class Responder {
  readonly components: ResponderComponents
  readonly options: ResponderOptions
  readonly #loads = new Map<PeerId, PeerLoad>()

  constructor(components: ResponderComponents, options: ResponderOptions) {
    this.components = components
    this.options = options
  }

  /** Serves a stream that a peer has opened. */
  accept(stream: ByteStream, peer: PeerId): void {
    const load = this.#loads.get(peer) ?? { inFlight: 0, bytes: 0, streams: new Set() }
    this.#loads.set(peer, load)
    // Two ways: a libp2p stream and a data connection.
    const streamsMax = (this.components.limits.bulk ? 2 : 1) * STREAMS_PER_WAY_MAX
    if (load.streams.size >= streamsMax) {
      const [oldest] = load.streams
      oldest?.close()
    }
    load.streams.add(
      new ResponderStream(this, {
        stream,
        peer,
        load,
        onReleased: () => {
          for (const other of load.streams) other.readMore()
          this.#forgetIdle(peer, load)
        },
        onClosed: (closed) => {
          load.streams.delete(closed)
          this.#forgetIdle(peer, load)
        },
      }),
    )
  }

  /** Ends all streams and aborts all handlers' signals. */
  stop(): void {
    for (const load of this.#loads.values()) for (const stream of [...load.streams]) stream.close()
  }

  #forgetIdle(peer: PeerId, load: PeerLoad): void {
    if (load.inFlight === 0 && load.streams.size === 0 && this.#loads.get(peer) === load) this.#loads.delete(peer)
  }
}

interface ResponderStreamParts {
  readonly stream: ByteStream
  readonly peer: PeerId
  readonly load: PeerLoad
  onReleased(): void
  onClosed(stream: ResponderStream): void
}

class ResponderStream {
  readonly #owner: Responder
  readonly #parts: ResponderStreamParts
  readonly #frames: FrameStream
  readonly #active = new Map<number, ActiveRequest>()

  constructor(owner: Responder, parts: ResponderStreamParts) {
    this.#owner = owner
    this.#parts = parts
    const { limits, clock } = owner.components
    this.#frames = new FrameStream(
      {
        clock,
        stream: parts.stream,
        bodyBytesMax: (kind) => {
          if (kind === FRAME_KIND.request) return REQUEST_PREFIX_BYTES + limits.messageBytesMax
          return kind === FRAME_KIND.cancel ? 0 : undefined
        },
        onFrame: (kind, id, body) => this.#onFrame(kind, id, body),
        onOversized: (kind, id, bodyBytes) => this.#onOversized(kind, id, bodyBytes),
        onRoom: () => this.readMore(),
        onClosed: (error) => this.#onClosed(error),
      },
      owner.options,
    )
  }

  /** Reads on when neither the answers nor the requests in work are too many bytes. */
  readMore(): void {
    if (!this.#mustPause()) this.#frames.resume()
  }

  close(): void {
    this.#frames.close()
  }

  #mustPause(): boolean {
    return this.#frames.outbox.full || this.#parts.load.bytes > this.#owner.options.inFlightBytesMax
  }

  #onFrame(kind: FrameKind, id: number, body: Uint8Array): void {
    if (kind === FRAME_KIND.cancel) {
      this.#active.get(id)?.abort('the requester cancelled')
      return
    }
    if (this.#active.has(id)) throw badFrame(`request id ${id} is in use`)
    const { limits } = this.#owner.components
    const { timeLeftMs, payload } = decodeRequestBody(body)
    const { load } = this.#parts
    if (load.inFlight >= limits.inFlightPerPeerMax) {
      this.#refuse(id, 'busy')
      return
    }
    load.inFlight += 1
    load.bytes += payload.length
    this.#serve(id, payload, Math.min(timeLeftMs, limits.handlerTimeoutMs))
    if (this.#mustPause()) this.#frames.pause()
  }

  #onOversized(kind: FrameKind, id: number, bodyBytes: number): void {
    if (kind !== FRAME_KIND.request) throw badFrame(`a frame of kind ${kind} with ${bodyBytes} bytes`)
    this.#refuse(id, 'too-large')
  }

  #refuse(id: number, reason: RefusalReason): void {
    this.#owner.components.onServed(reason)
    this.#frames.outbox.send(encodeRefusal(id, reason))
    if (this.#mustPause()) this.#frames.pause()
  }

  #serve(id: number, payload: Uint8Array, timeoutMs: number): void {
    const { clock, handler } = this.#owner.components
    const request = new ActiveRequest(this.#parts.peer, payload, this.#owner.components.use(this.#parts.peer))
    this.#active.set(id, request)
    request.timer = clock.setTimer(timeoutMs, () => this.#onTimeout(id, request, timeoutMs))
    let answer: Promise<Uint8Array>
    try {
      answer = handler(request)
    } catch (error) {
      answer = Promise.reject(error)
    }
    answer.then(
      (response) => {
        this.#release(id, request)
        this.#answer(id, request, response)
        this.#takeBack(payload)
      },
      (error: unknown) => {
        this.#release(id, request)
        this.#fail(id, request, error)
        this.#takeBack(payload)
      },
    )
  }

  /** Gives a lent payload's memory back. Its frame's body is all that its buffer has. */
  #takeBack({ buffer }: Uint8Array): void {
    if (this.#keepsNothing) freeMemory(new Uint8Array(buffer))
  }

  get #keepsNothing(): boolean {
    return this.#owner.components.limits.lendsPayloads === true
  }

  #onTimeout(id: number, request: ActiveRequest, timeoutMs: number): void {
    const { clock, limits } = this.#owner.components
    if (!request.isOver) {
      request.isOver = true
      request.abort(`the time for this request, ${timeoutMs} ms, is over`)
      this.#refuse(id, 'timeout')
    }
    // A handler that goes on keeps its slot until the protocol's own limit: were a slot freed as soon as the requester
    // gives up, it could start any number of handlers by asking and cancelling.
    const leftMs = limits.handlerTimeoutMs - timeoutMs
    if (leftMs <= 0) this.#abandon(id, request)
    else request.timer = clock.setTimer(leftMs, () => this.#abandon(id, request))
  }

  #abandon(id: number, request: ActiveRequest): void {
    const { logger, limits, protocol } = this.#owner.components
    logger.warn('handler did not end in time', { protocol, timeoutMs: limits.handlerTimeoutMs })
    this.#release(id, request)
  }

  #answer(id: number, request: ActiveRequest, response: unknown): void {
    if (request.isOver) return
    request.isOver = true
    const { limits, logger, protocol, onServed } = this.#owner.components
    if (!(response instanceof Uint8Array)) {
      logger.error('handler answered without bytes', { protocol })
      this.#sendReport(id, encodeReport(internalPeerReport))
      return
    }
    if (response.length > limits.messageBytesMax) {
      const bytes = response.length
      logger.error('handler answered with too many bytes', { protocol, bytes, limitBytes: limits.messageBytesMax })
      this.#refuse(id, 'too-large')
      return
    }
    onServed('answered')
    const header = encodeFrameHeader(FRAME_KIND.response, id, response.length)
    this.#frames.outbox.send(header, { bytes: response, standing: this.#keepsNothing ? 'given' : 'kept' })
    if (this.#mustPause()) this.#frames.pause()
  }

  #fail(id: number, request: ActiveRequest, error: unknown): void {
    if (request.isOver) return
    request.isOver = true
    const { logger, protocol } = this.#owner.components
    if (isSteadError(error)) {
      this.#sendReport(id, encodeReport(peerReportOf(error)))
      return
    }
    logger.error('handler failed', { protocol, error: messageOf(error), stack: stackOf(error) })
    this.#sendReport(id, encodeReport(internalPeerReport))
  }

  #sendReport(id: number, report: Uint8Array): void {
    this.#owner.components.onServed('failed')
    this.#frames.outbox.send(encodeFrame(FRAME_KIND.report, id, report))
    if (this.#mustPause()) this.#frames.pause()
  }

  #release(id: number, request: ActiveRequest): void {
    if (request.isReleased) return
    request.isReleased = true
    request.endUse()
    request.timer?.clear()
    this.#active.delete(id)
    const { load } = this.#parts
    load.inFlight -= 1
    load.bytes -= request.payload.length
    this.#parts.onReleased()
  }

  #onClosed(error: CoreError | undefined): void {
    for (const request of this.#active.values()) {
      request.isOver = true
      request.abort('the peer is gone')
    }
    this.#parts.onClosed(this)
    if (error?.code === 'NETWORK_BAD_MESSAGE') this.#owner.components.onBadPeer(this.#parts.peer, error)
  }
}

/** One request in work. Its signal is made only when the handler looks at it: most do not, and it costs more than the rest. */
class ActiveRequest implements IncomingRequest {
  readonly peer: PeerId
  readonly payload: Uint8Array
  readonly endUse: () => void
  timer: Timer | undefined
  /** Nothing is to be sent any more. */
  isOver = false
  /** Its slot is free again. */
  isReleased = false
  #controller: AbortController | undefined
  #abortReason: string | undefined

  constructor(peer: PeerId, payload: Uint8Array, endUse: () => void) {
    this.peer = peer
    this.payload = payload
    this.endUse = endUse
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#abortReason !== undefined) this.#controller.abort(aborted(this.#abortReason))
    }
    return this.#controller.signal
  }

  abort(reason: string): void {
    if (this.#abortReason !== undefined) return
    this.#abortReason = reason
    this.#controller?.abort(aborted(reason))
  }
}

function aborted(reason: string): CoreError {
  return new CoreError('CORE_ABORTED', reason)
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}
