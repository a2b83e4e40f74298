import { once } from 'node:events'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { type Clock, type Logger, messageOf, type PeerId, type Random } from '@stead/core'
import { Libp2pError } from '../errors.ts'
import { type Certificate, createCertificate } from './certificate.ts'
import type { Endpoint } from './endpoint.ts'
import { decodeGreeting, GREETING_BYTES, isSameProof, proofOf, WELCOME } from './greeting.ts'
import { readFirst } from './read-first.ts'
import { type Ticket, TicketBook } from './ticket-book.ts'
import { TLS_OPTIONS } from './tls-options.ts'
import { WaitingRoom } from './waiting-room.ts'

/** What a {@link DataListener} needs. */
export interface DataListenerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly self: PeerId
  /** A peer has shown its ticket; the socket is its from now on, and paused. */
  onPeer(ticket: Ticket, socket: TLSSocket): void
  /** A socket was closed that showed no good ticket; for the metrics. */
  onTurnedAway(): void
}

/** Limits of a {@link DataListener}. */
export interface DataListenerOptions {
  /** How long a ticket is good. */
  readonly ticketLifeMs: number
  /** How long a socket may take from the first packet to the ticket. */
  readonly greetingTimeoutMs: number
  readonly waitingSocketsMax: number
  readonly waitingSocketsPerHostMax: number
}

/**
 * Takes data connections of peers that have a ticket, and of nobody else: while no ticket is out, a socket is closed before
 * a byte is read from it, and until it has shown one, it may send a TLS handshake and 52 bytes.
 */
export class DataListener {
  readonly tickets: TicketBook
  readonly #components: DataListenerComponents
  readonly #certificate: Certificate = createCertificate()
  readonly #room: WaitingRoom
  /** How each socket leaves the waiting room, by its remote address and port. */
  readonly #leaveByOrigin = new Map<string, () => void>()
  readonly #tcp: Server
  readonly #tls: TlsServer
  #port = 0

  constructor(components: DataListenerComponents, options: DataListenerOptions) {
    this.#components = components
    this.tickets = new TicketBook(components, options.ticketLifeMs)
    this.#room = new WaitingRoom(components, {
      socketsMax: options.waitingSocketsMax,
      socketsPerHostMax: options.waitingSocketsPerHostMax,
      timeoutMs: options.greetingTimeoutMs,
    })
    const { key, cert } = this.#certificate
    this.#tls = createTlsServer({ ...TLS_OPTIONS, key, cert })
    this.#tls.on('tlsClientError', (error, socket) => this.#turnAway(socket, error.message))
    this.#tls.on('secureConnection', (socket) => void this.#greet(socket))
    this.#tcp = createTcpServer({ noDelay: true }, (socket) => this.#onSocket(socket))
  }

  /** Where it listens; 0 before the start. */
  get port(): number {
    return this.#port
  }

  /** SHA-256 of the certificate that it shows. */
  get fingerprint(): Uint8Array {
    return this.#certificate.fingerprint
  }

  /** @throws Libp2pError LIBP2P_LISTEN_FAILED */
  async start({ host, port }: Endpoint): Promise<void> {
    try {
      this.#tcp.listen({ host, port })
      await once(this.#tcp, 'listening')
    } catch (error) {
      const message = `cannot listen for data on ${host} port ${port}: ${messageOf(error)}`
      throw new Libp2pError('LIBP2P_LISTEN_FAILED', message, { details: { host, port }, cause: error })
    }
    this.#tcp.on('error', (error) => this.#components.logger.warn('data listener failed', { error: error.message }))
    const bound = this.#tcp.address()
    this.#port = bound !== null && typeof bound === 'object' ? bound.port : 0
  }

  /** Listens no more; the peers' sockets stay. */
  stop(): void {
    this.#tcp.close()
    this.#room.clear()
  }

  #onSocket(socket: Socket): void {
    socket.on('error', (error) => this.#components.logger.debug('data socket broke', { error: error.message }))
    if (this.tickets.isEmpty) {
      this.#turnAway(socket, 'nobody is expected')
      return
    }
    const origin = originOf(socket)
    const leave = this.#room.enter(socket)
    this.#leaveByOrigin.set(origin, leave)
    socket.once('close', () => {
      if (this.#leaveByOrigin.get(origin) === leave) this.#leaveByOrigin.delete(origin)
    })
    this.#tls.emit('connection', socket)
  }

  async #greet(socket: TLSSocket): Promise<void> {
    const origin = originOf(socket)
    socket.on('error', (error) => this.#components.logger.debug('data socket broke', { error: error.message }))
    const bytes = await readFirst(socket, GREETING_BYTES)
    const greeting = bytes === undefined ? undefined : decodeGreeting(bytes)
    // Taken whether the proof is good or not: each ticket has one try.
    const ticket = greeting === undefined ? undefined : this.tickets.take(greeting.ticketId)
    if (greeting === undefined || ticket === undefined || socket.destroyed) {
      this.#turnAway(socket, greeting === undefined ? 'no greeting' : 'no such ticket')
      return
    }
    const { peer: dialler, protocol } = ticket
    const bond = { dialler, listener: this.#components.self, protocol, fingerprint: this.fingerprint }
    if (!isSameProof(greeting.proof, proofOf(socket, ticket.secret, bond))) {
      this.#turnAway(socket, 'wrong proof')
      return
    }
    this.#leaveByOrigin.get(origin)?.()
    this.#leaveByOrigin.delete(origin)
    socket.write(Uint8Array.of(WELCOME))
    this.#components.onPeer(ticket, socket)
  }

  #turnAway(socket: Socket, reason: string): void {
    this.#components.logger.debug('turned a data socket away', { remote: socket.remoteAddress, reason })
    this.#components.onTurnedAway()
    socket.destroy()
  }
}

function originOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
