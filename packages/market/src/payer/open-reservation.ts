import type { MicroUsd } from '@stead/core'
import { type BillEntry, equalBytes } from '@stead/protocol'
import type { RejectReason, Reservation } from './payer-channel.ts'

/** Where a reservation ends. */
export interface ReservationEnd {
  accepted(entry: BillEntry): void
  rejected(delivery: Uint8Array, reason: RejectReason): void
  released(delivery: Uint8Array): void
}

/** A reservation on a channel's books. */
export class OpenReservation implements Reservation {
  readonly delivery: Uint8Array
  readonly maximumMicroUsd: MicroUsd
  readonly #end: ReservationEnd
  #isOpen = true

  constructor(delivery: Uint8Array, maximumMicroUsd: MicroUsd, end: ReservationEnd) {
    this.delivery = delivery
    this.maximumMicroUsd = maximumMicroUsd
    this.#end = end
  }

  accept(entry: BillEntry): void {
    if (!this.#isOpen) return
    if (!equalBytes(entry.delivery, this.delivery)) throw new RangeError('the entry is of another delivery')
    this.#end.accepted(entry)
    this.#isOpen = false
  }

  reject(reason: RejectReason): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#end.rejected(this.delivery, reason)
  }

  release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#end.released(this.delivery)
  }
}
