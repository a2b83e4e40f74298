import type { Clock, PeerId, Random } from '@stead/core'
import { TICKET_ID_BYTES, TICKET_SECRET_BYTES } from './greeting.ts'

/** Lets one peer in once, for one protocol. */
export interface Ticket {
  readonly peer: PeerId
  readonly protocol: string
  readonly id: Uint8Array
  readonly secret: Uint8Array
}

/** Tickets of one peer that may be out; an older one gives way. */
const TICKETS_PER_PEER_MAX = 4
/** Tickets that may be out together; the oldest gives way. */
const TICKETS_MAX = 1024

interface Issued {
  readonly ticket: Ticket
  readonly endMs: number
}

/** The tickets that were given out and not used yet: each good once, for seconds. */
export class TicketBook {
  readonly #clock: Clock
  readonly #random: Random
  readonly #lifeMs: number
  /** By the id's hexadecimal digits, oldest first. Ids are no secrets. */
  readonly #issued = new Map<string, Issued>()

  constructor(components: { readonly clock: Clock; readonly random: Random }, lifeMs: number) {
    this.#clock = components.clock
    this.#random = components.random
    this.#lifeMs = lifeMs
  }

  /** True while nobody is expected. */
  get isEmpty(): boolean {
    this.#forgetExpired()
    return this.#issued.size === 0
  }

  /** Makes a ticket. */
  issue(peer: PeerId, protocol: string): Ticket {
    this.#forgetExpired()
    const ofPeer = [...this.#issued].filter(([, { ticket }]) => ticket.peer === peer)
    const [oldestOfPeer] = ofPeer
    const [oldest] = this.#issued.keys()
    if (ofPeer.length >= TICKETS_PER_PEER_MAX && oldestOfPeer !== undefined) this.#issued.delete(oldestOfPeer[0])
    else if (this.#issued.size >= TICKETS_MAX && oldest !== undefined) this.#issued.delete(oldest)
    const id = this.#random.bytes(TICKET_ID_BYTES)
    const ticket = { peer, protocol, id, secret: this.#random.bytes(TICKET_SECRET_BYTES) }
    this.#issued.set(keyOf(id), { ticket, endMs: this.#clock.monotonicMs() + this.#lifeMs })
    return ticket
  }

  /** Takes a ticket out of the book; undefined when it is not good, or not any more. */
  take(id: Uint8Array): Ticket | undefined {
    this.#forgetExpired()
    const issued = this.#issued.get(keyOf(id))
    this.#issued.delete(keyOf(id))
    return issued?.ticket
  }

  /** Makes a peer's tickets void. */
  forget(peer: PeerId): void {
    for (const [key, { ticket }] of this.#issued) if (ticket.peer === peer) this.#issued.delete(key)
  }

  #forgetExpired(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, { endMs }] of this.#issued) {
      if (endMs > nowMs) return
      this.#issued.delete(key)
    }
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}
