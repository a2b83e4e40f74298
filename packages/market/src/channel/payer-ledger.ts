import { type ContentId, type Hash, type MicroUsd, microUsd } from '@stead/core'
import type { BillEntry, Increment, IncrementBefore } from '@stead/protocol'
import type { RejectReason } from '../payer/payer-channel.ts'
import { greater, lesser, positive } from './amounts.ts'
import type { CreditLine, PayerAccount } from './credit-line.ts'
import { deliveryKey } from './provider-ledger.ts'

/** An increment that was signed and has no receipt yet. */
export interface SentIncrement {
  readonly increment: Increment
  readonly bytes: Uint8Array
  readonly voucherSignature: Uint8Array
}

/** What a channel begins with, or what its journal says. */
export interface PayerLedgerStart {
  readonly channel: Hash
  readonly allocationMicroUsd: MicroUsd
  /** The last signed increment, receipted or not. */
  readonly head: IncrementBefore | undefined
  /** What the last receipted voucher says. */
  readonly receiptedMicroUsd: MicroUsd
  readonly sent: SentIncrement | undefined
  /** Accepted and on no increment, in the order of acceptance. */
  readonly accepted: readonly BillEntry[]
  readonly account: PayerAccount
}

/** A rejection that the provider must still be told. */
export interface Rejection {
  readonly delivery: Uint8Array
  readonly reason: RejectReason
}

/** The provider's side of a channel, as it says. */
export interface ProviderBooks {
  /** Index of the last receipted increment; undefined before the first. */
  readonly lastIndex: number | undefined
  readonly cumulativeMicroUsd: MicroUsd
  readonly deliveredMicroUsd: MicroUsd
  /** Delivered and waiting for payment. */
  readonly outstanding: readonly Uint8Array[]
}

interface Flight {
  readonly delivery: Uint8Array
  readonly maximum: bigint
}

interface Refused extends Flight {
  readonly reason: RejectReason
}

const ZERO: MicroUsd = microUsd(0n)

/**
 * The payer's book of one channel: what is in flight, accepted, signed and receipted. Pure: it never waits and writes
 * nothing. Its exposure is computed as the provider computes it, from what the provider is known to have been told.
 */
export class PayerLedger {
  readonly #channel: Hash
  readonly #allocation: bigint
  readonly #account: PayerAccount
  readonly #inFlight: Map<string, Flight> = new Map()
  readonly #refused: Map<string, Refused> = new Map()
  readonly #accepted: Map<string, BillEntry> = new Map()
  #head: IncrementBefore | undefined
  #sent: SentIncrement | undefined
  #receipted: MicroUsd
  #acceptedSum = 0n
  /** In flight, and rejected without the provider knowing. */
  #openSum = 0n
  #inFlightSum = 0n
  #exposure = 0n
  #isDetached = false

  constructor(start: PayerLedgerStart) {
    this.#channel = start.channel
    this.#allocation = start.allocationMicroUsd
    this.#account = start.account
    this.#head = start.head
    this.#sent = start.sent
    this.#receipted = start.receiptedMicroUsd
    for (const entry of start.accepted) {
      this.#accepted.set(deliveryKey(entry.delivery), entry)
      this.#acceptedSum += entry.amountMicroUsd
    }
    this.#expose()
  }

  get head(): IncrementBefore | undefined {
    return this.#head
  }

