import type { Address, PeerId, Signer } from '@stead/core'
import type { Offer, Resource, SignedDocument } from '@stead/protocol'

/** A verified offer and how to reach who made it. */
export interface OfferEntry {
  readonly offer: Offer
  readonly peer: PeerId
  readonly signed: SignedDocument
}

/** What a node offers; the book signs it again before it expires, with the terms of that moment. */
export interface OfferSource {
  readonly resource: Resource
  /** The node key. */
  readonly signer: Signer
  /** Who is paid. */
  readonly operator: Address
  /** Coarse place, a hint only (`eu-west`), at most 32 bytes; `-` for none. */
  readonly region: string
  /** DAG-CBOR of the resource's own schema; undefined while nothing is for sale (paused, finishing). */
  terms(): Uint8Array | undefined
}
