import { type Hash, hasCode, hash, type MicroUsd, microUsd } from '@stead/core'
import { type BillEntry, type CreditTerms, type Increment, incrementId, incrementSchema } from '@stead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { greater } from '../src/channel/amounts.ts'
import { CreditLine, type PayerAccount } from '../src/channel/credit-line.ts'
import {
  type CreditAccount,
  creditAfterPayment,
  creditAfterWriteOff,
  noCredit,
  prepayDue,
  writeOffLimit,
} from '../src/channel/credit-window.ts'
import { DeliverySet } from '../src/channel/delivery-set.ts'
import { PayerLedger, type Rejection } from '../src/channel/payer-ledger.ts'
import { deliveryKey, ProviderLedger } from '../src/channel/provider-ledger.ts'
import { entryOf } from './world.ts'

const CHANNEL: Hash = hash(`0x${'c'.repeat(64)}`)
const ALLOCATION = microUsd(20_000n)
const TERMS: CreditTerms = {
  prepayMicroUsd: microUsd(10n),
  startMicroUsd: microUsd(1_000n),
  capMicroUsd: microUsd(3_000n),
}

/** Something that was sent and may arrive late, twice, or never. */
type Message =
  | { readonly kind: 'pay'; readonly increment: Increment; readonly bytes: Uint8Array }
  | { readonly kind: 'reject'; readonly rejections: readonly Rejection[] }

/** Both sides of one channel, with a network in between that does what it wants. */
class Pair {
  readonly payerAccount: PayerAccount = { credit: noCredit, exposureMicroUsd: 0n, line: new CreditLine() }
  readonly providerAccount: CreditAccount = { credit: noCredit, exposureMicroUsd: 0n }
  payer: PayerLedger
  provider: ProviderLedger
  readonly messages: Message[] = []
  readonly flights: { readonly delivery: Uint8Array; readonly key: string; readonly maximum: bigint }[] = []
  readonly results: BillEntry[] = []
  readonly billed: Set<string> = new Set()
  readonly givenUp: Set<string> = new Set()
  billedSum = 0n
  /** Incremented for each delivery, so that ids never repeat by chance. */
  #count = 0
  largestWindow = 0n

  constructor() {
    const zero = microUsd(0n)
    const start = { channel: CHANNEL, allocationMicroUsd: ALLOCATION, head: undefined, receiptedMicroUsd: zero }
    this.payer = new PayerLedger({ ...start, sent: undefined, accepted: [], account: this.payerAccount })
    this.provider = new ProviderLedger(
      { head: undefined, outstanding: [], seen: new DeliverySet(7), account: this.providerAccount },
      { allocationMicroUsd: ALLOCATION, outstandingMax: 100, deliveriesMax: 10_000 },
    )
    this.sign(prepayDue(noCredit, TERMS))
    this.arrive(0, false)
  }

