import type { Network, Random, Signer } from '@stead/core'
import { offersReplySchema, offersTopic } from '@stead/market'
import {
  offerSchema,
  offerSlot,
  payloadOf,
  type SignedDocument,
  signedDocumentSchema,
  signStatement,
} from '@stead/protocol'

const KEPT_MAX = 256
const TOPIC = offersTopic('compute')

/** Offers that a cheat heard of and gives on changed or out of date. */
export class FalseOffers {
  readonly #random: Random
  readonly #signer: Signer
  readonly #isForging: boolean
  readonly #heard: SignedDocument[] = []

  constructor(parts: { readonly random: Random; readonly signer: Signer }, isForging: boolean) {
    this.#random = parts.random
    this.#signer = parts.signer
    this.#isForging = isForging
  }

  /** Keeps the first offers that come by: they are the oldest later. */
  listen(network: Network): void {
    network.subscribe(TOPIC, (payload) => {
      const offer = signedDocumentSchema.decodeMessage(payload)
      offerSchema.decodeDocument(offer.document)
      if (this.#heard.length < KEPT_MAX) this.#heard.push(offer)
      return 'accept'
    })
  }

  /** An answer to who asks for offers, with false ones in front of the true ones. */
  answer(answer: Uint8Array): Uint8Array {
    const { offers } = offersReplySchema.decodeMessage(answer)
    const added = Array.from({ length: 8 }, () => this.#one()).flatMap((offer) => offer ?? [])
    return offersReplySchema.encodeMessage({ offers: [...added, ...offers] })
  }

  /** One for gossip; undefined while nothing was heard. */
  message(): Uint8Array | undefined {
    const offer = this.#one()
    return offer === undefined ? undefined : signedDocumentSchema.encodeMessage(offer)
  }

  #one(): SignedDocument | undefined {
    const heard = this.#heard[Math.floor(this.#random.fraction() * this.#heard.length)]
    if (heard === undefined || !this.#isForging) return heard
    const offer = offerSchema.decodeDocument(heard.document)
    // Newer than what its node said, at a price that nobody refuses, signed by the only key that a forger has.
    const sequence = offer.sequence + 1 + Math.floor(this.#random.fraction() * 1000)
    const document = offerSchema.encodeDocument({ ...offer, sequence, operator: this.#signer.address })
    const { signature } = signStatement(this.#signer, offerSlot(offer.node, sequence), payloadOf(document))
    return { document, signature }
  }
}

/** Where offers are published. */
export const OFFERS_TOPIC: string = TOPIC
