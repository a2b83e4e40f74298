import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Clock,
  CoreError,
  type Counter,
  type Gauge,
  hasCode,
  type IncomingRequest,
  type Logger,
  type Metrics,
  messageOf,
  type PeerId,
  type Random,
} from '@stead/core'
import type { ByteStream } from '../byte-stream.ts'
import type { Libp2pOptions } from '../options.ts'
import type { RequestLayer } from '../request-layer.ts'
import { DataListener } from './data-listener.ts'
import type { DialledSocket } from './dial-data.ts'
import { type Endpoint, endpointBeside, multiaddrOf, parseEndpoint } from './endpoint.ts'
import {
  BULK_PROTOCOL,
  bulkProtocolLimits,
  ENDPOINTS_MAX,
  type TicketReply,
  ticketAskSchema,
  ticketReplySchema,
} from './messages.ts'
import { Setbacks } from './setbacks.ts'
import { TlsByteStream } from './tls-byte-stream.ts'

/** What a {@link DataPlane} needs. */
export interface DataPlaneComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly self: PeerId
  readonly requests: RequestLayer
  /** True when an address that a peer named may be dialled. */
  allows(address: Multiaddr): boolean
  /** True while there is a libp2p connection to the peer: data connections live and die with it. */
  isConnected(peer: PeerId): boolean
  /** IP addresses at which the peer is connected, without a relay. */
  hostsOf(peer: PeerId): readonly string[]
}

/** Sockets that have not shown a ticket, all together and of one address. */
const WAITING_SOCKETS_MAX = 64
const WAITING_SOCKETS_PER_HOST_MAX = 16

const KEEP_ALIVE_MS = 60_000

type Direction = 'inbound' | 'outbound'
type Adopted = Pick<DialledSocket, 'socket'> & Partial<DialledSocket>

/**
 * Data connections: TLS between two nodes, each for one protocol and one direction of asking, authorised over libp2p. Where
 * none can be made, requests go over libp2p as all others do, and it is tried again after some minutes.
 */
export class DataPlane {
  readonly #components: DataPlaneComponents
  readonly #options: Libp2pOptions
  readonly #endpoint: Endpoint | undefined
  readonly #listener: DataListener | undefined
  readonly #setbacks: Setbacks
  /** What is open or being opened, by peer: how each is ended. */
  readonly #endsByPeer = new Map<PeerId, Set<() => void>>()
  readonly #open: Record<Direction, number> = { inbound: 0, outbound: 0 }
  readonly #openGauge: Gauge
  readonly #outcomes: Counter

