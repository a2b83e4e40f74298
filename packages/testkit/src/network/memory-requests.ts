import {
  CoreError,
  type CoreErrorCode,
  internalPeerReport,
  isSteadError,
  type PeerId,
  type PeerReport,
  type ProtocolLimits,
  peerReportOf,
  type RequestHandler,
  type RequestOptions,
  remoteErrorOf,
  type Timer,
} from '@stead/core'
import type { MemoryHub } from './memory-hub.ts'

/** What comes back for a request. */
export type MemoryAnswer =
  | { readonly kind: 'response'; readonly payload: Uint8Array }
  | { readonly kind: 'report'; readonly report: PeerReport }
  | { readonly kind: 'refusal'; readonly code: CoreErrorCode; readonly message: string }

interface Served {
  readonly limits: ProtocolLimits
  readonly handler: RequestHandler
  readonly inFlightByPeer: Map<PeerId, number>
}

interface Active {
  readonly peer: PeerId
  readonly controller: AbortController
}

const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024

/** The answering half of a simulated node's requests. */
export class MemoryResponder {
  readonly #hub: MemoryHub
  readonly #served = new Map<string, Served>()
  readonly #active = new Map<string, Active>()

  constructor(hub: MemoryHub) {
    this.#hub = hub
  }

  handle(protocol: string, limits: ProtocolLimits, handler: RequestHandler): void {
    if (this.#served.has(protocol)) throw new TypeError(`${protocol} has a handler already`)
    this.#served.set(protocol, { limits, handler, inFlightByPeer: new Map() })
  }

  /** Largest payload of a protocol, as far as this end knows. */
  payloadBytesMax(protocol: string): number {
    return this.#served.get(protocol)?.limits.messageBytesMax ?? PAYLOAD_BYTES_MAX
  }

  /** Serves one request; `key` names it for {@link cancel}. */
  serve(key: string, request: IncomingMemoryRequest, answer: (answer: MemoryAnswer) => void): void {
    const { peer, protocol, payload } = request
    const served = this.#served.get(protocol)
    if (served === undefined) {
      answer(refusal('NETWORK_UNSUPPORTED', `the peer does not speak ${protocol}`))
      return
    }
    const { limits, inFlightByPeer } = served
    const inFlight = inFlightByPeer.get(peer) ?? 0
    if (payload.length > limits.messageBytesMax) {
      answer(refusal('NETWORK_TOO_LARGE', `the request has ${payload.length} bytes, the peer allows fewer`))
      return
    }
    if (inFlight >= limits.inFlightPerPeerMax) {
      answer(refusal('NETWORK_BUSY', 'the peer has as many of our requests in flight as it allows'))
      return
    }
    inFlightByPeer.set(peer, inFlight + 1)
    this.#run(key, served, request, answer)
  }

  cancel(key: string): void {
    this.#active.get(key)?.controller.abort(new CoreError('CORE_ABORTED', 'the requester cancelled'))
  }

  /** Aborts what a peer has in work; all, when no peer is named. */
  abort(peer?: PeerId): void {
    for (const active of this.#active.values()) {
      if (peer === undefined || active.peer === peer) {
        active.controller.abort(new CoreError('CORE_ABORTED', 'the peer is gone'))
      }
    }
  }

  #run(key: string, served: Served, request: IncomingMemoryRequest, answer: (answer: MemoryAnswer) => void): void {
    const { limits, handler, inFlightByPeer } = served
    const { peer, timeoutMs } = request
    // The sender may still have these bytes.
    const lent = limits.lendsPayloads === true ? new Uint8Array(request.payload) : undefined
    const payload = lent ?? request.payload
    const controller = new AbortController()
    this.#active.set(key, { peer, controller })
    let isOver = false
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      timer.clear()
      abandonTimer.clear()
      this.#active.delete(key)
      inFlightByPeer.set(peer, (inFlightByPeer.get(peer) ?? 1) - 1)
    }
    const finish = (result: MemoryAnswer): void => {
      if (isOver) return
      isOver = true
      answer(result)
    }
    const timer = this.#hub.clock.setTimer(Math.min(timeoutMs, limits.handlerTimeoutMs), () => {
      controller.abort(new CoreError('CORE_ABORTED', 'the time for this request is over'))
      finish(refusal('NETWORK_TIMEOUT', "the peer's handler did not finish in time"))
    })
    // A handler that goes on keeps its slot until the protocol's own limit, as over libp2p.
    const abandonTimer = this.#hub.clock.setTimer(limits.handlerTimeoutMs, release)
    const run = async (): Promise<Uint8Array> => await handler({ peer, payload, signal: controller.signal })
    run().then(
      (response) => {
        release()
        finish(answerOf(response, limits))
        if (lent === undefined) return
        lent.buffer.transfer(0)
        // As when it is sent: the handler may not need it any more. Small ones too, so that a simulated world notices.
        const { buffer, byteLength } = response
        if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
      },
      (error: unknown) => {
        release()
        finish({ kind: 'report', report: isSteadError(error) ? peerReportOf(error) : internalPeerReport })
        lent?.buffer.transfer(0)
      },
    )
  }
}

