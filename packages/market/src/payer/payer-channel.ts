import type { Address, Hash, MicroUsd, PeerId, SteadError } from '@stead/core'
import type { BillEntry, ChannelTerms, Quote } from '@stead/protocol'

/** Why a payer does not pay for a delivery. */
export type RejectReason = 'wrong-result' | 'over-billed' | 'malformed' | 'late' | 'not-received'

/** All reasons, in the order in which they are shown. */
export const REJECT_REASONS: readonly RejectReason[] = [
  'wrong-result',
  'over-billed',
  'malformed',
  'late',
  'not-received',
]

/**
 * How a channel stands, as its payer sees it: `opening` until the provider has answered after a (re)start, `expired`
 * while its quote is over, `exhausted` when the allocation is used up, `lost` when the provider does not answer or the
 * books disagree (`lostReason` says which).
 */
export type PayerChannelState = 'opening' | 'open' | 'expired' | 'exhausted' | 'lost' | 'thawing'

/** Why a channel is lost: closed list. */
export type LostReason = 'unreachable' | 'refused' | 'books-disagree' | 'receipt-invalid'

/** What happened on a channel so far. */
export interface PayerChannelStats {
  /** Reserved and neither accepted, rejected nor released yet. */
  readonly inFlight: number
  readonly inFlightMicroUsd: MicroUsd
  /** Accepted deliveries since this process began. */
  readonly accepted: number
  /** Of all accepted deliveries, paid or not, over the channel's whole life. */
  readonly acceptedMicroUsd: MicroUsd
  /** Accepted and not on an increment yet. */
  readonly unpaidMicroUsd: MicroUsd
  readonly rejected: number
  readonly rejectedByReason: Readonly<Record<RejectReason, number>>
  /** The last voucher: what the provider can take. */
  readonly paidMicroUsd: MicroUsd
  /** Paid and receipted by the provider. */
  readonly receiptedMicroUsd: MicroUsd
  /** Paid ahead and not yet consumed. */
  readonly prepaidMicroUsd: MicroUsd
  readonly windowMicroUsd: MicroUsd
  readonly increments: number
}

/** One provider's share of a purse, from the payer's side. */
export interface PayerChannel {
  readonly id: Hash
  readonly terms: ChannelTerms
  readonly peer: PeerId
  /** The quote that prices new deliveries; a renewal replaces it. */
  readonly quote: Quote
  readonly state: PayerChannelState
  readonly lostReason: LostReason | undefined
  /** What may still be put in flight now: min(window, allocation) minus in flight, unverified and unpaid. Cheap. */
  roomMicroUsd(): MicroUsd
  /** The largest delivery that could ever fit: with nothing in flight and everything paid. */
  largestMicroUsd(): MicroUsd
  /** Calls back each time when room appeared or the state changed, until the returned function is called. */
  onRoom(callback: () => void): () => void
  /**
   * Joins the line of those who wait for this node's credit, until the returned function is called: of what becomes free the
   * first in the line has up to its wish, and nobody else reserves that. Wait with {@link onRoom}.
   */
  awaitRoom(wishMicroUsd: MicroUsd): () => void
  /** Reserves for one delivery; undefined when there is no room. */
  reserve(maximumMicroUsd: MicroUsd): Reservation | undefined
  /**
   * The provider refused a delivery because its credit is exhausted (`MARKET_CREDIT_EXHAUSTED`), though there was room by
   * the books of this side: asks it what it waits for, and tells it which of that never arrived. It may have finished work
   * for a process of this payer that is gone. Does nothing soon after the last time.
   */
  checkBooks(): void
  stats(): PayerChannelStats
}

/** Room that is kept for one delivery; exactly one of the three methods ends it, later calls do nothing. */
export interface Reservation {
  /** The 16 bytes to ask the provider with, fresh and random. */
  readonly delivery: Uint8Array
  readonly maximumMicroUsd: MicroUsd
  /**
   * The delivery was verified: it goes on the next increment. Journaled at once (`process`), in front of any later
   * write to the same store.
   * @throws RangeError when the entry is not of this delivery or above the maximum
   */
  accept(entry: BillEntry): void
  /** The delivery is not paid; the provider is told with the next message. */
  reject(reason: RejectReason): void
  /** Nothing was asked for: the request never left. Use `reject('not-received')` when it may have. */
  release(): void
}

/** A channel that could not be opened. */
export interface RefusedOpening {
  readonly node: Address
  readonly error: SteadError
}
