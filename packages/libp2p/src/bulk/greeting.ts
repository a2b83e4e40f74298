import { createHmac, timingSafeEqual } from 'node:crypto'
import type { PeerId } from '@stead/core'

/**
 * The first bytes on a data connection, from the end that dialled it, when it has seen the listener's certificate:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | `SDB1` |
 * | 4 | 16 | id of the ticket |
 * | 20 | 32 | proof, see {@link proofOf} |
 *
 * The listener answers with {@link WELCOME}, or closes. Frames follow.
 */
export const GREETING_BYTES = 52
/** The listener's answer. */
export const WELCOME = 0x06
/** Bytes of a ticket's id. */
export const TICKET_ID_BYTES = 16
/** Bytes of a ticket's secret. */
export const TICKET_SECRET_BYTES = 32
const MAGIC = Uint8Array.of(0x53, 0x44, 0x42, 0x31)
/** Binds a proof to one TLS session (RFC 8446, 7.5). */
const EXPORTER_LABEL = 'EXPORTER-stead-bulk-1'
const EXPORTED_BYTES = 32

/** All that a proof vouches for. */
export interface Bond {
  readonly dialler: PeerId
  readonly listener: PeerId
  readonly protocol: string
  /** SHA-256 of the listener's certificate. */
  readonly fingerprint: Uint8Array
}

/** The part of a TLS socket that a proof needs. */
export interface TlsSession {
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer
}

/**
 * Shows that the sender has the ticket's secret, without showing the secret, on this TLS session and no other: what somebody
 * in the middle overhears or passes on is of no use to anybody.
 */
export function proofOf(session: TlsSession, secret: Uint8Array, bond: Bond): Uint8Array {
  const { dialler, listener, protocol, fingerprint } = bond
  // JSON, so that where one ends and the next begins is part of what is proven.
  const context = Buffer.from(JSON.stringify([dialler, listener, protocol, Buffer.from(fingerprint).toString('hex')]))
  const ofSession = session.exportKeyingMaterial(EXPORTED_BYTES, EXPORTER_LABEL, context)
  return new Uint8Array(createHmac('sha256', secret).update(ofSession).digest())
}

/** True when two proofs are the same; takes as long when they are not. */
export function isSameProof(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The bytes of a greeting. */
export function encodeGreeting(ticketId: Uint8Array, proof: Uint8Array): Uint8Array {
  return Uint8Array.from([...MAGIC, ...ticketId, ...proof])
}

/** What a greeting says; undefined when it is none. */
export function decodeGreeting(
  bytes: Uint8Array,
): { readonly ticketId: Uint8Array; readonly proof: Uint8Array } | undefined {
  if (bytes.length !== GREETING_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined
  const end = MAGIC.length + TICKET_ID_BYTES
  return { ticketId: bytes.slice(MAGIC.length, end), proof: bytes.slice(end) }
}