/** A request that has arrived. */
export interface IncomingMemoryRequest {
  readonly peer: PeerId
  readonly protocol: string
  readonly payload: Uint8Array
  readonly timeoutMs: number
}

function answerOf(response: unknown, limits: ProtocolLimits): MemoryAnswer {
  if (!(response instanceof Uint8Array)) return { kind: 'report', report: internalPeerReport }
  if (response.length <= limits.messageBytesMax) return { kind: 'response', payload: new Uint8Array(response) }
  return refusal('NETWORK_TOO_LARGE', `the answer has ${response.length} bytes, the peer allows fewer`)
}

function refusal(code: CoreErrorCode, message: string): MemoryAnswer {
  return { kind: 'refusal', code, message }
}

interface Pending {
  readonly peer: PeerId
  readonly timer: Timer
  readonly resolve: (payload: Uint8Array) => void
  readonly reject: (error: CoreError) => void
  readonly stopListening: () => void
}

/** The asking half of a simulated node's requests: what is in flight, and how it ends. */
export class MemoryRequester {
  readonly #hub: MemoryHub
  readonly #pending = new Map<number, Pending>()
  #nextId = 0

  constructor(hub: MemoryHub) {
    this.#hub = hub
  }

  /** Begins a request; `send` gets its id, `cancel` is called when the answer is not wanted any more. */
  begin(
    peer: PeerId,
    { timeoutMs, signal }: RequestOptions,
    on: { readonly send: (id: number) => void; readonly cancel: (id: number) => void },
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#nextId += 1
      const id = this.#nextId
      const giveUp = (error: CoreError): void => {
        if (this.fail(id, error)) on.cancel(id)
      }
      const timer = this.#hub.clock.setTimer(timeoutMs, () =>
        giveUp(new CoreError('NETWORK_TIMEOUT', `no answer within ${timeoutMs} ms`, { details: { peer, timeoutMs } })),
      )
      const onAbort = (): void => giveUp(new CoreError('CORE_ABORTED', 'the request was cancelled'))
      signal?.addEventListener('abort', onAbort, { once: true })
      const stopListening = (): void => signal?.removeEventListener('abort', onAbort)
      this.#pending.set(id, { peer, timer, resolve, reject, stopListening })
      on.send(id)
    })
  }

  /** Takes an answer; one that comes too late is dropped. */
  settle(id: number, answer: MemoryAnswer): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    const { peer } = pending
    if (answer.kind === 'report') {
      this.fail(id, remoteErrorOf(peer, answer.report))
    } else if (answer.kind === 'refusal') {
      this.fail(id, new CoreError(answer.code, answer.message, { details: { peer } }))
    } else {
      this.#remove(id, pending)
      pending.resolve(answer.payload)
    }
  }

  /** Ends one request with an error; false when it was over. */
  fail(id: number, error: CoreError): boolean {
    const pending = this.#pending.get(id)
    if (pending === undefined) return false
    this.#remove(id, pending)
    pending.reject(error)
    return true
  }

  /** Ends everything that waits for a peer; everything, when no peer is named. */
  failAll(error: CoreError, peer?: PeerId): void {
    for (const [id, pending] of [...this.#pending])
      if (peer === undefined || pending.peer === peer) this.fail(id, error)
  }

  #remove(id: number, pending: Pending): void {
    this.#pending.delete(id)
    pending.timer.clear()
    pending.stopListening()
  }
}