  constructor(components: DataPlaneComponents, options: Libp2pOptions) {
    const { clock, random, logger, metrics, self, requests } = components
    this.#components = components
    this.#options = options
    this.#setbacks = new Setbacks(clock, options.bulkRetryMs)
    this.#openGauge = metrics.gauge('stead_network_data_connections', 'Open data connections', ['direction'])
    this.#outcomes = metrics.counter('stead_network_data_connection_attempts_total', 'Data connections, by outcome', [
      'direction',
      'outcome',
    ])
    this.#endpoint = listenEndpointOf(options)
    if (this.#endpoint === undefined) return
    this.#listener = new DataListener(
      {
        clock,
        random,
        logger,
        self,
        onPeer: ({ peer, protocol }, socket) => {
          const stream = this.#adopt(peer, { socket }, 'inbound')
          requests.accept(protocol, stream, peer)
        },
        onTurnedAway: () => this.#outcomes.add(1, { direction: 'inbound', outcome: 'turned-away' }),
      },
      {
        ticketLifeMs: options.bulkTicketLifeMs,
        greetingTimeoutMs: options.bulkGreetingTimeoutMs,
        waitingSocketsMax: WAITING_SOCKETS_MAX,
        waitingSocketsPerHostMax: WAITING_SOCKETS_PER_HOST_MAX,
      },
    )
    requests.handle(BULK_PROTOCOL, bulkProtocolLimits, (request) => this.#issue(request))
  }

  /** @throws Libp2pError LIBP2P_LISTEN_FAILED */
  async start(): Promise<void> {
    if (this.#endpoint !== undefined) await this.#listener?.start(this.#endpoint)
  }

  /** Ends all data connections, and listens no more. */
  stop(): void {
    this.#listener?.stop()
    for (const peer of [...this.#endsByPeer.keys()]) this.drop(peer)
  }

  /** True when a data connection to the peer is worth a try. */
  mayOpen(peer: PeerId, protocol: string): boolean {
    const isOff = this.#options.bulkListen === 'off'
    return !isOff && this.#open.outbound < this.#options.bulkConnectionsMax && !this.#setbacks.has(peer, protocol)
  }

  /**
   * Opens a data connection for requests of one protocol; undefined where there cannot be one now.
   * @throws CoreError NETWORK_UNREACHABLE when the peer cannot be reached at all, CORE_STOPPED
   */
  async open(peer: PeerId, protocol: string): Promise<ByteStream | undefined> {
    if (!this.mayOpen(peer, protocol)) return undefined
    try {
      const reply = await this.#askTicket(peer, protocol)
      const dialled = await this.#dial(peer, protocol, reply)
      this.#outcomes.add(1, { direction: 'outbound', outcome: 'opened' })
      return this.#adopt(peer, dialled, 'outbound')
    } catch (error) {
      if (hasCode(error, 'NETWORK_UNREACHABLE') || hasCode(error, 'CORE_STOPPED')) throw error
      const { logger, isConnected } = this.#components
      this.#outcomes.add(1, { direction: 'outbound', outcome: 'failed' })
      logger.debug('no data connection, so over libp2p', { peer, protocol, error: messageOf(error) })
      if (isConnected(peer)) this.#setbacks.add(peer, protocol)
      return undefined
    }
  }

  /** Nothing came on an open data connection for the whole time of a request: something on the way may have cut it. */
  onSilent(peer: PeerId, protocol: string): void {
    const { logger, isConnected } = this.#components
    this.#outcomes.add(1, { direction: 'outbound', outcome: 'silent' })
    logger.debug('a data connection is silent, so over libp2p', { peer, protocol })
    if (isConnected(peer)) this.#setbacks.add(peer, protocol)
  }

  /** Ends all data connections with a peer, and makes its tickets void. */
  drop(peer: PeerId): void {
    this.#listener?.forget(peer)
    this.#setbacks.forget(peer)
    for (const end of [...(this.#endsByPeer.get(peer) ?? [])]) end()
  }

  async #issue({ peer, payload }: IncomingRequest): Promise<Uint8Array> {
    const { protocol } = ticketAskSchema.decodeMessage(payload)
    const listener = this.#listener
    if (listener === undefined || !this.#components.requests.isServedInBulk(protocol)) {
      throw new CoreError('NETWORK_UNSUPPORTED', `${protocol.slice(0, 64)} has no data connections here`)
    }
    const { bulkConnectionsMax, bulkAnnounce } = this.#options
    if (this.#open.inbound >= bulkConnectionsMax) {
      throw new CoreError('NETWORK_BUSY', `${this.#open.inbound} data connections are open, no more are taken`)
    }
    const { ticket, port, fingerprint } = await listener.invite(peer, protocol)
    const { id: ticketId, secret } = ticket
    return ticketReplySchema.encodeMessage({ port, fingerprint, ticketId, secret, endpoints: bulkAnnounce })
  }

  async #askTicket(peer: PeerId, protocol: string): Promise<TicketReply> {
    const ask = ticketAskSchema.encodeMessage({ version: 1, protocol })
    const timeoutMs = this.#options.dialTimeoutMs
    const reply = await this.#components.requests.request(peer, BULK_PROTOCOL, ask, { timeoutMs, bulk: false })
    return ticketReplySchema.decodeMessage(reply)
  }

  async #dial(peer: PeerId, protocol: string, reply: TicketReply): Promise<DialledSocket> {
    const { clock, self, isConnected } = this.#components
    const { port, fingerprint, ticketId, secret, endpoints } = reply
    const attempt = new AbortController()
    const forget = this.#remember(peer, () => attempt.abort())
    const timer = clock.setTimer(this.#options.bulkConnectTimeoutMs, () => attempt.abort())
    try {
      // With Node.js's TLS, which a node that makes no data connections can do without.
      const { dialData } = await import('./dial-data.ts')
      const bond = { dialler: self, listener: peer, protocol, fingerprint }
      const target = { endpoints: this.#endpointsOf(peer, port, endpoints), ticketId, secret, bond }
      const dialled = await dialData(target, attempt.signal)
      if (!attempt.signal.aborted && isConnected(peer)) return dialled
      dialled.socket.destroy()
      throw new Error('the peer went away')
    } finally {
      timer.clear()
      forget()
    }
  }

  #endpointsOf(peer: PeerId, port: number, announced: readonly string[]): readonly Endpoint[] {
    const { hostsOf, allows } = this.#components
    const known = port === 0 ? [] : hostsOf(peer).map((host): Endpoint => ({ host, port }))
    const named = announced.flatMap((text) => parseEndpoint(text) ?? []).filter((one) => one.port > 0)
    return [...known, ...named].filter((one) => allows(multiaddrOf(one))).slice(0, 2 * ENDPOINTS_MAX)
  }

  #adopt(peer: PeerId, { socket, reader }: Adopted, direction: Direction): ByteStream {
    const stream = new TlsByteStream(socket, reader)
    const forget = this.#remember(peer, () => stream.breakOff(new Error('disconnected')))
    // For an end that has silently gone while nothing is asked.
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    this.#count(direction, 1)
    socket.once('close', () => {
      forget()
      this.#count(direction, -1)
    })
    return stream
  }

  #count(direction: Direction, change: number): void {
    this.#open[direction] += change
    this.#openGauge.set(this.#open[direction], { direction })
  }

  #remember(peer: PeerId, end: () => void): () => void {
    const ends = this.#endsByPeer.get(peer) ?? new Set()
    this.#endsByPeer.set(peer, ends)
    ends.add(end)
    return () => {
      ends.delete(end)
      if (ends.size === 0 && this.#endsByPeer.get(peer) === ends) this.#endsByPeer.delete(peer)
    }
  }
}

function listenEndpointOf({ bulkListen, listen }: Libp2pOptions): Endpoint | undefined {
  if (bulkListen === 'off') return undefined
  return bulkListen === 'auto' ? endpointBeside(listen) : parseEndpoint(bulkListen)
}
