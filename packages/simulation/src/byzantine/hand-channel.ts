import { amountOf, COMPUTE_PROTOCOL, computeTermsSchema, runTaskSchema, taskAnswerSchema } from '@stead/compute'
import { type Hash, type MicroUsd, microUsd, type PeerId } from '@stead/core'
import { MARKET_PROTOCOL, marketRequestSchema, type RejectReason } from '@stead/market'
import {
  type BillEntry,
  type ChannelTerms,
  contentIdOf,
  type DomainSeparator,
  type Increment,
  type IncrementBefore,
  incrementId,
  incrementSchema,
  outcomeRecordSchema,
  type Quote,
  signVoucher,
} from '@stead/protocol'
import { unlessRefused } from '../engine/refusals.ts'
import type { HandPayer, HandPurse } from './hand-payer.ts'
import { HAND_BLOBS, HAND_FUEL, HAND_TASK } from './hand-task.ts'

/** What a channel by hand is made of. */
export interface HandChannelFacts {
  readonly peer: PeerId
  readonly quote: Quote
  readonly terms: ChannelTerms
  /** What it was opened on. */
  readonly purse: HandPurse
  readonly id: Hash
  readonly separator: DomainSeparator
  readonly prepayMicroUsd: MicroUsd
}

const ITEM = contentIdOf('dag-cbor', HAND_TASK)
/** What every attack asks for that asks for nothing else. */
const USUAL = { task: HAND_TASK, blobs: HAND_BLOBS }

/** One channel of a payer by hand: what it was delivered, and whatever it says about that. */
export class HandChannel {
  readonly facts: HandChannelFacts
  readonly #payer: HandPayer
  readonly #priceMicroUsd: MicroUsd
  #head: IncrementBefore | undefined
  #lastPayment: Uint8Array | undefined

  constructor(payer: HandPayer, facts: HandChannelFacts) {
    this.#payer = payer
    this.facts = facts
    this.#priceMicroUsd = amountOf(computeTermsSchema.decodeDocument(facts.quote.terms), HAND_FUEL)
  }

  /** The last increment that the provider took. */
  get head(): IncrementBefore | undefined {
    return this.#head
  }

  /** Asks for a task. @throws the network's errors, with the provider's refusal */
  async run(
    delivery: Uint8Array = this.#payer.parts.random.bytes(16),
    { task, blobs }: { readonly task: Uint8Array; readonly blobs: readonly Uint8Array[] } = USUAL,
  ): Promise<BillEntry> {
    const message = { channel: this.facts.id, delivery, task, blobs }
    const payload = runTaskSchema.encodeMessage({ ...message, maximumMicroUsd: this.#priceMicroUsd })
    const answer = taskAnswerSchema.decodeMessage(await this.#payer.raw(this.facts.peer, COMPUTE_PROTOCOL, payload))
    const { fuel } = outcomeRecordSchema.decodeDocument(answer.record)
    const evidence = contentIdOf('dag-cbor', answer.record)
    return { delivery, item: ITEM, evidence, quantity: fuel, amountMicroUsd: answer.amountMicroUsd }
  }

  /** Asks for tasks until the provider refuses, at most `count`; those that were delivered. */
  async runMany(count: number): Promise<BillEntry[]> {
    const done: BillEntry[] = []
    for (let number = 0; number < count; number++) {
      const entry = await unlessRefused(this.run())
      if (entry === undefined) break
      done.push(entry)
    }
    return done
  }

  /** Pays what must be paid ahead. */
  async prepay(): Promise<void> {
    if (this.facts.prepayMicroUsd > 0n) await this.pay([], this.facts.prepayMicroUsd)
  }

  /** Pays entries, with a voucher over whatever is said. @default over what is due @throws the network's errors */
  async pay(entries: readonly BillEntry[], cumulativeMicroUsd?: bigint): Promise<void> {
    const increment = this.#increment(entries, cumulativeMicroUsd)
    const bytes = incrementSchema.encodeDocument(increment)
    const payload = this.#payment(increment, bytes)
    await this.#payer.raw(this.facts.peer, MARKET_PROTOCOL, payload)
    this.#lastPayment = payload
    const { index, deliveredMicroUsd } = increment
    this.#head = { id: incrementId(bytes), index, deliveredMicroUsd, cumulativeMicroUsd: increment.cumulativeMicroUsd }
  }

  /** Says the last payment again, byte by byte. */
  async payAgain(): Promise<void> {
    if (this.#lastPayment !== undefined) await this.#payer.raw(this.facts.peer, MARKET_PROTOCOL, this.#lastPayment)
  }

  /** Says something else in the place of the last increment. */
  async payOtherwise(entries: readonly BillEntry[]): Promise<void> {
    const next = this.#increment(entries, undefined)
    const { index = 0 } = this.#head ?? {}
    const increment = { ...next, index }
    await this.#payer.raw(
      this.facts.peer,
      MARKET_PROTOCOL,
      this.#payment(increment, incrementSchema.encodeDocument(increment)),
    )
  }

  /** Says two things for the next place of the bill, at once. @throws a refusal of both */
  async payTwice(left: readonly BillEntry[], right: readonly BillEntry[]): Promise<void> {
    const [first, second] = await Promise.allSettled([this.pay(left), this.pay(right)])
    if (first.status === 'rejected' && second.status === 'rejected') throw first.reason
  }

  /** Pays with a voucher that nobody signed. */
  async payUnsigned(entries: readonly BillEntry[]): Promise<void> {
    const increment = incrementSchema.encodeDocument(this.#increment(entries, undefined))
    const pay = { increment, voucherSignature: this.#payer.parts.random.bytes(65), rejections: [] }
    await this.#payer.say(this.facts.peer, { pay })
  }

  /** Refuses to pay for deliveries. */
  async reject(entries: readonly BillEntry[], reason: RejectReason): Promise<void> {
    await this.rejectAll(
      entries.map(({ delivery }) => delivery),
      reason,
    )
  }

  /** Refuses to pay for deliveries, whether they were made or not. */
  async rejectAll(deliveries: readonly Uint8Array[], reason: RejectReason = 'late'): Promise<void> {
    const rejections = deliveries.map((delivery) => ({ delivery, reason }))
    await this.#payer.say(this.facts.peer, { reject: { channel: this.facts.id, rejections } })
  }

  #increment(entries: readonly BillEntry[], cumulativeMicroUsd: bigint | undefined): Increment {
    const before = this.#head
    const delivered = entries.reduce((sum, entry) => sum + entry.amountMicroUsd, before?.deliveredMicroUsd ?? 0n)
    const signed: bigint = before?.cumulativeMicroUsd ?? 0n
    return {
      version: 1,
      channel: this.facts.id,
      index: before === undefined ? 0 : before.index + 1,
      ...(before === undefined ? {} : { previous: before.id }),
      entries,
      deliveredMicroUsd: microUsd(delivered),
      cumulativeMicroUsd: microUsd(cumulativeMicroUsd ?? (delivered > signed ? delivered : signed)),
    }
  }

  #payment({ cumulativeMicroUsd }: Increment, increment: Uint8Array): Uint8Array {
    const { terms, separator } = this.facts
    const { signature: voucherSignature } = signVoucher(this.#payer.parts.signer, separator, {
      ...terms,
      cumulativeMicroUsd,
    })
    return marketRequestSchema.encodeMessage({ version: 1, pay: { increment, voucherSignature, rejections: [] } })
  }
}
