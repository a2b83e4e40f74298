import { microUsd } from '@stead/core'
import type { PayerLedger } from '../channel/payer-ledger.ts'
import { type PayerChannelStats, REJECT_REASONS } from './payer-channel.ts'

/** What happened on a channel, from its books and from what its driver counted. */
export function channelStats(
  ledger: PayerLedger,
  { accepted, rejectedByReason }: Pick<PayerChannelStats, 'accepted' | 'rejectedByReason'>,
): PayerChannelStats {
  const paid = ledger.signedMicroUsd
  const billed = ledger.billedMicroUsd
  return {
    inFlight: ledger.inFlight,
    inFlightMicroUsd: ledger.inFlightMicroUsd,
    accepted,
    acceptedMicroUsd: microUsd(billed + ledger.acceptedMicroUsd),
    unpaidMicroUsd: ledger.acceptedMicroUsd,
    rejected: REJECT_REASONS.reduce((sum, reason) => sum + rejectedByReason[reason], 0),
    rejectedByReason,
    paidMicroUsd: paid,
    receiptedMicroUsd: ledger.receiptedMicroUsd,
    prepaidMicroUsd: microUsd(paid > billed ? paid - billed : 0n),
    windowMicroUsd: ledger.windowMicroUsd,
    increments: ledger.head === undefined ? 0 : ledger.head.index + 1,
  }
}
