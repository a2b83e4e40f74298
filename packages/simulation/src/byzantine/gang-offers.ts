import type { Clock, GossipHandler, PeerId, Random, Signer } from '@stead/core'
import { offersReplySchema } from '@stead/market'
import { createSigner, type Offer, offerSchema, type Secp256k1, type SignedDocument, signOffer } from '@stead/protocol'

/** What stuffing needs. */
export interface GangOffersParts {
  readonly random: Random
  readonly clock: Clock
  /** The cheat's own key. */
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  /** Those who are in it together. */
  readonly gang: ReadonlySet<PeerId>
}

/** Keys that one cheat makes up. Together with the gang's they are more than an offer book of a simulated world holds. */
const NAMES_MAX = 48
const LIFE_MS = 60 * 60_000

/**
 * What who is eclipsed learns of: offers of the gang, and of nodes that do not exist, each rightly signed by a key of its
 * own and good for as long as an offer may be. Offers of others are not passed on.
 */
export class GangOffers {
  readonly #parts: GangOffersParts
  #names: readonly Signer[] | undefined

  constructor(parts: GangOffersParts) {
    this.#parts = parts
  }

  /** In place of an answer to who asks for offers. */
  answer(answer: Uint8Array): Uint8Array {
    const { offers } = offersReplySchema.decodeMessage(answer)
    const [model] = offers
    const ours = offers.filter((offer) => this.#isOurs(offer))
    if (model === undefined) return answer
    return offersReplySchema.encodeMessage({
      offers: [...this.#madeUp(offerSchema.decodeDocument(model.document)), ...ours],
    })
  }

  /** Hears what others say, and keeps it to itself unless the gang said it. */
  muffled(handler: GossipHandler): GossipHandler {
    return (payload, from) => {
      const verdict = handler(payload, from)
      return verdict === 'accept' && !this.#parts.gang.has(from) ? 'ignore' : verdict
    }
  }

  #isOurs({ document }: SignedDocument): boolean {
    return offerSchema.decodeDocument(document).node === this.#parts.signer.address
  }

  #madeUp(model: Offer): readonly SignedDocument[] {
    const { clock, random, secp256k1 } = this.#parts
    this.#names ??= Array.from({ length: NAMES_MAX }, () => createSigner(secp256k1, random.bytes(32)))
    const issuedAt = clock.now()
    return this.#names.map((signer) => {
      const { address: node } = signer
      const times = { sequence: issuedAt, issuedAt, expiresAt: (issuedAt + LIFE_MS) as Offer['expiresAt'] }
      return signOffer(signer, { ...model, ...times, node, operator: node })
    })
  }
}
