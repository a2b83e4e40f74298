import type { Address, ContentId, Hash, ProtocolLimits } from '@stead/core'
import {
  addressField,
  bytesField,
  contentIdField,
  defineSchema,
  fixedBytesField,
  hashField,
  listField,
  optionalField,
  type Schema,
  uintField,
  versionField,
  wordField,
} from '@stead/protocol'
import { type EpochNumber, epochField } from '@stead/rewards'

/** A prober asks a bonded node whether it is there. */
export const PROBE_PROTOCOL = '/stead/probe/1'
/** Fetches one document by its content id, part by part. */
export const DOCUMENTS_PROTOCOL = '/stead/epoch-documents/1'
/** Asks for what is known about one epoch. */
export const NOTICES_PROTOCOL = '/stead/epoch-notices/1'
/** Topic of {@link EpochNotice}. */
export const EPOCHS_TOPIC = 'stead/epochs/1'

/** Bytes of a document in one answer. */
export const PART_BYTES_MAX: number = 512 * 1024
/** Largest document that is fetched: a result. */
export const DOCUMENT_BYTES_MAX: number = 32 * 1024 * 1024
const NOTICES_MAX = 2048
const NOTICES_BYTES_MAX = 1024 * 1024

/** Limits of {@link PROBE_PROTOCOL}; a node has at most one probe of a prober open. */
export const probeLimits: ProtocolLimits = { messageBytesMax: 1024, inFlightPerPeerMax: 2, handlerTimeoutMs: 5000 }
/** Limits of {@link DOCUMENTS_PROTOCOL}. */
export const documentLimits: ProtocolLimits = {
  messageBytesMax: PART_BYTES_MAX + 1024,
  inFlightPerPeerMax: 4,
  handlerTimeoutMs: 10_000,
}
/** Limits of {@link NOTICES_PROTOCOL}. */
export const noticeLimits: ProtocolLimits = {
  messageBytesMax: NOTICES_BYTES_MAX,
  inFlightPerPeerMax: 2,
  handlerTimeoutMs: 5000,
}

const NOTICE_KINDS = ['log', 'result', 'vote'] as const

/** What a node tells all others about an epoch. What it says is checked by what it names, never believed. */
export interface EpochNotice {
  readonly version: 1
  /** `log`: a probe log is out; `result`: a result was computed from evidence; `vote`: a node signed for a root. */
  readonly kind: (typeof NOTICE_KINDS)[number]
  readonly epoch: EpochNumber
  /** The prober, who computed, or the voter. */
  readonly node: Address
  /** The log, or the result. */
  readonly document?: ContentId
  /** Digest of the evidence; of results and votes. */
  readonly evidence?: Hash
  /** Of results and votes. */
  readonly root?: Hash
  /** Number of the proposal that is voted on. */
  readonly attempt?: number
  /** The vote: 65 bytes. */
  readonly signature?: Uint8Array
}

/** Encodings of {@link EpochNotice}. */
export const noticeSchema: Schema<EpochNotice> = defineSchema<EpochNotice>('EpochNotice', 512, {
  version: [1, versionField(1)],
  kind: [2, wordField(NOTICE_KINDS)],
  epoch: [3, epochField],
  node: [4, addressField],
  document: [5, optionalField(contentIdField)],
  evidence: [6, optionalField(hashField)],
  root: [7, optionalField(hashField)],
  attempt: [8, optionalField(uintField())],
  signature: [9, optionalField(fixedBytesField(65))],
})

/** Asks for notices. */
export interface NoticesRequest {
  readonly version: 1
  readonly epoch: EpochNumber
}

/** Encodings of {@link NoticesRequest}. */
export const noticesRequestSchema: Schema<NoticesRequest> = defineSchema<NoticesRequest>('NoticesRequest', 64, {
  version: [1, versionField(1)],
  epoch: [2, epochField],
})

/** The answer. */
export interface NoticesReply {
  readonly notices: readonly EpochNotice[]
}

/** Encodings of {@link NoticesReply}. */
export const noticesReplySchema: Schema<NoticesReply> = defineSchema<NoticesReply>('NoticesReply', NOTICES_BYTES_MAX, {
  notices: [1, listField(noticeSchema.asField(), NOTICES_MAX)],
})

/** Asks for a part of a document. */
export interface DocumentRequest {
  readonly version: 1
  readonly id: ContentId
  /** First byte, 0 .. 32 MiB. */
  readonly offset: number
}

/** Encodings of {@link DocumentRequest}. */
export const documentRequestSchema: Schema<DocumentRequest> = defineSchema<DocumentRequest>('DocumentRequest', 128, {
  version: [1, versionField(1)],
  id: [2, contentIdField],
  offset: [3, uintField(DOCUMENT_BYTES_MAX)],
})

/** The part. */
export interface DocumentReply {
  /** Bytes of the whole document; 0 when the peer does not have it. */
  readonly totalBytes: number
  readonly part: Uint8Array
}

/** Encodings of {@link DocumentReply}. */
export const documentReplySchema: Schema<DocumentReply> = defineSchema<DocumentReply>(
  'DocumentReply',
  PART_BYTES_MAX + 512,
  {
    totalBytes: [1, uintField(DOCUMENT_BYTES_MAX)],
    part: [2, bytesField(PART_BYTES_MAX)],
  },
)
