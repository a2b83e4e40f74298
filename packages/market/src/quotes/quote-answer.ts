import type { PeerId, SteadError } from '@stead/core'
import type { Quote, SignedDocument } from '@stead/protocol'
import type { OfferEntry } from '../offers/offer-entry.ts'
import type { Refusal } from './refusal.ts'

/** A quote that was checked: signed by its node, for this payer and chain. */
export interface OpenedQuote {
  readonly quote: Quote
  readonly signed: SignedDocument
  readonly peer: PeerId
  /** What was asked, so that the quote can be renewed. */
  readonly need: Uint8Array
}

/** What one provider said: a quote, a refusal with its reason, or nothing usable. */
export type QuoteAnswer =
  | { readonly kind: 'quote'; readonly provider: OfferEntry; readonly opened: OpenedQuote }
  | { readonly kind: 'refusal'; readonly provider: OfferEntry; readonly refusal: Refusal }
  | { readonly kind: 'failure'; readonly provider: OfferEntry; readonly error: SteadError }
