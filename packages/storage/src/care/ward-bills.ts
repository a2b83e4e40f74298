import {
  type Address,
  type ContentId,
  type Hash,
  hasCode,
  hash,
  type MicroUsd,
  microUsd,
  type PeerId,
  type Store,
  type StoreOperation,
} from '@stead/core'
import type { Admission, MarketProvider } from '@stead/market'
import { contentIdOf, equalBytes } from '@stead/protocol'
import { PAID_TABLE, type PaidPeriod, paidPeriodSchema } from '../consumer/paid-periods.ts'
import { StorageError } from '../errors.ts'
import { careAmountOfPeriods, paidFor } from './care-evidence.ts'
import { BILL_PERIODS_MAX, type CareBillAsk, type CareSettleAsk, careBillIdOf } from './care-messages.ts'
import { SENT_BILLS_TABLE, type SentBillRow, sentBillRowSchema } from './care-rows.ts'
import { careAmountOf } from './care-terms.ts'
import type { ScopedStore } from './scoped-store.ts'
import type { WardBook } from './ward-book.ts'

/** What {@link WardBills} stand on. */
export interface WardBillsComponents {
  /** The ward's own part of the store. */
  readonly scope: ScopedStore
  readonly store: Store
  readonly sold: Pick<MarketProvider, 'admit' | 'hasDelivered' | 'wake'>
  readonly book: WardBook
}

const PAGE_ROWS = 64

/** The first periods of one of a node's agreements that are not over. */
interface BillPage {
  readonly agreement: Hash | undefined
  readonly keys: readonly string[]
  readonly periods: readonly PaidPeriod[]
  readonly sent: SentBillRow | undefined
}

/** What a ward is billed with: periods that were paid to nodes, some of one node at a time, gone once their payer has them. */
export class WardBills {
  readonly #components: WardBillsComponents
  /** Paid to nodes, and on no bill yet. */
  #unbilled = 0n
  #turn: Promise<unknown> = Promise.resolve()

  constructor(components: WardBillsComponents) {
    this.#components = components
  }

  /** What was paid to nodes and is on no bill, as it will be billed. */
  get unbilledMicroUsd(): MicroUsd {
    return careAmountOf(this.#unbilled, this.#components.book.row.sharePpm)
  }

  /** Sums up what is not billed. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    const { scope } = this.#components
    const sent = new Map<string, number>()
    for (const { key: node, value } of await scope.scan(SENT_BILLS_TABLE)) {
      const { agreement, periods } = sentBillRowSchema.decodeMessage(value)
      sent.set(prefixOf(node, agreement), periods)
    }
    for (let after = ''; ; ) {
      const rows = await scope.scan(PAID_TABLE, { after, limit: PAGE_ROWS })
      for (const { key, value } of rows) {
        const prefix = key.slice(0, key.lastIndexOf('/') + 1)
        const left = sent.get(prefix) ?? 0
        if (left > 0) sent.set(prefix, left - 1)
        else this.#unbilled += paidFor(paidPeriodSchema.decodeMessage(value)).amountMicroUsd
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  /** Rows are written: what is a period in them was paid, and is to be billed. */
  notePaid(rows: readonly StoreOperation[]): void {
    for (const row of rows)
      if (row.kind === 'put' && row.table === PAID_TABLE)
        this.#unbilled += paidFor(paidPeriodSchema.decodeMessage(row.value)).amountMicroUsd
  }

  /** The next periods of a node, once those of before are over. @throws StorageError STORAGE_CARE_DIFFERS; CoreError of the store */
  async next({ node, accepted, refused }: CareBillAsk): Promise<readonly PaidPeriod[]> {
    return await this.#inTurn(async () => {
      const page = await this.#page(node)
      const isAccepted = accepted !== undefined && page.sent !== undefined && equalBytes(page.sent.delivery, accepted)
      if (isAccepted) await this.#end(node, page)
      else if (refused !== undefined) {
        if (page.periods.length === 0 || careBillIdOf(page.periods) !== refused) return page.periods
        await this.#end(node, page)
      }
      return (await this.#page(node)).periods
    })
  }

