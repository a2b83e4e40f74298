import {
  type Clock,
  CoreError,
  type Counter,
  isSteadError,
  type Logger,
  type Metrics,
  type PeerId,
  type ProtocolLimits,
  type RequestHandler,
  type RequestOptions,
} from '@stead/core'
import type { ByteStream } from './byte-stream.ts'
import { PAYLOAD_BYTES_MAX } from './frame.ts'
import type { FrameStreamOptions } from './frame-stream.ts'
import type { Libp2pOptions } from './options.ts'
import type { PeerUsage } from './peer-usage.ts'
import { Requester } from './requester.ts'
import { Responder } from './responder.ts'

/** What a {@link RequestLayer} needs. */
export interface RequestLayerComponents {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly usage: PeerUsage
  /** Protocols of the upkeep of connections: they make no peer useful. */
  readonly upkeep: ReadonlySet<string>
  /** Opens a stream for a protocol to a peer, connecting first where needed. @throws CoreError */
  openStream(peer: PeerId, protocol: string): Promise<ByteStream>
  /** Opens a data connection for a bulk protocol where there can be one now; undefined where there cannot. @throws CoreError */
  openBulk(peer: PeerId, protocol: string): Promise<ByteStream | undefined>
  /** A data connection is open and dead. */
  onBulkSilent(peer: PeerId, protocol: string): void
  /** True when {@link openBulk} is worth a try. */
  mayOpenBulk(peer: PeerId, protocol: string): boolean
  /** A peer broke the format: it is to be disconnected and refused. */
  onBadPeer(peer: PeerId, error: CoreError): void
}

/** Memory that an announced body gets at once: little, so that a lie costs nothing. */
const RESERVE_BYTES_MAX = 64 * 1024
/** A piece and its frame, so that it is read into its place; the memory is the system's until bytes really come. */
const BULK_RESERVE_BYTES_MAX = 1024 * 1024 + 64 * 1024

interface RequesterKey {
  readonly peer: PeerId
  readonly protocol: string
  readonly isBulk: boolean
}

/** All requests, asked and answered: one {@link Requester} per peer and protocol, one {@link Responder} per protocol. */
export class RequestLayer {
  readonly #components: RequestLayerComponents
  readonly #options: Libp2pOptions
  readonly #requesters = new Map<PeerId, Map<string, Requester>>()
  readonly #responders = new Map<string, Responder>()
  readonly #sent: Counter
  readonly #served: Counter

