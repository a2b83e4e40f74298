import { type Address, microUsd, type Store, type StoreOperation } from '@stead/core'
import { type CreditAccount, type CreditState, noCredit, writeOffLimit } from '../channel/credit-window.ts'
import { SerialQueue } from '../channel/serial-queue.ts'
import { MarketError } from '../errors.ts'
import { type PayerRow, payerRowSchema } from '../journal/rows.ts'
import { PROVIDER_TABLES, put } from '../journal/tables.ts'
import type { MarketProviderOptions } from '../options.ts'

/** Messages of one payer that may wait for each other; an honest payer has one per channel under way. */
const WAITING_MAX = 256

/** One payer, for as long as it has channels here. */
export interface PayerAccount extends CreditAccount {
  readonly payer: Address
  /** Payments and rejections of one payer change one credit, so they come one after the other. */
  readonly queue: SerialQueue
  channels: number
}

/** What is known of payers; accounts live in memory while they have channels, and in the store for good. */
export class PayerRecords {
  readonly #store: Store
  readonly #limits: Pick<MarketProviderOptions, 'writeOffMaxMicroUsd' | 'writeOffShareBps'>
  readonly #accounts: Map<Address, PayerAccount> = new Map()

  constructor(store: Store, limits: Pick<MarketProviderOptions, 'writeOffMaxMicroUsd' | 'writeOffShareBps'>) {
    this.#store = store
    this.#limits = limits
  }

  /** Payers in memory: each has a channel. */
  get count(): number {
    return this.#accounts.size
  }

  /** A payer's credit, without keeping anything in memory for a stranger. */
  async creditOf(payer: Address): Promise<CreditState> {
    const account = this.#accounts.get(payer)
    return account === undefined ? this.#read(payer) : account.credit
  }

  /** The account that channels of a payer share; `drop` it when a channel goes. */
  async take(payer: Address): Promise<PayerAccount> {
    const credit = this.#accounts.has(payer) ? noCredit : await this.#read(payer)
    // Looked up again: two openings may have read at the same time, and both must get one account.
    let account = this.#accounts.get(payer)
    if (account === undefined) {
      account = { payer, credit, exposureMicroUsd: 0n, queue: new SerialQueue(WAITING_MAX), channels: 0 }
      this.#accounts.set(payer, account)
    }
    account.channels += 1
    return account
  }

  drop(account: PayerAccount): void {
    account.channels -= 1
    if (account.channels === 0) this.#accounts.delete(account.payer)
  }

  /** Whether what a payer left unpaid is tolerated. */
  isWelcome(credit: CreditState): boolean {
    // Spares the hot path an allocation of bigints for the payers that never left anything unpaid.
    return credit.writtenOffMicroUsd === 0n || credit.writtenOffMicroUsd <= writeOffLimit(credit, this.#limits)
  }

  /** @throws MarketError MARKET_PAYER_REFUSED */
  requireWelcome(payer: Address, credit: CreditState): void {
    if (this.isWelcome(credit)) return
    const limit = writeOffLimit(credit, this.#limits)
    throw new MarketError(
      'MARKET_PAYER_REFUSED',
      `payer ${payer} left ${credit.writtenOffMicroUsd} micro-dollars of delivered work unpaid, ${limit} are tolerated`,
      { details: { payer, haveMicroUsd: credit.writtenOffMicroUsd, limitMicroUsd: limit } },
    )
  }

  /** The row that keeps a payer's credit. */
  row(payer: Address, credit: CreditState): StoreOperation {
    const row: PayerRow = { version: 1, ...credit }
    return put(PROVIDER_TABLES.payers, payer, payerRowSchema.encodeMessage(row))
  }

  /** Everything that payers ever left unpaid. */
  async writtenOff(): Promise<bigint> {
    const rows = await this.#store.scan(PROVIDER_TABLES.payers)
    return rows.reduce((sum, { value }) => sum + payerRowSchema.decodeMessage(value).writtenOffMicroUsd, 0n)
  }

  async #read(payer: Address): Promise<CreditState> {
    const value = await this.#store.get(PROVIDER_TABLES.payers, payer)
    if (value === undefined) return noCredit
    const { windowMicroUsd, growthMicroUsd, paidMicroUsd, writtenOffMicroUsd } = payerRowSchema.decodeMessage(value)
    return {
      windowMicroUsd: microUsd(windowMicroUsd),
      growthMicroUsd: microUsd(growthMicroUsd),
      paidMicroUsd: microUsd(paidMicroUsd),
      writtenOffMicroUsd: microUsd(writtenOffMicroUsd),
    }
  }
}
