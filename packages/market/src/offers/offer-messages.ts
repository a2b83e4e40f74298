import type { ProtocolLimits } from '@stead/core'
import {
  defineSchema,
  listField,
  RESOURCES,
  type Resource,
  type Schema,
  type SignedDocument,
  signedDocumentSchema,
  versionField,
  wordField,
} from '@stead/protocol'

/** Asks a peer for the offers that it knows. */
export const OFFERS_PROTOCOL = '/stead/offers/1'
/** Offers in one answer. */
export const OFFERS_PER_ANSWER_MAX = 128
const ANSWER_BYTES_MAX = 1_048_576

/** Limits of {@link OFFERS_PROTOCOL}. */
export const offersProtocolLimits: ProtocolLimits = {
  messageBytesMax: ANSWER_BYTES_MAX,
  inFlightPerPeerMax: 8,
  handlerTimeoutMs: 5_000,
}

/** Topic of one resource's offers; `region` narrows it. */
export function offersTopic(resource: Resource, region?: string): string {
  return region === undefined ? `stead/offers/1/${resource}` : `stead/offers/1/${resource}/${region}`
}

/** Under which key of the DHT who offers a resource is found. */
export function offersKey(resource: Resource): string {
  return `stead/offers/1/${resource}`
}

/** The question. */
export interface OffersRequest {
  readonly version: 1
  readonly resource: Resource
}

/** The answer: own offers first. */
export interface OffersReply {
  readonly offers: readonly SignedDocument[]
}

/** Encodings of {@link OffersRequest}. */
export const offersRequestSchema: Schema<OffersRequest> = defineSchema<OffersRequest>('OffersRequest', 128, {
  version: [1, versionField(1)],
  resource: [2, wordField(RESOURCES)],
})

/** Encodings of {@link OffersReply}. */
export const offersReplySchema: Schema<OffersReply> = defineSchema<OffersReply>('OffersReply', ANSWER_BYTES_MAX, {
  offers: [1, listField(signedDocumentSchema.asField(), OFFERS_PER_ANSWER_MAX)],
})

/** As many of the documents, from the first, as an answer may hold. */
export function fitAnswer(documents: Iterable<SignedDocument>): readonly SignedDocument[] {
  const fitting: SignedDocument[] = []
  let bytes = 0
  for (const signed of documents) {
    // What the envelope adds to a document is far below this.
    bytes += signed.document.length + 128
    if (bytes > ANSWER_BYTES_MAX || fitting.length >= OFFERS_PER_ANSWER_MAX) break
    fitting.push(signed)
  }
  return fitting
}
