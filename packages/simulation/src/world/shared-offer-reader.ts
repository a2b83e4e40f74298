import { OfferReader } from '@stead/market'
import type { Offer, SignedDocument } from '@stead/protocol'

/**
 * One reader for all nodes of a world. Each offer reaches every node as the very same bytes, and says the same to each
 * of them: what was read once is remembered as long as somebody holds those bytes.
 */
export class SharedOfferReader extends OfferReader {
  readonly #signed: WeakMap<Uint8Array, SignedDocument> = new WeakMap()
  readonly #offers: WeakMap<SignedDocument, Offer> = new WeakMap()
  readonly #publicKeys: WeakMap<Offer, Uint8Array> = new WeakMap()

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
    const offer = super.offerOf(signed)
    if (offer !== undefined) this.#offers.set(signed, offer)
    return offer
  }

  override publicKeyOf(offer: Offer, signed: SignedDocument): Uint8Array | undefined {
    const known = this.#publicKeys.get(offer)
    if (known !== undefined) return known
    const publicKey = super.publicKeyOf(offer, signed)
    if (publicKey !== undefined) this.#publicKeys.set(offer, publicKey)
    return publicKey
  }
}
