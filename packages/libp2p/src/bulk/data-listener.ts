import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Clock, type Logger, messageOf, type PeerId, type Random } from '@stead/core'
import { Libp2pError } from '../errors.ts'
import type { Endpoint } from './endpoint.ts'
import type { SecureDoor } from './secure-door.ts'
import { type Ticket, TicketBook } from './ticket-book.ts'
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

/** A ticket, and where and to whom to show it. */
export interface Invitation {
  readonly ticket: Ticket
  readonly port: number
  /** SHA-256 of the certificate that will be seen there. */
  readonly fingerprint: Uint8Array
}

/**
 * Takes data connections of peers that have a ticket, and of nobody else: while no ticket is out, a socket is closed before
 * a byte is read from it, and until it has shown one, it may send a TLS handshake and 52 bytes.
 */
export class DataListener {
  readonly #components: DataListenerComponents
  readonly #tickets: TicketBook
  readonly #room: WaitingRoom
  /** How each socket leaves the waiting room, by its remote address and port. */
  readonly #leaveByOrigin = new Map<string, () => void>()
  readonly #server: Server
  #port = 0
  /** Seven megabytes with Node.js's TLS: loaded when the first ticket is asked for. */
  #opening: Promise<SecureDoor> | undefined
  #door: SecureDoor | undefined

  constructor(components: DataListenerComponents, options: DataListenerOptions) {
    this.#components = components
    this.#tickets = new TicketBook(components, options.ticketLifeMs)
    this.#room = new WaitingRoom(components, {
      socketsMax: options.waitingSocketsMax,
      socketsPerHostMax: options.waitingSocketsPerHostMax,
      timeoutMs: options.greetingTimeoutMs,
    })
    this.#server = createServer({ noDelay: true }, (socket) => this.#onSocket(socket))
  }

  /** @throws Libp2pError LIBP2P_LISTEN_FAILED */
  async start({ host, port }: Endpoint): Promise<void> {
    try {
      this.#server.listen({ host, port })
      await once(this.#server, 'listening')
    } catch (error) {
      const message = `cannot listen for data on ${host} port ${port}: ${messageOf(error)}`
      throw new Libp2pError('LIBP2P_LISTEN_FAILED', message, { details: { host, port }, cause: error })
    }
    this.#server.on('error', (error) => this.#components.logger.warn('data listener failed', { error: error.message }))
    const bound = this.#server.address()
    this.#port = bound !== null && typeof bound === 'object' ? bound.port : 0
  }

  /** Listens no more; the peers' sockets stay. */
  stop(): void {
    this.#server.close()
    this.#room.clear()
  }

  /** Makes a ticket. */
  async invite(peer: PeerId, protocol: string): Promise<Invitation> {
    this.#opening ??= this.#open()
    this.#door = await this.#opening
    return { ticket: this.#tickets.issue(peer, protocol), port: this.#port, fingerprint: this.#door.fingerprint }
  }

  /** Makes a peer's tickets void. */
  forget(peer: PeerId): void {
    this.#tickets.forget(peer)
  }

  async #open(): Promise<SecureDoor> {
    const { SecureDoor } = await import('./secure-door.ts')
    return new SecureDoor({
      self: this.#components.self,
      takeTicket: (id) => this.#tickets.take(id),
      onPeer: (ticket, socket) => {
        this.#leave(socket)
        this.#components.onPeer(ticket, socket)
      },
      onStranger: (socket, reason) => this.#turnAway(socket, reason),
    })
  }

  #onSocket(socket: Socket): void {
    socket.on('error', (error) => this.#components.logger.debug('data socket broke', { error: error.message }))
    if (this.#door === undefined || this.#tickets.isEmpty) {
      this.#turnAway(socket, 'nobody is expected')
      return
    }
    const origin = originOf(socket)
    const leave = this.#room.enter(socket)
    this.#leaveByOrigin.set(origin, leave)
    socket.once('close', () => {
      if (this.#leaveByOrigin.get(origin) === leave) this.#leaveByOrigin.delete(origin)
    })
    this.#door.admit(socket)
  }

  #leave(socket: Socket): void {
    const origin = originOf(socket)
    this.#leaveByOrigin.get(origin)?.()
    this.#leaveByOrigin.delete(origin)
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
