import { isSteadError } from '@stead/core'
import {
  type Offer,
  offerDigest,
  offerSchema,
  type Secp256k1,
  type SignedDocument,
  signedDocumentSchema,
} from '@stead/protocol'

/**
 * From the bytes of an offer to whose it is. What it gives depends on its arguments alone, and callers never write to
 * it: where many nodes share a process, and with it the bytes of a message, one reader that remembers may serve them all.
 */
export class OfferReader {
  readonly #secp256k1: Secp256k1

  constructor(secp256k1: Secp256k1) {
    this.#secp256k1 = secp256k1
  }

  /** What a gossip message carries. @throws ProtocolError PROTOCOL_MALFORMED, PROTOCOL_TOO_LARGE */
  signedOf(payload: Uint8Array): SignedDocument {
    return signedDocumentSchema.decodeMessage(payload)
  }

  /** The offer in a document; undefined when there is none. */
  offerOf(signed: SignedDocument): Offer | undefined {
    try {
      return offerSchema.decodeDocument(signed.document)
    } catch (error) {
      if (isSteadError(error)) return undefined
      throw error
    }
  }

  /** The key that signed an offer, 65 bytes; undefined when the signature is none. @param offer that of `signed` */
  publicKeyOf(offer: Offer, signed: SignedDocument): Uint8Array | undefined {
    return this.#secp256k1.recover(offerDigest(offer, signed.document), signed.signature)
  }
}
