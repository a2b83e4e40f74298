import { isSteadError, type PeerId } from '@stead/core'
import {
  addressOfPublicKey,
  equalBytes,
  type Offer,
  offerDigest,
  offerSchema,
  peerIdOfPublicKey,
  type Secp256k1,
  type SignedDocument,
  signedDocumentSchema,
} from '@stead/protocol'

/** The node that signed an offer. */
export interface OfferSigner {
  /** Uncompressed, 65 bytes. */
  readonly publicKey: Uint8Array
  readonly peer: PeerId
}

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

  /**
   * Who signed an offer; undefined when it was not the offer's node.
   * @param offer that of `signed`
   * @param known who signed another offer of that node
   */
  signerOf(offer: Offer, signed: SignedDocument, known: OfferSigner | undefined): OfferSigner | undefined {
    const publicKey = this.#secp256k1.recover(offerDigest(offer, signed.document), signed.signature)
    if (publicKey === undefined) return undefined
    // Hashing a key and spelling its peer id costs as much as all the rest, and a node renews its offer all the time.
    if (known !== undefined && equalBytes(known.publicKey, publicKey)) return known
    if (addressOfPublicKey(publicKey) !== offer.node) return undefined
    return { publicKey, peer: peerIdOfPublicKey(compressed(publicKey)) }
  }
}

/** 0x02 or 0x03 by the parity of y, then x. */
function compressed(publicKey: Uint8Array): Uint8Array {
  const short = new Uint8Array(33)
  short[0] = 2 + ((publicKey[64] ?? 0) & 1)
  short.set(publicKey.subarray(1, 33), 1)
  return short
}
