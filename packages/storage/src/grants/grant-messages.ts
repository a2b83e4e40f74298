import type { ProtocolLimits, UnixMs } from '@stead/core'
import {
  bytesField,
  defineSchema,
  fixedBytesField,
  listField,
  optionalField,
  type Schema,
  textField,
  timeField,
  uintField,
  versionField,
  wordField,
} from '@stead/protocol'
import { ID_BYTES } from '../objects/row-keys.ts'
import { OBJECT_KEY_BYTES_MAX, WORD_BYTES_MAX } from '../objects/rows.ts'
import { PARTS_MAX } from '../objects/uploads.ts'
import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'
import { type GrantStep, STEPS_MAX } from './grant-scope.ts'
import { stepSchema } from './write-link.ts'

/** The protocol by which whoever has a link to write writes: {@link GrantRequest} answered by {@link GrantReply}. */
export const GRANTS_PROTOCOL = '/stead/write-grants/1'
/** Largest part of an object, 4 MiB: a segment of 4-of-12; whoever has no link can make a node hold some as well. */
export const GIVEN_PART_BYTES_MAX: number = 64 * FRAME_PLAIN_BYTES
const MESSAGE_BYTES_MAX: number = GIVEN_PART_BYTES_MAX + 256 * 1024
/** Requests that one peer has under way; whoever keeps to the rules sends no more. */
const REQUESTS_PER_PEER_MAX = 16
/** Limits of {@link GRANTS_PROTOCOL}: nodes that are silent are known after 40 s, and then others are taken. */
export const GRANTS_LIMITS: ProtocolLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  bulk: true,
  lendsPayloads: true,
  inFlightPerPeerMax: REQUESTS_PER_PEER_MAX,
  handlerTimeoutMs: 120_000,
}

const MD5_BYTES = 16

/** What is asked for: `look` how it stands, `put` a whole object, a `part` of one, or to make one of its parts (`whole`). */
export type GrantAsk = 'look' | 'put' | 'part' | 'whole'

/** One request. */
export interface GrantRequest {
  readonly version: 1
  readonly ask: GrantAsk
  readonly grant: Uint8Array
  readonly steps: readonly GrantStep[]
  readonly secret: Uint8Array
  readonly path: string
  readonly upload: Uint8Array
  readonly contentType?: string
  /** When the giver changed it last. */
  readonly changedAt?: UnixMs
  /** Of a part. */
  readonly number?: number
  /** MD5 of all parts, in their order, to make an object of them. */
  readonly etags: readonly Uint8Array[]
  /** Of a part, or of all. */
  readonly bytes?: Uint8Array
  /** 16 bytes that name this attempt: said again, because its answer was lost, it is the same message. */
  readonly attempt: Uint8Array
}

/** Encoding of {@link GrantRequest}. */
export const grantRequestSchema: Schema<GrantRequest> = defineSchema<GrantRequest>('GrantRequest', MESSAGE_BYTES_MAX, {
  version: [1, versionField(1)],
  ask: [2, wordField(['look', 'put', 'part', 'whole'])],
  grant: [3, fixedBytesField(ID_BYTES)],
  steps: [4, listField(stepSchema.asField(), STEPS_MAX)],
  secret: [5, fixedBytesField(32)],
  path: [6, textField(OBJECT_KEY_BYTES_MAX)],
  upload: [7, fixedBytesField(ID_BYTES)],
  contentType: [8, optionalField(textField(WORD_BYTES_MAX))],
  changedAt: [9, optionalField(timeField)],
  number: [10, optionalField(uintField(PARTS_MAX))],
  etags: [11, listField(fixedBytesField(MD5_BYTES), PARTS_MAX)],
  bytes: [12, optionalField(bytesField(GIVEN_PART_BYTES_MAX))],
  attempt: [13, fixedBytesField(ID_BYTES)],
})

/** A part that was kept. */
export interface KeptPart {
  readonly number: number
  readonly lengthBytes: number
  /** MD5 of its bytes. */
  readonly etag: Uint8Array
}

const keptPartSchema: Schema<KeptPart> = defineSchema<KeptPart>('GrantKeptPart', 64, {
  number: [1, uintField(PARTS_MAX)],
  lengthBytes: [2, uintField(GIVEN_PART_BYTES_MAX)],
  etag: [3, fixedBytesField(MD5_BYTES)],
})

/** What has become of it. */
export interface GivenObject {
  readonly lengthBytes: number
  readonly etag: string
  readonly modifiedAt: UnixMs
}

const givenObjectSchema: Schema<GivenObject> = defineSchema<GivenObject>('GrantObject', 1024, {
  lengthBytes: [1, uintField()],
  etag: [2, textField(WORD_BYTES_MAX)],
  modifiedAt: [3, timeField],
})

/** One answer. */
export interface GrantReply {
  readonly version: 1
  /** To `look`: bytes that the grant takes yet. */
  readonly leftBytes?: number
  /** To `look`: how the object is to be cut. */
  readonly partBytes?: number
  /** To `look`. */
  readonly parts: readonly KeptPart[]
  /** To `put`, `whole`, and `look` for one that is there. */
  readonly object?: GivenObject
}

/** Encoding of {@link GrantReply}. */
export const grantReplySchema: Schema<GrantReply> = defineSchema<GrantReply>('GrantReply', MESSAGE_BYTES_MAX, {
  version: [1, versionField(1)],
  leftBytes: [2, optionalField(uintField())],
  partBytes: [3, optionalField(uintField(GIVEN_PART_BYTES_MAX))],
  parts: [4, listField(keptPartSchema.asField(), PARTS_MAX)],
  object: [5, optionalField(givenObjectSchema.asField())],
})
