import type { Address, Hash, Signer, UnixMs } from '@stead/core'
import { sha256 } from '#sha256'
import { addressWord, uintWord } from './eip712.ts'
import {
  addressField,
  bytesField,
  fixedBytesField,
  textField,
  timeField,
  uintField,
  versionField,
  wordField,
} from './schema/field.ts'
import { defineSchema, type Schema } from './schema/schema.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'
import { checkStatement, payloadOf, signStatement, slotBytesOf, slotOf, statementDigestOf } from './statement.ts'

/** What nodes sell. */
export type Resource = 'compute' | 'storage' | 'bandwidth' | 'sensing' | 'care'
/** All resources, in the order in which they are shown. */
export const RESOURCES: readonly Resource[] = ['compute', 'storage', 'bandwidth', 'sensing', 'care']

/** A node's signed, expiring statement of what it sells. A higher sequence replaces a lower one. */
export interface Offer {
  readonly version: 1
  readonly node: Address
  /** Who is paid. */
  readonly operator: Address
  readonly resource: Resource
  /** Where vouchers must be good. */
  readonly chainId: number
  readonly escrow: Address
  /** Coarse place, a hint only (`eu-west`); `-` when the operator does not say. */
  readonly region: string
  /** Grows with each offer of a node. */
  readonly sequence: number
  readonly issuedAt: UnixMs
  readonly expiresAt: UnixMs
  /** Prices and limits: a DAG-CBOR document of the resource's own schema. */
  readonly terms: Uint8Array
}

/** Largest offer in bytes. */
export const OFFER_BYTES_MAX = 8192

/** Encodings of {@link Offer}. */
export const offerSchema: Schema<Offer> = defineSchema<Offer>('Offer', OFFER_BYTES_MAX, {
  version: [1, versionField(1)],
  node: [2, addressField],
  operator: [3, addressField],
  resource: [4, wordField(RESOURCES)],
  chainId: [5, uintField()],
  escrow: [6, addressField],
  region: [7, textField(32)],
  sequence: [8, uintField()],
  issuedAt: [9, timeField],
  expiresAt: [10, timeField],
  terms: [11, bytesField(4096)],
})

/** A document and the statement by which a node signed it; how offers and quotes travel. */
export interface SignedDocument {
  readonly document: Uint8Array
  readonly signature: Uint8Array
}

/** Encodings of {@link SignedDocument}. */
export const signedDocumentSchema: Schema<SignedDocument> = defineSchema<SignedDocument>('SignedDocument', 16_384, {
  document: [1, bytesField(OFFER_BYTES_MAX)],
  signature: [2, fixedBytesField(65)],
})

/** The slot in which a node says its offer number `sequence`. */
export function offerSlot(node: Address, sequence: number): Hash {
  return slotOf('stead/offer', [addressWord(node), uintWord(sequence)])
}

/** What an offer's node signs: the digest of its statement, 32 bytes. */
export function offerDigest(offer: Pick<Offer, 'node' | 'sequence'>, document: Uint8Array): Uint8Array {
  const slot = slotBytesOf('stead/offer', [addressWord(offer.node), uintWord(offer.sequence)])
  return statementDigestOf(slot, sha256(document))
}

/** Signs an offer. @throws RangeError when the signer is not the offer's node */
export function signOffer(signer: Signer, offer: Offer): SignedDocument {
  if (signer.address !== offer.node) throw new RangeError(`offer of ${offer.node} signed by ${signer.address}`)
  const document = offerSchema.encodeDocument(offer)
  return {
    document,
    signature: signStatement(signer, offerSlot(offer.node, offer.sequence), payloadOf(document)).signature,
  }
}

/** Decodes an offer and checks that its node signed it; expiry is the caller's question. @throws ProtocolError */
export function openOffer(secp256k1: Secp256k1, signed: SignedDocument): Offer {
  const offer = offerSchema.decodeDocument(signed.document)
  const slot = offerSlot(offer.node, offer.sequence)
  checkStatement(secp256k1, offer.node, { slot, payload: payloadOf(signed.document), signature: signed.signature })
  return offer
}
