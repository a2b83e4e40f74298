import { type Address, type ChainIdentity, type Clock, isSteadError, type PeerId } from '@stead/core'
import {
  addressOfPublicKey,
  equalBytes,
  type Offer,
  offerSchema,
  offerSlot,
  payloadOf,
  peerIdOfPublicKey,
  type Resource,
  type Secp256k1,
  type SignedDocument,
  statementDigest,
} from '@stead/protocol'
import type { OfferEntry } from './offer-entry.ts'

/** What becomes of an offer: `new` and `gone` are worth passing on, `bad` is its sender's fault. */
export type OfferVerdict = 'new' | 'gone' | 'known' | 'foreign' | 'bad'

/** What the cache stands on. */
export interface OfferCacheComponents {
  readonly secp256k1: Secp256k1
  readonly clock: Clock
  readonly identity: ChainIdentity
  /** The own node, whose offers are not kept. */
  readonly self: PeerId
}

/** How far another node's clock may be ahead. */
const SKEW_MS = 2 * 60_000
/** Longest life that an offer may claim. */
const LIFE_MAX_MS = 60 * 60_000

/** Who signed an offer. */
interface OfferSigner {
  readonly publicKey: Uint8Array
  readonly peer: PeerId
}

type KeptOffer = OfferEntry & OfferSigner

/** Verified offers of others: the newest of each node, bounded per resource. */
export class OfferCache {
  readonly #components: OfferCacheComponents
  readonly #entriesMax: number
  /** In the order of their last renewal, so that the first is the one that was heard of longest ago. */
  readonly #entries: Map<Resource, Map<Address, KeptOffer>> = new Map()

  constructor(components: OfferCacheComponents, entriesMax: number) {
    this.#components = components
    this.#entriesMax = entriesMax
  }

  /** Offers that are good now. */
  list(resource: Resource): readonly OfferEntry[] {
    const entries = this.#entries.get(resource)
    if (entries === undefined) return []
    const now = this.#components.clock.now()
    for (const [node, { offer }] of entries) if (offer.expiresAt <= now) entries.delete(node)
    return Array.from(entries.values())
  }

  /** Checks an offer and keeps it when it is newer than what is known. `author` is who must have made it, if known. */
  take(signed: SignedDocument, author: PeerId | undefined): OfferVerdict {
    const offer = decode(signed)
    if (offer === undefined) return 'bad'
    const { identity, clock, self } = this.#components
    if (offer.chainId !== identity.chainId || offer.escrow !== identity.escrow) return 'foreign'
    const now = clock.now()
    const isAbsurd = offer.issuedAt > now + SKEW_MS || offer.expiresAt - offer.issuedAt > LIFE_MAX_MS
    if (isAbsurd) return 'bad'
    const known = this.#entries.get(offer.resource)?.get(offer.node)
    // Before the signature is looked at, because most of what gossip brings was seen before.
    if (known !== undefined && known.offer.sequence >= offer.sequence) return 'known'
    const isOver = offer.expiresAt <= now
    if (isOver && known === undefined) return 'known'
    const signer = this.#signerOf(offer, signed, known)
    if (signer === undefined || (author !== undefined && author !== signer.peer)) return 'bad'
    if (signer.peer === self) return 'known'
    if (isOver) {
      this.#entries.get(offer.resource)?.delete(offer.node)
      return 'gone'
    }
    this.#keep({ offer, signed, ...signer })
    return 'new'
  }

  #keep(entry: KeptOffer): void {
    const { resource, node } = entry.offer
    let entries = this.#entries.get(resource)
    if (entries === undefined) {
      entries = new Map()
      this.#entries.set(resource, entries)
    }
    entries.delete(node)
    if (entries.size >= this.#entriesMax) {
      for (const oldest of entries.keys()) {
        entries.delete(oldest)
        break
      }
    }
    entries.set(node, entry)
  }

  /** Whose key signed; undefined when it is not the offer's node. `known` is who did last time, most often the same. */
  #signerOf(offer: Offer, signed: SignedDocument, known: OfferSigner | undefined): OfferSigner | undefined {
    const digest = statementDigest(offerSlot(offer.node, offer.sequence), payloadOf(signed.document))
    const publicKey = this.#components.secp256k1.recover(digest, signed.signature)
    if (publicKey === undefined) return undefined
    // Hashing a key and spelling its peer id costs as much as all the rest, and a node renews its offer all the time.
    if (known !== undefined && equalBytes(known.publicKey, publicKey)) return { publicKey, peer: known.peer }
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

function decode(signed: SignedDocument): Offer | undefined {
  try {
    return offerSchema.decodeDocument(signed.document)
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}
