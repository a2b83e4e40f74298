import { type ContentId, hasCode, isSteadError, type MicroUsd, microUsd, type Size } from '@stead/core'
import {
  type BillEntry,
  bytesToHex,
  type CreditTerms,
  checkIncrementFollows,
  equalBytes,
  INCREMENT_ENTRIES_MAX,
  type Increment,
  type IncrementBefore,
} from '@stead/protocol'
import { MarketError } from '../errors.ts'
import { positive } from './amounts.ts'
import { type CreditAccount, type CreditState, creditAfterPayment, creditAfterWriteOff } from './credit-window.ts'
import type { DeliverySet } from './delivery-set.ts'

/** What bounds one channel on the provider's side. */
export interface ProviderLedgerLimits {
  readonly allocationMicroUsd: MicroUsd
  readonly outstandingMax: number
  readonly deliveriesMax: number
}

/** What a channel begins with, or what its journal says. */
export interface ProviderLedgerStart {
  readonly head: IncrementBefore | undefined
  readonly outstanding: readonly BillEntry[]
  readonly seen: DeliverySet
  readonly account: CreditAccount
}

/** A checked payment; nothing has changed yet. */
export interface PaymentPlan {
  readonly increment: Increment
  readonly head: IncrementBefore
  /** Keys of the entries that it pays for, in their order. */
  readonly keys: readonly string[]
  /** Entries' ids, 16 bytes each. */
  readonly deliveries: Uint8Array
  readonly paidMicroUsd: MicroUsd
  /** The payer's credit after it. */
  readonly credit: CreditState
}

/** What became of rejected deliveries. */
export interface RejectionPlan {
  readonly writtenOff: readonly BillEntry[]
  readonly writtenOffMicroUsd: MicroUsd
  readonly credit: CreditState
}

/** Rejections of deliveries that were not asked for (yet) are remembered up to this many. */
const REFUSED_AHEAD_MAX = 1_024

/** The spelling of a delivery id in maps and keys: 32 hexadecimal digits. */
export function deliveryKey(delivery: Uint8Array): string {
  return bytesToHex(delivery).slice(2)
}

/**
 * The provider's book of one channel: what was asked for, delivered, billed and paid. Pure: it never waits and writes
 * nothing; payments and rejections are planned first and applied once they are journaled.
 */
export class ProviderLedger {
  readonly #limits: ProviderLedgerLimits
  readonly #account: CreditAccount
  readonly #seen: DeliverySet
  readonly #admitted: Map<string, { maximum: bigint; isRefused: boolean }> = new Map()
  readonly #outstanding: Map<string, BillEntry> = new Map()
  readonly #refusedAhead: Set<string> = new Set()
  #head: IncrementBefore | undefined
  #outstandingSum = 0n
  #reservedSum = 0n
  #exposure = 0n
  #isDetached = false
  #writtenOff = 0

  constructor(start: ProviderLedgerStart, limits: ProviderLedgerLimits) {
    this.#limits = limits
    this.#account = start.account
    this.#seen = start.seen
    this.#head = start.head
    for (const entry of start.outstanding) {
      this.#outstanding.set(deliveryKey(entry.delivery), entry)
      this.#outstandingSum += entry.amountMicroUsd
    }
    this.#expose()
  }

  get head(): IncrementBefore | undefined {
    return this.#head
  }

  get billedMicroUsd(): MicroUsd {
    return this.#head?.deliveredMicroUsd ?? microUsd(0n)
  }

  get paidMicroUsd(): MicroUsd {
    return this.#head?.cumulativeMicroUsd ?? microUsd(0n)
  }

