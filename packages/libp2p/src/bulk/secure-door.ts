import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { messageOf, type PeerId } from '@stead/core'
import { type Certificate, createCertificate } from './certificate.ts'
import { decodeGreeting, GREETING_BYTES, isSameProof, proofOf, WELCOME } from './greeting.ts'
import { readFirst } from './read-first.ts'
import type { Ticket } from './ticket-book.ts'
import { TLS_OPTIONS } from './tls-options.ts'

/** What a {@link SecureDoor} needs. */
export interface SecureDoorComponents {
  readonly self: PeerId
  /** Takes a ticket out of the book; undefined when it is not good. */
  takeTicket(id: Uint8Array): Ticket | undefined
  /** A peer has shown its ticket and was let in; the socket is paused. */
  onPeer(ticket: Ticket, socket: TLSSocket): void
  /** A socket is not let in: to be closed. */
  onStranger(socket: Socket, reason: string): void
}

/** Does the TLS handshake with a socket, and looks at its ticket. */
export class SecureDoor {
  readonly #components: SecureDoorComponents
  readonly #certificate: Certificate = createCertificate()
  readonly #server: Server

  constructor(components: SecureDoorComponents) {
    this.#components = components
    const { key, cert } = this.#certificate
    this.#server = createServer({ ...TLS_OPTIONS, key, cert })
    this.#server.on('tlsClientError', (error, socket) => components.onStranger(socket, error.message))
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy())
      this.#greet(socket).catch((error: unknown) => components.onStranger(socket, messageOf(error)))
    })
  }

  /** SHA-256 of the certificate. */
  get fingerprint(): Uint8Array {
    return this.#certificate.fingerprint
  }

  /** Begins with a socket that nothing was read from. */
  admit(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  async #greet(socket: TLSSocket): Promise<void> {
    const { self, takeTicket, onPeer, onStranger } = this.#components
    const bytes = await readFirst(socket, GREETING_BYTES)
    const greeting = bytes === undefined ? undefined : decodeGreeting(bytes)
    // Taken whether the proof is good or not: each ticket has one try.
    const ticket = greeting === undefined ? undefined : takeTicket(greeting.ticketId)
    if (greeting === undefined || ticket === undefined || socket.destroyed) {
      onStranger(socket, greeting === undefined ? 'no greeting' : 'no such ticket')
      return
    }
    const { peer: dialler, protocol, secret } = ticket
    const bond = { dialler, listener: self, protocol, fingerprint: this.fingerprint }
    if (!isSameProof(greeting.proof, proofOf(socket, secret, bond))) {
      onStranger(socket, 'wrong proof')
      return
    }
    socket.write(Uint8Array.of(WELCOME))
    onPeer(ticket, socket)
  }
}