  constructor(components: RequestLayerComponents, options: Libp2pOptions) {
    this.#components = components
    this.#options = options
    const { metrics } = components
    this.#sent = metrics.counter('stead_network_requests_sent_total', 'Requests sent, by outcome', [
      'protocol',
      'outcome',
    ])
    this.#served = metrics.counter('stead_network_requests_served_total', 'Requests served, by outcome', [
      'protocol',
      'outcome',
    ])
  }

  /** Names of the protocols that are served. */
  get protocols(): readonly string[] {
    return [...this.#responders.keys()]
  }

  /** See Network.handle. */
  handle(protocol: string, limits: ProtocolLimits, handler: RequestHandler): void {
    if (!/^\/[\x21-\x7e]{1,120}$/.test(protocol))
      throw new TypeError(`not a protocol name: ${JSON.stringify(protocol)}`)
    if (this.#responders.has(protocol)) throw new TypeError(`${protocol} has a handler already`)
    checkLimits(limits)
    const { clock, logger, onBadPeer } = this.#components
    const responder = new Responder(
      {
        clock,
        logger,
        protocol,
        limits,
        handler,
        onBadPeer,
        onServed: (outcome) => this.#served.add(1, { protocol, outcome }),
        use: (peer) => this.#use(peer, protocol),
      },
      { ...this.#streamOptions(limits.bulk ?? false), inFlightBytesMax: this.#options.requestBytesInFlightPerPeerMax },
    )
    this.#responders.set(protocol, responder)
  }

  /** Serves a stream that a peer opened for a protocol. */
  accept(protocol: string, stream: ByteStream, peer: PeerId): void {
    const responder = this.#responders.get(protocol)
    if (responder === undefined) stream.abort(new Error(`${protocol} is not served`))
    else responder.accept(stream, peer)
  }

  /** See Network.request. */
  async request(peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const end = this.#use(peer, protocol)
    try {
      const answer = await this.#requesterOf(peer, protocol, this.#isBulk(protocol, options)).request(payload, options)
      this.#sent.add(1, { protocol, outcome: 'answered' })
      return answer
    } catch (error) {
      this.#sent.add(1, { protocol, outcome: isSteadError(error) ? error.code : 'failed' })
      throw error
    } finally {
      end()
    }
  }

  /** True when a stream for the protocol is open to the peer. */
  hasStream(peer: PeerId, protocol: string): boolean {
    return this.#requesters.get(peer)?.get(protocol)?.isOpen ?? false
  }

  /** Ends everything with one peer; what is in flight to it fails with `error`. */
  drop(peer: PeerId, error: CoreError): void {
    const requesters = this.#requesters.get(peer)
    this.#requesters.delete(peer)
    for (const requester of requesters?.values() ?? []) requester.stop(error)
  }

  /** Ends everything. */
  stop(): void {
    const error = new CoreError('CORE_STOPPED', 'the network was stopped before the answer')
    for (const peer of [...this.#requesters.keys()]) this.drop(peer, error)
    for (const responder of this.#responders.values()) responder.stop()
  }

  #use(peer: PeerId, protocol: string): () => void {
    const { usage, upkeep } = this.#components
    return upkeep.has(protocol) ? () => undefined : usage.begin(peer)
  }

  /** True when a protocol is served as bulk here. */
  isServedInBulk(protocol: string): boolean {
    return this.#responders.get(protocol)?.components.limits.bulk ?? false
  }

  #requesterOf(peer: PeerId, protocol: string, isBulk: boolean): Requester {
    const key = isBulk ? `bulk ${protocol}` : protocol
    const ofPeer = this.#requesters.get(peer)
    const known = ofPeer?.get(key)
    if (known !== undefined) return known
    const requester: Requester = this.#createRequester({ peer, protocol, isBulk }, () =>
      this.#forget(peer, key, requester),
    )
    if (ofPeer === undefined) this.#requesters.set(peer, new Map([[key, requester]]))
    else ofPeer.set(key, requester)
    return requester
  }

  #createRequester({ peer, protocol, isBulk }: RequesterKey, onIdle: () => void): Requester {
    const { clock, openStream, openBulk, mayOpenBulk, onBulkSilent, onBadPeer } = this.#components
    let isInBulk = false
    return new Requester(
      {
        clock,
        peer,
        protocol,
        openStream: async () => {
          const bulk = isBulk ? await openBulk(peer, protocol) : undefined
          isInBulk = bulk !== undefined
          return bulk ?? (await openStream(peer, protocol))
        },
        mayOpenBetter: () => isBulk && !isInBulk && mayOpenBulk(peer, protocol),
        onSilent: () => {
          if (isInBulk) onBulkSilent(peer, protocol)
        },
        onBadPeer: (error) => onBadPeer(peer, error),
        onIdle,
      },
      {
        ...this.#streamOptions(isBulk),
        idleCloseMs: isBulk ? this.#options.bulkIdleMs : undefined,
        payloadBytesMax: this.#responders.get(protocol)?.components.limits.messageBytesMax ?? PAYLOAD_BYTES_MAX,
        inFlightMax: this.#options.requestsInFlightPerPeerMax,
        inFlightBytesMax: this.#options.requestBytesInFlightPerPeerMax,
      },
    )
  }

  #forget(peer: PeerId, key: string, requester: Requester): void {
    const ofPeer = this.#requesters.get(peer)
    if (ofPeer?.get(key) !== requester) return
    ofPeer.delete(key)
    if (ofPeer.size === 0) this.#requesters.delete(peer)
  }

  #isBulk(protocol: string, { bulk }: RequestOptions): boolean {
    return bulk ?? this.isServedInBulk(protocol)
  }

  #streamOptions(isBulk: boolean): FrameStreamOptions {
    const { queuedBytesPerStreamMax, stallTimeoutMs, frameTimeoutMs } = this.#options
    const bodyReserveBytesMax = isBulk ? BULK_RESERVE_BYTES_MAX : RESERVE_BYTES_MAX
    return { queuedBytesMax: queuedBytesPerStreamMax, stallTimeoutMs, frameTimeoutMs, bodyReserveBytesMax }
  }
}

function checkLimits({ messageBytesMax, inFlightPerPeerMax, handlerTimeoutMs }: ProtocolLimits): void {
  if (!Number.isInteger(messageBytesMax) || messageBytesMax < 1 || messageBytesMax > PAYLOAD_BYTES_MAX) {
    throw new TypeError(`messageBytesMax is 1 .. ${PAYLOAD_BYTES_MAX}, not ${messageBytesMax}`)
  }
  if (!Number.isInteger(inFlightPerPeerMax) || inFlightPerPeerMax < 1) {
    throw new TypeError(`inFlightPerPeerMax is 1 or more, not ${inFlightPerPeerMax}`)
  }
  if (!(handlerTimeoutMs > 0)) throw new TypeError(`handlerTimeoutMs is more than 0, not ${handlerTimeoutMs}`)
}