  get outstandingMicroUsd(): MicroUsd {
    return microUsd(this.#outstandingSum)
  }

  /** Nothing that was delivered waits for payment. */
  get isPaid(): boolean {
    return this.#outstanding.size === 0
  }

  /** Asked for and neither delivered nor released. */
  get inFlight(): number {
    return this.#admitted.size
  }

  /** What this book holds, with the most that it may. */
  sizes(): readonly Size[] {
    const { outstandingMax, deliveriesMax } = this.#limits
    return [
      {
        what: 'deliveries of a channel that wait for payment',
        have: this.#admitted.size + this.#outstanding.size,
        max: outstandingMax,
      },
      { what: 'deliveries of a channel that are remembered', have: this.#seen.size, max: deliveriesMax },
      { what: 'rejections of a channel before the delivery', have: this.#refusedAhead.size, max: REFUSED_AHEAD_MAX },
    ]
  }

  /** Delivered so far, paid or not. */
  get deliveries(): number {
    return this.#seen.size - this.#writtenOff
  }

  /** What waits for payment, in the order of delivery. */
  outstanding(): readonly BillEntry[] {
    return Array.from(this.#outstanding.values())
  }

  /** This channel's part of the account's exposure goes away with it, for good: what ends on it later counts for nothing. */
  detach(): void {
    this.#isDetached = true
    this.#account.exposureMicroUsd -= this.#exposure
    this.#exposure = 0n
  }

  /**
   * Reserves room for a delivery.
   * @throws MarketError MARKET_DELIVERY_REPEATED, MARKET_ALLOCATION_EXHAUSTED, MARKET_CREDIT_EXHAUSTED, MARKET_BUSY
   */
  admit(delivery: Uint8Array, maximumMicroUsd: MicroUsd): string {
    const key = deliveryKey(delivery)
    if (this.#refusedAhead.has(key) || this.#admitted.get(key)?.isRefused === true) {
      throw new MarketError('MARKET_DELIVERY_REJECTED', `the payer gave delivery ${key} up`)
    }
    if (this.#admitted.has(key) || this.#outstanding.has(key) || this.#seen.has(delivery)) {
      throw new MarketError('MARKET_DELIVERY_REPEATED', `delivery ${key} was asked for before`)
    }
    this.#requireCount()
    const committed = this.#committed() + maximumMicroUsd
    if (committed > this.#limits.allocationMicroUsd) {
      const have = this.#limits.allocationMicroUsd - this.#committed()
      throw new MarketError(
        'MARKET_ALLOCATION_EXHAUSTED',
        `the delivery may cost ${maximumMicroUsd} micro-dollars, the channel has ${have} left`,
        { details: { needMicroUsd: maximumMicroUsd, haveMicroUsd: have } },
      )
    }
    const exposure = positive(committed - this.paidMicroUsd)
    const total = this.#account.exposureMicroUsd - this.#exposure + exposure
    if (exposure > this.#exposure && total > this.#account.credit.windowMicroUsd) throw this.#noCredit(maximumMicroUsd)
    this.#admitted.set(key, { maximum: maximumMicroUsd, isRefused: false })
    this.#reservedSum += maximumMicroUsd
    this.#expose()
    return key
  }

  /** Whether a delivery is on the books, paid or not. */
  hasDelivered(delivery: Uint8Array): boolean {
    return this.#outstanding.has(deliveryKey(delivery)) || this.#seen.has(delivery)
  }

  /** What of the allocation is neither billed, delivered nor reserved. */
  get leftMicroUsd(): MicroUsd {
    return microUsd(positive(this.#limits.allocationMicroUsd - this.#committed()))
  }

  /** Gives the room back; nothing was delivered. */
  release(key: string): void {
    const admitted = this.#admitted.get(key)
    if (admitted === undefined) return
    this.#admitted.delete(key)
    this.#reservedSum -= admitted.maximum
    if (admitted.isRefused) this.#refuseAhead(key)
    this.#expose()
  }

  /**
   * Puts a delivery on the books.
   * @throws MarketError MARKET_DELIVERY_REJECTED, MARKET_OVER_MAXIMUM; the room is given back
   */
  deliver(key: string, entry: BillEntry): void {
    const admitted = this.#admitted.get(key)
    this.release(key)
    if (admitted === undefined || admitted.isRefused) {
      throw new MarketError('MARKET_DELIVERY_REJECTED', `the payer gave delivery ${key} up before it was made`)
    }
    if (entry.amountMicroUsd > admitted.maximum || deliveryKey(entry.delivery) !== key) {
      throw new MarketError(
        'MARKET_OVER_MAXIMUM',
        `delivery ${key} costs ${entry.amountMicroUsd} micro-dollars, ${admitted.maximum} were reserved`,
        { details: { needMicroUsd: entry.amountMicroUsd, haveMicroUsd: admitted.maximum } },
      )
    }
    this.#outstanding.set(key, entry)
    this.#outstandingSum += entry.amountMicroUsd
    this.#seen.add(entry.delivery)
    this.#expose()
  }

  /** Takes a delivery off the books again whose journaling failed; its result never left. */
  undeliver(key: string): void {
    const entry = this.#outstanding.get(key)
    if (entry === undefined) return
    this.#outstanding.delete(key)
    this.#outstandingSum -= entry.amountMicroUsd
    this.#writtenOff += 1
    this.#expose()
  }

  /**
   * Checks a payment against the books.
   * @throws MarketError MARKET_INCREMENT_CONFLICT, MARKET_ENTRY_UNKNOWN, MARKET_ENTRY_MISMATCH, MARKET_UNDERPAID,
   *   MARKET_ALLOCATION_EXHAUSTED
   */
  planPayment(increment: Increment, id: ContentId, terms: CreditTerms): PaymentPlan {
    this.#requireFollows(increment)
    const paid = increment.cumulativeMicroUsd - this.paidMicroUsd
    if (increment.cumulativeMicroUsd < increment.deliveredMicroUsd) {
      throw new MarketError(
        'MARKET_UNDERPAID',
        `${increment.deliveredMicroUsd} micro-dollars were delivered, the voucher says ${increment.cumulativeMicroUsd}`,
        { details: { needMicroUsd: increment.deliveredMicroUsd, haveMicroUsd: increment.cumulativeMicroUsd } },
      )
    }
    if (increment.cumulativeMicroUsd > this.#limits.allocationMicroUsd) {
      throw new MarketError(
        'MARKET_ALLOCATION_EXHAUSTED',
        `the voucher says ${increment.cumulativeMicroUsd} micro-dollars, the channel has ${this.#limits.allocationMicroUsd}`,
        {
          details: { needMicroUsd: increment.cumulativeMicroUsd, haveMicroUsd: this.#limits.allocationMicroUsd },
        },
      )
    }
    if (increment.entries.length === 0 && paid === 0n) {
      throw new MarketError('MARKET_INCREMENT_CONFLICT', `increment ${increment.index} says nothing`)
    }
    const deliveries = new Uint8Array(increment.entries.length * 16)
    const keys = increment.entries.map((entry, position) => {
      deliveries.set(entry.delivery, position * 16)
      return this.#requireDelivered(entry)
    })
    if (new Set(keys).size !== keys.length) {
      throw new MarketError('MARKET_ENTRY_UNKNOWN', `increment ${increment.index} has a delivery twice`)
    }
    const { index, deliveredMicroUsd, cumulativeMicroUsd } = increment
    const credit = creditAfterPayment(this.#account.credit, terms, paid)
    const head = { id, index, deliveredMicroUsd, cumulativeMicroUsd }
    return { increment, head, keys, deliveries, paidMicroUsd: microUsd(paid), credit }
  }

  /** Books a planned payment; no payment or rejection may have been applied in between. */
  applyPayment(plan: PaymentPlan): void {
    for (const key of plan.keys) {
      this.#outstandingSum -= this.#outstanding.get(key)?.amountMicroUsd ?? 0n
      this.#outstanding.delete(key)
    }
    this.#head = plan.head
    this.#expose()
  }

  /** What rejecting these deliveries would write off. */
  planRejection(deliveries: readonly Uint8Array[], terms: CreditTerms): RejectionPlan {
    const found = new Map<string, BillEntry>()
    for (const delivery of deliveries) {
      const entry = this.#outstanding.get(deliveryKey(delivery))
      if (entry !== undefined) found.set(deliveryKey(delivery), entry)
    }
    const writtenOff = Array.from(found.values())
    const sum = writtenOff.reduce((total, entry) => total + entry.amountMicroUsd, 0n)
    const credit =
      writtenOff.length === 0 ? this.#account.credit : creditAfterWriteOff(this.#account.credit, terms, sum)
    return { writtenOff, writtenOffMicroUsd: microUsd(sum), credit }
  }

  /**
   * Makes sure that what is in flight, or not asked for yet, will not be billed. At once, in front of the journaling
   * of the rest: a delivery that slipped through meanwhile would stay on the books for ever.
   */
  refuse(deliveries: readonly Uint8Array[]): void {
    for (const delivery of deliveries) {
      const key = deliveryKey(delivery)
      const admitted = this.#admitted.get(key)
      if (admitted !== undefined) {
        // It will never be billed, so it needs no room; the payer counts on that.
        this.#reservedSum -= admitted.maximum
        admitted.maximum = 0n
        admitted.isRefused = true
      } else if (!this.#seen.has(delivery)) {
        this.#refuseAhead(key)
      }
    }
    this.#expose()
  }

  /** Books planned write-offs. */
  applyRejection(plan: RejectionPlan): void {
    for (const entry of plan.writtenOff) {
      if (!this.#outstanding.delete(deliveryKey(entry.delivery))) continue
      this.#outstandingSum -= entry.amountMicroUsd
      this.#writtenOff += 1
    }
    this.#expose()
  }

  #committed(): bigint {
    return this.billedMicroUsd + this.#outstandingSum + this.#reservedSum
  }

  #expose(): void {
    if (this.#isDetached) return
    const exposure = positive(this.#committed() - this.paidMicroUsd)
    this.#account.exposureMicroUsd += exposure - this.#exposure
    this.#exposure = exposure
  }

  #refuseAhead(key: string): void {
    if (this.#refusedAhead.size >= REFUSED_AHEAD_MAX) {
      for (const oldest of this.#refusedAhead) {
        this.#refusedAhead.delete(oldest)
        break
      }
    }
    this.#refusedAhead.add(key)
  }

  #requireCount(): void {
    const open = this.#admitted.size + this.#outstanding.size
    if (open >= this.#limits.outstandingMax) {
      throw new MarketError('MARKET_BUSY', `${open} deliveries of this channel wait for payment`, {
        details: { have: open, limit: this.#limits.outstandingMax },
      })
    }
    if (this.#seen.size + this.#admitted.size >= this.#limits.deliveriesMax) {
      throw new MarketError(
        'MARKET_ALLOCATION_EXHAUSTED',
        `the channel has made ${this.#seen.size} deliveries, its most`,
        {
          details: { have: this.#seen.size, limit: this.#limits.deliveriesMax },
        },
      )
    }
  }

  #noCredit(maximumMicroUsd: MicroUsd): MarketError {
    const prepaid = positive(this.paidMicroUsd - this.#committed())
    const have = prepaid + positive(this.#account.credit.windowMicroUsd - this.#account.exposureMicroUsd)
    return new MarketError(
      'MARKET_CREDIT_EXHAUSTED',
      `the delivery may cost ${maximumMicroUsd} micro-dollars, the credit window has ${have} left`,
      { details: { needMicroUsd: maximumMicroUsd, haveMicroUsd: have } },
    )
  }

  #requireFollows(increment: Increment): void {
    try {
      checkIncrementFollows(increment, this.#head)
    } catch (cause) {
      if (!isSteadError(cause) || !hasCode(cause, 'PROTOCOL_CONTENT')) throw cause
      throw new MarketError('MARKET_INCREMENT_CONFLICT', cause.message, { details: cause.details, cause })
    }
  }

  #requireDelivered(entry: BillEntry): string {
    const key = deliveryKey(entry.delivery)
    const known = this.#outstanding.get(key)
    if (known === undefined) {
      throw new MarketError(
        'MARKET_ENTRY_UNKNOWN',
        `delivery ${key} was not made, was rejected, or was billed before`,
        {
          details: { delivery: key },
        },
      )
    }
    const isSame =
      known.item === entry.item &&
      known.evidence === entry.evidence &&
      known.quantity === entry.quantity &&
      known.amountMicroUsd === entry.amountMicroUsd &&
      equalBytes(known.delivery, entry.delivery)
    if (!isSame) {
      throw new MarketError(
        'MARKET_ENTRY_MISMATCH',
        `delivery ${key} was billed with ${known.amountMicroUsd} micro-dollars, the increment says ${entry.amountMicroUsd}`,
        {
          details: { delivery: key, needMicroUsd: known.amountMicroUsd, haveMicroUsd: entry.amountMicroUsd },
        },
      )
    }
    return key
  }
}

/** Most deliveries in one rejection message: as many as an increment has entries. */
export const REJECTIONS_MAX: number = INCREMENT_ENTRIES_MAX
