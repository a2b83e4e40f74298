import type { PayerChannel, Reservation } from '@stead/market'
import { remoteCodeOf } from './remote-code.ts'

/** Gives up a delivery that failed, and asks what its node waits for where that says that its credit is exhausted. */
export function rejectUnheard(channel: PayerChannel, reservation: Reservation, error: unknown): void {
  reservation.reject('not-received')
  if (remoteCodeOf(error) === 'MARKET_CREDIT_EXHAUSTED') channel.checkBooks()
}