  request(maximum: bigint): void {
    this.#count += 1
    const delivery = new Uint8Array(16)
    new DataView(delivery.buffer).setUint32(0, this.#count)
    if (!this.payer.reserve(delivery, microUsd(maximum))) return
    // Whatever the payer has room for, the provider must have room for as well.
    const key = this.provider.admit(delivery, microUsd(maximum))
    this.flights.push({ delivery, key, maximum })
  }

  deliver(pick: number, share: number): void {
    const [flight] = this.flights.splice(pick % Math.max(this.flights.length, 1), 1)
    if (flight === undefined) return
    const amount = BigInt(Math.floor(Number(flight.maximum) * share))
    const entry = entryOf(flight.delivery, amount, this.#count)
    try {
      this.provider.deliver(flight.key, entry)
      this.results.push(entry)
    } catch (error) {
      if (!hasCode(error, 'MARKET_DELIVERY_REJECTED')) throw error
    }
  }

  accept(pick: number): void {
    const [entry] = this.results.splice(pick % Math.max(this.results.length, 1), 1)
    // A result that comes after the payer gave up is not looked at.
    if (entry !== undefined && !this.givenUp.has(deliveryKey(entry.delivery))) this.payer.accept(entry)
  }

  reject(pick: number, isEarly: boolean): void {
    const list = isEarly ? this.flights : this.results
    const chosen = list[pick % Math.max(list.length, 1)]
    if (chosen === undefined) return
    if (!isEarly) this.results.splice(pick % this.results.length, 1)
    this.givenUp.add(deliveryKey(chosen.delivery))
    this.payer.reject(chosen.delivery, 'wrong-result')
    this.messages.push({ kind: 'reject', rejections: this.payer.rejections(100) })
  }

  sign(prepay: MicroUsd = microUsd(0n)): void {
    const increment = this.payer.draft(8, prepay)
    if (increment === undefined) return
    const bytes = incrementSchema.encodeDocument(increment)
    this.payer.applySigned({ increment, bytes, voucherSignature: new Uint8Array(65) }, incrementId(bytes))
    this.messages.push({ kind: 'pay', increment, bytes })
  }

  /** One message arrives; it may stay in the network and arrive again. */
  arrive(pick: number, isRepeated: boolean): void {
    const index = pick % Math.max(this.messages.length, 1)
    const message = this.messages[index]
    if (message === undefined) return
    if (!isRepeated) this.messages.splice(index, 1)
    if (message.kind === 'reject') {
      const deliveries = message.rejections.map(({ delivery }) => delivery)
      this.provider.refuse(deliveries)
      const plan = this.provider.planRejection(deliveries, TERMS)
      this.providerAccount.credit = plan.credit
      this.provider.applyRejection(plan)
      this.payer.applyTold(message.rejections)
    } else {
      this.#book(message.increment, message.bytes)
    }
    this.payer.applyWindow(this.providerAccount.credit.windowMicroUsd)
  }

  #book(increment: Increment, bytes: Uint8Array): void {
    const head = this.provider.head
    // What the pay desk answers from its journal.
    if (head === undefined || increment.index > head.index) {
      const plan = this.provider.planPayment(increment, incrementId(bytes), TERMS)
      this.providerAccount.credit = plan.credit
      this.provider.applyPayment(plan)
      for (const entry of increment.entries) {
        const key = deliveryKey(entry.delivery)
        expect(this.billed.has(key)).toBe(false)
        this.billed.add(key)
        this.billedSum += entry.amountMicroUsd
      }
    }
    if (this.payer.sent?.increment.index === increment.index) this.payer.applyReceipt()
  }

  check(): void {
    const window = this.providerAccount.credit.windowMicroUsd
    if (window > this.largestWindow) this.largestWindow = window
    expect(this.provider.billedMicroUsd).toBe(this.billedSum)
    // The provider's loss, should the payer vanish now.
    const unpaid = this.provider.billedMicroUsd + this.provider.outstandingMicroUsd - this.provider.paidMicroUsd
    expect(unpaid).toBeLessThanOrEqual(this.largestWindow)
    expect(this.providerAccount.exposureMicroUsd).toBeLessThanOrEqual(this.largestWindow)
    // The payer's loss, should the provider vanish now: what it paid and had not delivered.
    expect(this.payer.signedMicroUsd - this.payer.billedMicroUsd).toBeLessThanOrEqual(TERMS.prepayMicroUsd)
    expect(this.payer.signedMicroUsd).toBeLessThanOrEqual(ALLOCATION)
    expect(this.provider.paidMicroUsd).toBeLessThanOrEqual(this.payer.signedMicroUsd)
    // The payer never believes in more credit than there is.
    expect(this.payerAccount.exposureMicroUsd).toBeGreaterThanOrEqual(this.providerAccount.exposureMicroUsd)
  }

  /** Everything arrives at last. */
  finish(): void {
    while (this.flights.length > 0) this.deliver(0, 1)
    while (this.results.length > 0) this.accept(0)
    for (let round = 0; round < 100; round++) {
      while (this.messages.length > 0) this.arrive(0, false)
      if (this.payer.acceptedCount === 0 && this.payer.sent === undefined) break
      this.sign()
      this.check()
    }
    if (this.payer.rejectionCount > 0) {
      this.messages.push({ kind: 'reject', rejections: this.payer.rejections(1_000) })
      this.arrive(0, false)
    }
    expect(this.payer.sent).toBeUndefined()
    expect(this.provider.outstandingMicroUsd).toBe(0n)
    expect(this.payer.billedMicroUsd).toBe(this.provider.billedMicroUsd)
    expect(this.payer.signedMicroUsd).toBe(this.provider.paidMicroUsd)
    const owed = greater(this.billedSum, TERMS.prepayMicroUsd)
    expect(this.payer.signedMicroUsd).toBe(owed)
    expect(this.payerAccount.exposureMicroUsd).toBe(0n)
    expect(this.providerAccount.exposureMicroUsd).toBe(0n)
  }
}

const nat = fc.nat({ max: 1_000 })
const action: fc.Arbitrary<(pair: Pair) => void> = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 900n }).map((maximum) => (pair: Pair) => pair.request(maximum)) },
  {
    weight: 4,
    arbitrary: fc.tuple(nat, fc.double({ min: 0, max: 1, noNaN: true })).map(
      ([pick, share]) =>
        (pair: Pair) =>
          pair.deliver(pick, share),
    ),
  },
  { weight: 4, arbitrary: nat.map((pick) => (pair: Pair) => pair.accept(pick)) },
  {
    weight: 1,
    arbitrary: fc.tuple(nat, fc.boolean()).map(
      ([pick, isEarly]) =>
        (pair: Pair) =>
          pair.reject(pick, isEarly),
    ),
  },
  { weight: 3, arbitrary: fc.constant((pair: Pair) => pair.sign()) },
  {
    weight: 4,
    arbitrary: fc.tuple(nat, fc.boolean()).map(
      ([pick, isRepeated]) =>
        (pair: Pair) =>
          pair.arrive(pick, isRepeated),
    ),
  },
)

describe('the two books of a channel', () => {
  it('never bill twice, never exceed window or allocation, and end equal, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const pair = new Pair()
        for (const act of actions) {
          act(pair)
          pair.check()
        }
        pair.finish()
      }),
      { numRuns: 500 },
    )
  })
})

