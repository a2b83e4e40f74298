import { hasCode, isSteadError, type Store } from '@stead/core'
import type { Admission, MarketProvider } from '@stead/market'
import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { BilledPeriod } from './agreement-rows.ts'
import type { KeptAgreement } from './kept-agreement.ts'

type Books = Pick<MarketProvider, 'admit' | 'hasDelivered' | 'wake'>

/** Puts what revisions bill on the market's books, once each. */
export class PeriodBills {
  readonly #market: Books
  readonly #store: Store

  constructor({ market, store }: { readonly market: Books; readonly store: Store }) {
    this.#market = market
    this.#store = store
  }

  /**
   * No revision follows one whose bill is not on the books: the payer asks for that again, under a delivery of another name
   * or on another channel. Otherwise whoever gives a delivery up in the right moment keeps bytes for nothing.
   * @throws StorageError STORAGE_UNPAID
   */
  async requireBooked(kept: KeptAgreement): Promise<void> {
    const { bill } = kept.row
    // Nobody owes for what is kept for nothing, and a channel on which nothing was ever paid may be forgotten.
    if (bill === undefined || bill.amountMicroUsd === 0n) return
    // After a restart the market knows, also of a channel that serves no more.
    if (kept.billing === 'unknown' && (await this.#market.hasDelivered(bill))) kept.billing = 'booked'
    try {
      if (kept.billing !== 'booked') await this.book(kept, bill, async () => undefined)
    } catch (cause) {
      if (!isSteadError(cause)) throw cause
      const { channel, amountMicroUsd } = bill
      throw new StorageError('STORAGE_UNPAID', `the last period is not on the books: ${cause.code}`, {
        details: { agreement: kept.id, channel, amountMicroUsd },
        cause,
      })
    }
  }

  /** On the books once, and never without the revision on disk: a question that came again finds its delivery there. */
  async book(kept: KeptAgreement, { channel, ...entry }: BilledPeriod, write: () => Promise<void>): Promise<void> {
    const { delivery, amountMicroUsd: maximumMicroUsd } = entry
    let admission: Admission
    try {
      await this.#market.wake({ peer: kept.peer, channel })
      admission = this.#market.admit({ peer: kept.peer, channel, delivery, maximumMicroUsd })
    } catch (error) {
      // The name of another delivery would make this one free, and so would one that the disk kept off the books.
      const known = kept.row.bill
      const isThis = known?.channel === channel && equalBytes(known.delivery, delivery) && kept.billing !== 'missing'
      if (!isThis || !hasCode(error, 'MARKET_DELIVERY_REPEATED')) throw error
      kept.billing = 'booked'
      return
    }
    try {
      await write()
      await admission.deliver(entry)
      // The payer takes the answer for paid and never asks again: a loss of power must not take what it pays for.
      await this.#store.write([], 'power')
      kept.billing = 'booked'
    } finally {
      admission.release()
    }
  }
}