  get sent(): SentIncrement | undefined {
    return this.#sent
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  get inFlightMicroUsd(): MicroUsd {
    return microUsd(this.#inFlightSum)
  }

  /** Accepted and on no increment yet. */
  get acceptedCount(): number {
    return this.#accepted.size
  }

  get acceptedMicroUsd(): MicroUsd {
    return microUsd(this.#acceptedSum)
  }

  get signedMicroUsd(): MicroUsd {
    return this.#head?.cumulativeMicroUsd ?? ZERO
  }

  get billedMicroUsd(): MicroUsd {
    return this.#head?.deliveredMicroUsd ?? ZERO
  }

  get receiptedMicroUsd(): MicroUsd {
    return this.#receipted
  }

  /** Who waits for this node's credit. */
  get line(): CreditLine {
    return this.#account.line
  }

  /** What the provider delivers ahead of payment, over all channels with it. */
  get windowMicroUsd(): MicroUsd {
    return this.#account.credit.windowMicroUsd
  }

  /** This channel's part of the account's exposure goes away with it, for good: what ends on it later counts for nothing. */
  detach(): void {
    this.#isDetached = true
    this.#account.exposureMicroUsd -= this.#exposure
    this.#exposure = 0n
  }

  roomMicroUsd(): MicroUsd {
    const prepaid = positive(this.#receipted - this.#committed())
    const { credit: known, exposureMicroUsd, line } = this.#account
    const credit = prepaid + positive(known.windowMicroUsd - exposureMicroUsd - line.heldFrom(this))
    const money = positive(this.#allocation - this.#committed())
    return microUsd(lesser(credit, money))
  }

  largestMicroUsd(): MicroUsd {
    const delivered = this.billedMicroUsd + this.#acceptedSum
    const credit = this.#account.credit.windowMicroUsd + positive(this.signedMicroUsd - delivered)
    const money = positive(this.#allocation - delivered)
    return microUsd(lesser(credit, money))
  }

  /** Reserves room; false when there is not enough. */
  reserve(delivery: Uint8Array, maximumMicroUsd: MicroUsd): boolean {
    if (maximumMicroUsd > this.roomMicroUsd()) return false
    this.#inFlight.set(deliveryKey(delivery), { delivery, maximum: maximumMicroUsd })
    this.#openSum += maximumMicroUsd
    this.#inFlightSum += maximumMicroUsd
    this.#expose()
    return true
  }

  /** Gives the room back; the provider never heard of the delivery. */
  release(delivery: Uint8Array): void {
    const flight = this.#land(delivery)
    if (flight === undefined) return
    this.#openSum -= flight.maximum
    this.#expose()
  }

  /** @throws RangeError when the entry costs more than was reserved, or was not reserved */
  accept(entry: BillEntry): void {
    const maximum = this.#inFlight.get(deliveryKey(entry.delivery))?.maximum
    if (maximum === undefined || entry.amountMicroUsd > maximum) {
      throw new RangeError(`an entry of ${entry.amountMicroUsd} micro-dollars for a reservation of ${maximum}`)
    }
    this.#land(entry.delivery)
    this.#openSum -= maximum
    this.#accepted.set(deliveryKey(entry.delivery), entry)
    this.#acceptedSum += entry.amountMicroUsd
    this.#expose()
  }

  /** The room stays taken until the provider was told: until then it counts the delivery as well. */
  reject(delivery: Uint8Array, reason: RejectReason): void {
    const flight = this.#land(delivery)
    if (flight !== undefined) this.#refused.set(deliveryKey(delivery), { ...flight, reason })
  }

  /** Rejections that the provider must be told, at most `max`. */
  rejections(max: number): readonly Rejection[] {
    return Array.from(this.#refused.values().take(max), ({ delivery, reason }) => ({ delivery, reason }))
  }

  get rejectionCount(): number {
    return this.#refused.size
  }

  /** The provider knows these rejections. */
  applyTold(told: readonly Rejection[]): void {
    for (const { delivery } of told) {
      const refused = this.#refused.get(deliveryKey(delivery))
      if (refused === undefined) continue
      this.#refused.delete(deliveryKey(delivery))
      this.#openSum -= refused.maximum
    }
    this.#expose()
  }

  /**
   * The next increment over accepted entries (at most `entriesMax`) and, before the first, over a prepayment;
   * undefined when there is nothing to say or one is under way.
   */
  draft(entriesMax: number, prepayMicroUsd: MicroUsd = ZERO): Increment | undefined {
    if (this.#sent !== undefined) return undefined
    const entries = Array.from(this.#accepted.values().take(entriesMax))
    const delivered = entries.reduce((sum, entry) => sum + entry.amountMicroUsd, this.billedMicroUsd as bigint)
    const debt = this.signedMicroUsd + prepayMicroUsd
    const cumulative = greater(debt, delivered)
    if (entries.length === 0 && cumulative === this.signedMicroUsd) return undefined
    return {
      version: 1,
      channel: this.#channel,
      index: this.#head === undefined ? 0 : this.#head.index + 1,
      ...(this.#head === undefined ? {} : { previous: this.#head.id }),
      entries,
      deliveredMicroUsd: microUsd(delivered),
      cumulativeMicroUsd: microUsd(cumulative),
    }
  }

  /** A drafted increment was signed and journaled. */
  applySigned(sent: SentIncrement, id: ContentId): void {
    for (const entry of sent.increment.entries) {
      if (this.#accepted.delete(deliveryKey(entry.delivery))) this.#acceptedSum -= entry.amountMicroUsd
    }
    const { index, deliveredMicroUsd, cumulativeMicroUsd } = sent.increment
    this.#head = { id, index, deliveredMicroUsd, cumulativeMicroUsd }
    this.#sent = sent
    this.#expose()
  }

  /** The provider signed the increment that was under way. */
  applyReceipt(): void {
    this.#sent = undefined
    this.#receipted = this.signedMicroUsd
    this.#expose()
  }

  applyWindow(windowMicroUsd: MicroUsd): void {
    this.#account.credit = { ...this.#account.credit, windowMicroUsd }
  }

  /** The names of accepted deliveries that are on no increment yet. */
  acceptedKeys(): ReadonlySet<string> {
    return new Set(this.#accepted.keys())
  }

  /**
   * Compares with the provider's books. Deliveries that it lists and nobody here waits for become rejections; accepted
   * entries that it does not list are dropped, because it could not sign them.
   * @param acceptedBefore what was accepted before the provider was asked: the others it may have delivered after it looked
   * @returns undefined when the books disagree beyond that
   */
  reconcile(
    books: ProviderBooks,
    acceptedBefore: ReadonlySet<string>,
  ): { readonly dropped: readonly BillEntry[] } | undefined {
    const isBehind = this.#sent !== undefined
    const expectedIndex = isBehind ? previousIndex(this.#head?.index) : this.#head?.index
    const isSameAsSent = isBehind && books.lastIndex === this.#head?.index
    if (books.lastIndex !== expectedIndex && !isSameAsSent) return undefined
    if (!isBehind && books.cumulativeMicroUsd !== this.signedMicroUsd) return undefined
    const listed = new Map(books.outstanding.map((delivery) => [deliveryKey(delivery), delivery]))
    const dropped = Array.from(this.#accepted).flatMap(([key, entry]) =>
      acceptedBefore.has(key) && !listed.has(key) ? [entry] : [],
    )
    for (const entry of dropped) {
      this.#accepted.delete(deliveryKey(entry.delivery))
      this.#acceptedSum -= entry.amountMicroUsd
    }
    const sent = new Set(this.#sent?.increment.entries.map((entry) => deliveryKey(entry.delivery)))
    for (const [key, delivery] of listed) {
      const isKnown = sent.has(key) || this.#accepted.has(key) || this.#inFlight.has(key) || this.#refused.has(key)
      if (!isKnown) this.#refused.set(key, { delivery, maximum: 0n, reason: 'not-received' })
    }
    this.#expose()
    return { dropped }
  }

  #land(delivery: Uint8Array): Flight | undefined {
    const key = deliveryKey(delivery)
    const flight = this.#inFlight.get(key)
    if (flight === undefined) return undefined
    this.#inFlight.delete(key)
    this.#inFlightSum -= flight.maximum
    return flight
  }

  #committed(): bigint {
    return this.billedMicroUsd + this.#acceptedSum + this.#openSum
  }

  #expose(): void {
    if (this.#isDetached) return
    const exposure = positive(this.#committed() - this.#receipted)
    this.#account.exposureMicroUsd += exposure - this.#exposure
    this.#exposure = exposure
  }
}

function previousIndex(index: number | undefined): number | undefined {
  return index === undefined || index === 0 ? undefined : index - 1
}
