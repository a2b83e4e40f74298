import { OfferReader, type OfferSigner } from '@stead/market'
import { bytesToHex, equalBytes, type Offer, type SignedDocument } from '@stead/protocol'

/** Offers of which copies are known as such: many times those of a large world that are good at one time. */
const COPIED_MAX = 4096

/**
 * One reader for all nodes of a world. Each offer reaches every node as the very same bytes, and says the same to each
 * of them: what was read once is remembered as long as somebody holds those bytes, and the last few thousand offers for
 * copies of them. What one node's offers repeat are the same objects, which compare at once and are not kept two hundred
 * times.
 */
export class SharedOfferReader extends OfferReader {
  readonly #signed: WeakMap<Uint8Array, SignedDocument> = new WeakMap()
  readonly #offers: WeakMap<SignedDocument, Offer> = new WeakMap()
  readonly #signers: WeakMap<Offer, OfferSigner> = new WeakMap()
  /** Documents by their signatures: nodes that ask each other for offers get copies of what gossip brought. */
  readonly #bySignature: Map<string, SignedDocument> = new Map()
  readonly #names: Map<string, string> = new Map()
  /** Who signed the last offer of each node. */
  readonly #lastSigners: Map<string, OfferSigner> = new Map()

  override signedOf(payload: Uint8Array): SignedDocument {
    const known = this.#signed.get(payload)
    if (known !== undefined) return known
    const signed = super.signedOf(payload)
    this.#signed.set(payload, signed)
    return signed
  }

  override offerOf(signed: SignedDocument): Offer | undefined {
    const known = this.#offers.get(signed)
    if (known !== undefined) return known
    const first = this.#firstOf(signed)
    const offer = first === signed ? this.#read(signed) : this.offerOf(first)
    if (offer !== undefined) this.#offers.set(signed, offer)
    return offer
  }

  /** The same document as it was read first. */
  #firstOf(signed: SignedDocument): SignedDocument {
    const name = bytesToHex(signed.signature)
    const first = this.#bySignature.get(name)
    if (first !== undefined) return equalBytes(first.document, signed.document) ? first : signed
    this.#bySignature.set(name, signed)
    const [oldest] = this.#bySignature.keys()
    if (this.#bySignature.size > COPIED_MAX && oldest !== undefined) this.#bySignature.delete(oldest)
    return signed
  }

  #read(signed: SignedDocument): Offer | undefined {
    const read = super.offerOf(signed)
    if (read === undefined) return undefined
    return {
      ...read,
      node: this.#named(read.node),
      operator: this.#named(read.operator),
      escrow: this.#named(read.escrow),
    }
  }

  override signerOf(offer: Offer, signed: SignedDocument): OfferSigner | undefined {
    const known = this.#signers.get(offer)
    if (known !== undefined) return known
    const signer = super.signerOf(offer, signed, this.#lastSigners.get(offer.node))
    if (signer === undefined) return undefined
    this.#lastSigners.set(offer.node, signer)
    this.#signers.set(offer, signer)
    return signer
  }

  #named<Name extends string>(name: Name): Name {
    const known = this.#names.get(name)
    if (known !== undefined) return known as Name
    this.#names.set(name, name)
    return name
  }
}
