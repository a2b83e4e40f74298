import type { Address, Hash, MicroUsd, Signer, UnixMs } from '@stead/core'
import { addressWord, hashWord } from './eip712.ts'
import { OFFER_BYTES_MAX, RESOURCES, type Resource, type SignedDocument } from './offer.ts'
import {
  addressField,
  bytesField,
  flagField,
  hashField,
  microUsdField,
  optionalField,
  timeField,
  uintField,
  versionField,
  wordField,
} from './schema/field.ts'
import { defineSchema, type Schema } from './schema/schema.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'
import { checkStatement, payloadOf, signStatement, slotOf } from './statement.ts'

/** How much a provider delivers ahead of payment; the provider's risk with one payer. */
export interface CreditTerms {
  /** Paid ahead by a payer that the provider does not know; at most the least price of one unit of work. */
  readonly prepayMicroUsd: MicroUsd
  /** First window after the first payment. */
  readonly startMicroUsd: MicroUsd
  /** The window grows by 4/3 with each window that was paid, up to this. */
  readonly capMicroUsd: MicroUsd
}

/** A provider's signed answer to one request: this price, until then. */
export interface Quote {
  readonly version: 1
  /** Chosen by the provider; unique per node. */
  readonly id: Hash
  readonly node: Address
  readonly operator: Address
  readonly payer: Address
  readonly resource: Resource
  readonly chainId: number
  readonly escrow: Address
  /** Prices and limits now locked: a DAG-CBOR document of the resource's own schema. */
  readonly terms: Uint8Array
  readonly credit: CreditTerms
  /** Units of work that the provider takes from this payer at once. */
  readonly concurrency: number
  /** What was asked about is there already, and nothing has to be fetched first. Promises nothing, and is no part of the terms. */
  readonly isWarm?: boolean
  readonly issuedAt: UnixMs
  readonly expiresAt: UnixMs
}

const creditSchema: Schema<CreditTerms> = defineSchema<CreditTerms>('CreditTerms', 64, {
  prepayMicroUsd: [1, microUsdField],
  startMicroUsd: [2, microUsdField],
  capMicroUsd: [3, microUsdField],
})

/** Encodings of {@link Quote}. */
export const quoteSchema: Schema<Quote> = defineSchema<Quote>('Quote', OFFER_BYTES_MAX, {
  version: [1, versionField(1)],
  id: [2, hashField],
  node: [3, addressField],
  operator: [4, addressField],
  payer: [5, addressField],
  resource: [6, wordField(RESOURCES)],
  chainId: [7, uintField()],
  escrow: [8, addressField],
  terms: [9, bytesField(4096)],
  credit: [10, creditSchema.asField()],
  concurrency: [11, uintField(65_535)],
  issuedAt: [12, timeField],
  expiresAt: [13, timeField],
  isWarm: [14, optionalField(flagField)],
})

/** The slot in which a node says its quote `id`. */
export function quoteSlot(node: Address, id: Hash): Hash {
  return slotOf('stead/quote', [addressWord(node), hashWord(id)])
}

/** Signs a quote. @throws RangeError when the signer is not the quote's node */
export function signQuote(signer: Signer, quote: Quote): SignedDocument {
  if (signer.address !== quote.node) throw new RangeError(`quote of ${quote.node} signed by ${signer.address}`)
  const document = quoteSchema.encodeDocument(quote)
  return { document, signature: signStatement(signer, quoteSlot(quote.node, quote.id), payloadOf(document)).signature }
}

/** Decodes a quote and checks that its node signed it; expiry is the caller's question. @throws ProtocolError */
export function openQuote(secp256k1: Secp256k1, signed: SignedDocument): Quote {
  const quote = quoteSchema.decodeDocument(signed.document)
  const slot = quoteSlot(quote.node, quote.id)
  checkStatement(secp256k1, quote.node, { slot, payload: payloadOf(signed.document), signature: signed.signature })
  return quote
}
