import type { Hash } from '@stead/core'
import type { BillEntry, Quote } from '@stead/protocol'
import type { PayerLedger } from '../channel/payer-ledger.ts'
import { MarketError } from '../errors.ts'
import type { ChannelStanding } from './channel-link.ts'

/**
 * Brings a payer's books to what their provider says of a channel, as far as it may say so.
 * @returns accepted deliveries that the provider does not know any more: they are not paid
 * @throws MarketError MARKET_RECEIPT_INVALID when it says what cannot be
 */
export function reconcileBooks(
  ledger: PayerLedger,
  {
    standing,
    acceptedBefore,
    quote,
    channel,
  }: {
    readonly standing: ChannelStanding
    /** See {@link PayerLedger.reconcile}. */
    readonly acceptedBefore: ReadonlySet<string>
    readonly quote: Quote
    readonly channel: Hash
  },
): readonly BillEntry[] {
  const { books, prepayMicroUsd } = standing
  const confused = (what: string): MarketError =>
    new MarketError('MARKET_RECEIPT_INVALID', `node ${quote.node} ${what}`, { details: { channel } })
  const outcome = ledger.reconcile(books, acceptedBefore)
  if (outcome === undefined) {
    const own = `${ledger.head?.index ?? 'none'} with ${ledger.signedMicroUsd}`
    throw confused(`is at increment ${books.lastIndex ?? 'none'} with ${books.cumulativeMicroUsd}, this node at ${own}`)
  }
  if (prepayMicroUsd > quote.credit.prepayMicroUsd)
    throw confused(`wants ${prepayMicroUsd} micro-dollars ahead, its quote says ${quote.credit.prepayMicroUsd}`)
  return outcome.dropped
}
