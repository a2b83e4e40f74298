import type { ProtocolLimits } from '@stead/core'
import {
  defineSchema,
  fixedBytesField,
  listField,
  type Schema,
  textField,
  uintField,
  versionField,
} from '@stead/protocol'
import { TICKET_ID_BYTES, TICKET_SECRET_BYTES } from './greeting.ts'

/** Asks for a ticket to the data listener. */
export const BULK_PROTOCOL = '/stead/bulk/1'
/** Addresses in one answer. */
export const ENDPOINTS_MAX = 4

/** Limits of {@link BULK_PROTOCOL}. */
export const bulkProtocolLimits: ProtocolLimits = {
  messageBytesMax: 1024,
  inFlightPerPeerMax: 4,
  handlerTimeoutMs: 5000,
}

/** The question. */
export interface TicketAsk {
  readonly version: 1
  /** What requests the connection shall carry. */
  readonly protocol: string
}

/** The answer: where to connect, what certificate is there, and how to be let in. */
export interface TicketReply {
  /** At the address at which this node is known. */
  readonly port: number
  /** SHA-256 of the certificate. */
  readonly fingerprint: Uint8Array
  readonly ticketId: Uint8Array
  readonly secret: Uint8Array
  /** Other ways, as `host:port`. */
  readonly endpoints: readonly string[]
}

/** Encodings of {@link TicketAsk}. */
export const ticketAskSchema: Schema<TicketAsk> = defineSchema<TicketAsk>('TicketAsk', 256, {
  version: [1, versionField(1)],
  protocol: [2, textField(128)],
})

/** Encodings of {@link TicketReply}. */
export const ticketReplySchema: Schema<TicketReply> = defineSchema<TicketReply>('TicketReply', 1024, {
  port: [1, uintField(65_535)],
  fingerprint: [2, fixedBytesField(32)],
  ticketId: [3, fixedBytesField(TICKET_ID_BYTES)],
  secret: [4, fixedBytesField(TICKET_SECRET_BYTES)],
  endpoints: [5, listField(textField(64), ENDPOINTS_MAX)],
})