  /** Puts a bill on the books of the ward's channel. @throws StorageError STORAGE_CARE_DIFFERS; as MarketProvider.admit and the store */
  async settle(peer: PeerId, ask: CareSettleAsk): Promise<void> {
    await this.#inTurn(async () => {
      const { book, sold } = this.#components
      const page = await this.#page(ask.node)
      const amountMicroUsd = careAmountOfPeriods(page.periods, book.row.sharePpm)
      const isRight = page.periods.length > 0 && careBillIdOf(page.periods) === ask.bill
      if (!isRight || ask.amountMicroUsd !== amountMicroUsd || ask.channel !== book.row.channel)
        throw new StorageError('STORAGE_CARE_DIFFERS', 'this is not the bill that comes next', {
          details: { node: ask.node, amountMicroUsd },
        })
      const { channel, delivery } = ask
      let admission: Admission
      try {
        await sold.wake({ peer, channel })
        admission = sold.admit({ peer, channel, delivery, maximumMicroUsd: amountMicroUsd })
      } catch (error) {
        // Asked again, because the answer was lost.
        const isThis = page.sent !== undefined && equalBytes(page.sent.delivery, delivery)
        if (isThis && hasCode(error, 'MARKET_DELIVERY_REPEATED') && (await sold.hasDelivered({ channel, delivery })))
          return
        throw error
      }
      try {
        await this.#send(page, ask)
        await admission.deliver({
          delivery,
          item: itemOf(page.periods),
          evidence: ask.bill,
          quantity: page.periods.reduce((sum, period) => sum + paidFor(period).byteSeconds, 0n),
          amountMicroUsd,
        })
        await this.#components.store.write([], 'power')
      } finally {
        admission.release()
      }
    })
  }

  async #page(node: Address): Promise<BillPage> {
    const { scope } = this.#components
    const value = await scope.get(SENT_BILLS_TABLE, node)
    const sent = value === undefined ? undefined : sentBillRowSchema.decodeMessage(value)
    const agreement = sent?.agreement ?? (await this.#firstAgreement(node))
    const limit = sent?.periods ?? BILL_PERIODS_MAX
    const rows =
      agreement === undefined ? [] : await scope.scan(PAID_TABLE, { prefix: prefixOf(node, agreement), limit })
    const periods = rows.map(({ value: period }) => paidPeriodSchema.decodeMessage(period))
    return { agreement, keys: rows.map(({ key }) => key), periods, sent }
  }

  async #firstAgreement(node: Address): Promise<Hash | undefined> {
    const [row] = await this.#components.scope.scan(PAID_TABLE, { prefix: `${node}/`, limit: 1 })
    return row === undefined ? undefined : hash(`0x${row.key.split('/')[1]}`)
  }

  /** Spent from now on, whatever its payer makes of it: with the row that says which periods it is about. */
  async #send({ agreement, periods, sent }: BillPage, ask: CareSettleAsk): Promise<void> {
    const { scope } = this.#components
    const { node, bill, channel, delivery } = ask
    if (agreement === undefined) throw new TypeError('a bill is about nothing')
    const row: SentBillRow = { version: 1, bill, channel, delivery, agreement, periods: periods.length }
    const value = sentBillRowSchema.encodeMessage(row)
    const put = scope.scoped([{ kind: 'put', table: SENT_BILLS_TABLE, key: node, value }])
    await this.#bill(sent === undefined ? periods : [], put)
  }

  async #end(node: Address, { keys, periods, sent }: BillPage): Promise<void> {
    const { scope } = this.#components
    const gone = scope.scoped([
      ...keys.map((key) => ({ kind: 'delete', table: PAID_TABLE, key }) as const),
      { kind: 'delete', table: SENT_BILLS_TABLE, key: node },
    ])
    await this.#bill(sent === undefined ? periods : [], gone)
  }

  /** @param periods that were on no bill until now */
  async #bill(periods: readonly PaidPeriod[], rows: ReturnType<ScopedStore['scoped']>): Promise<void> {
    const { book } = this.#components
    const paid = periods.reduce((sum, period) => sum + paidFor(period).amountMicroUsd, 0n)
    const billedMicroUsd = microUsd(book.row.billedMicroUsd + careAmountOf(paid, book.row.sharePpm))
    await book.write({ ...book.row, billedMicroUsd }, rows)
    this.#unbilled -= paid
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return await turn
  }
}

function prefixOf(node: string, agreement: Hash): string {
  return `${node}/${agreement.slice(2)}/`
}

/** What a bill is for, on a receipt: the last revision that it pays for. */
export function itemOf(periods: readonly PaidPeriod[]): ContentId {
  return contentIdOf('dag-cbor', periods.at(-1)?.after.document ?? new Uint8Array(0))
}