describe('books that are compared while work goes on', () => {
  it('keep what was accepted while the answer was on its way, and drop what its provider forgot', () => {
    const pair = new Pair()
    pair.request(100n)
    pair.deliver(0, 1)
    pair.accept(0)
    const before = pair.payer.acceptedKeys()
    pair.request(200n)
    pair.deliver(0, 1)
    pair.accept(0)
    const { payer } = pair
    const lastIndex = payer.head?.index
    const { signedMicroUsd: cumulativeMicroUsd, billedMicroUsd: deliveredMicroUsd } = payer
    const books = { lastIndex, cumulativeMicroUsd, deliveredMicroUsd, outstanding: [] }
    const dropped = payer.reconcile(books, before)?.dropped ?? []
    expect(dropped.map(({ amountMicroUsd }) => amountMicroUsd)).toEqual([100n])
    expect([payer.acceptedCount, payer.acceptedMicroUsd]).toEqual([1, 200n])
  })
})

describe('the books of a channel that is over', () => {
  it('take none of the credit, whatever ends on it later', () => {
    const pair = new Pair()
    for (let count = 0; count < 3; count++) pair.request(100n)
    pair.payer.detach()
    pair.provider.detach()
    const exposures = (): unknown => [pair.payerAccount.exposureMicroUsd, pair.providerAccount.exposureMicroUsd]
    expect(exposures()).toEqual([0n, 0n])
    const [accepted, rejected, released] = pair.flights
    if (accepted === undefined || rejected === undefined || released === undefined) throw new Error('no room')
    const entry = entryOf(accepted.delivery, 50n, 1)
    pair.provider.deliver(accepted.key, entry)
    pair.payer.accept(entry)
    pair.provider.release(rejected.key)
    pair.payer.reject(rejected.delivery, 'late')
    pair.payer.release(released.delivery)
    pair.provider.release(released.key)
    expect(exposures()).toEqual([0n, 0n])
  })
})

describe('the credit window', () => {
  const money = fc.bigInt({ min: 0n, max: 1_000_000n })
  const step = fc.record({ kind: fc.constantFrom('paid', 'unpaid'), amount: money })
  it('stays between one and the cap once it is open, and is shut before the first payment', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let credit = noCredit
        for (const { kind, amount } of steps) {
          credit =
            kind === 'paid' ? creditAfterPayment(credit, TERMS, amount) : creditAfterWriteOff(credit, TERMS, amount)
          const isOpen = credit.paidMicroUsd >= TERMS.prepayMicroUsd
          if (!isOpen) expect(credit.windowMicroUsd).toBe(0n)
          expect(credit.windowMicroUsd).toBeLessThanOrEqual(TERMS.capMicroUsd)
          if (kind === 'unpaid') expect(credit.windowMicroUsd).toBeLessThanOrEqual(TERMS.startMicroUsd)
        }
      }),
    )
  })

  it('grows by a third with each window that was paid', () => {
    let credit = creditAfterPayment(noCredit, TERMS, 10n)
    expect(credit.windowMicroUsd).toBe(1_000n)
    credit = creditAfterPayment(credit, TERMS, 999n)
    expect(credit.windowMicroUsd).toBe(1_000n)
    credit = creditAfterPayment(credit, TERMS, 1n)
    expect(credit.windowMicroUsd).toBe(1_334n)
    credit = creditAfterPayment(credit, TERMS, 1_000_000n)
    expect(credit.windowMicroUsd).toBe(3_000n)
  })
})

describe('what a payer may leave unpaid', () => {
  it('is a sum and a hundredth of a percent of what it paid for each basis point', () => {
    const limits = { writeOffMaxMicroUsd: microUsd(50n), writeOffShareBps: 200 }
    const paid = (amount: bigint) => ({ ...noCredit, paidMicroUsd: microUsd(amount) })
    expect(writeOffLimit(paid(0n), limits)).toBe(50n)
    expect(writeOffLimit(paid(10_000n), limits)).toBe(250n)
    expect(writeOffLimit(paid(49n), limits)).toBe(50n)
  })
})

describe('the memory of deliveries', () => {
  it('knows exactly what it was told', () => {
    const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(fc.array(id, { maxLength: 300 }), id, fc.nat(), (known, other, mix) => {
        const set = new DeliverySet(mix)
        const halves = new Set(known.map((delivery) => deliveryKey(delivery).slice(0, 16)))
        for (const delivery of known) set.add(delivery)
        for (const delivery of known) expect(set.has(delivery)).toBe(true)
        if (!halves.has(deliveryKey(other).slice(0, 16)) && deliveryKey(other).slice(0, 15) !== '000000000000000') {
          expect(set.has(other)).toBe(false)
        }
        expect(set.size).toBeLessThanOrEqual(known.length)
      }),
    )
  })

  it('stays fast when a payer counts its ids up', () => {
    const set = new DeliverySet(12_345)
    const delivery = new Uint8Array(16)
    const view = new DataView(delivery.buffer)
    for (let i = 0; i < 200_000; i++) {
      view.setUint32(4, i)
      set.add(delivery)
    }
    expect(set.size).toBe(200_000 - 1)
  })
})
