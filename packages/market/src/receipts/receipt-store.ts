import { type Address, type Hash, hash, type PeerId, type Store } from '@stead/core'
import {
  digestOfContentId,
  equalBytes,
  type IncrementBefore,
  incrementId,
  incrementSchema,
  purseIdOf,
  type SignedDocument,
  signedDocumentSchema,
} from '@stead/protocol'
import { type ChannelRow, channelRowSchema, type ReceiptRow, receiptRowSchema } from '../journal/rows.ts'
import { hashKey, type SideTables } from '../journal/tables.ts'
import type { ChannelEvidence, ReceiptFilter, StoredReceipt } from './stored-receipt.ts'

/** Rows that are read at once, so that a long history never stands in memory as a whole. */
const PAGE_ROWS = 64
const CHANNEL_PAGE_ROWS = 512

/** Which chain the purses are on. */
export interface ReceiptChain {
  readonly chainId: number
  readonly escrow: Address
}

/** The head of a channel's chain of receipts. */
export interface ReceiptHead {
  readonly before: IncrementBefore
  readonly row: ReceiptRow
}

/** Reads what one side journaled about channels, quotes and receipts. */
export class ReceiptStore {
  readonly #store: Store
  readonly #tables: SideTables
  readonly #chain: ReceiptChain

  constructor(store: Store, tables: SideTables, chain: ReceiptChain) {
    this.#store = store
    this.#tables = tables
    this.#chain = chain
  }

  /** All channels that were ever opened, closed ones included. */
  async *channelRows(): AsyncGenerator<{ readonly id: Hash; readonly row: ChannelRow }> {
    let after = ''
    for (;;) {
      const page = await this.#store.scan(this.#tables.channels, { after, limit: CHANNEL_PAGE_ROWS })
      for (const { key, value } of page) yield { id: hash(`0x${key}`), row: channelRowSchema.decodeMessage(value) }
      const last = page.at(-1)
      if (last === undefined || page.length < CHANNEL_PAGE_ROWS) return
      after = last.key
    }
  }

  /** The newest increment of a channel. */
  async head(channel: Hash): Promise<ReceiptHead | undefined> {
    const range = { prefix: `${hashKey(channel)}/`, reverse: true, limit: 1 }
    const [newest] = await this.#store.scan(this.#tables.receipts, range)
    if (newest === undefined) return undefined
    const row = receiptRowSchema.decodeMessage(newest.value)
    const { index, deliveredMicroUsd, cumulativeMicroUsd } = incrementSchema.decodeDocument(row.increment)
    return { before: { id: incrementId(row.increment), index, deliveredMicroUsd, cumulativeMicroUsd }, row }
  }

  /** The quotes of a channel, oldest first. */
  async quotes(channel: Hash): Promise<readonly SignedDocument[]> {
    const rows = await this.#store.scan(this.#tables.quotes, { prefix: `${hashKey(channel)}/` })
    return rows.map(({ value }) => signedDocumentSchema.decodeMessage(value))
  }

  /** Whether a delivery is on a receipt of a channel; the newest are looked at first. @param delivery 16 bytes */
  async hasEntry(channel: Hash, delivery: Uint8Array): Promise<boolean> {
    const prefix = `${hashKey(channel)}/`
    for (let before: string | undefined; ; ) {
      const range = { prefix, reverse: true, limit: PAGE_ROWS, ...(before === undefined ? {} : { before }) }
      const page = await this.#store.scan(this.#tables.receipts, range)
      for (const { value } of page) {
        const { increment } = receiptRowSchema.decodeMessage(value)
        if (!includesBytes(increment, delivery)) continue
        const { entries } = incrementSchema.decodeDocument(increment)
        if (entries.some((entry) => equalBytes(entry.delivery, delivery))) return true
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_ROWS) return false
      before = last.key
    }
  }

  async list(filter: ReceiptFilter): Promise<readonly StoredReceipt[]> {
    const found: StoredReceipt[] = []
    for await (const { id, row } of this.#rowsOf(filter.channel)) {
      if (filter.node !== undefined && filter.node !== row.node) continue
      const evidence = await this.#evidence(id, row)
      if (filter.purse !== undefined && filter.purse !== evidence.terms.purse) continue
      for await (const receipt of this.#receiptsOf(evidence, row.peer as PeerId, filter)) found.push(receipt)
    }
    found.sort((left, right) => left.at - right.at)
    return filter.limit === undefined ? found : found.slice(0, filter.limit)
  }

  async *#rowsOf(channel: Hash | undefined): ReturnType<ReceiptStore['channelRows']> {
    if (channel === undefined) {
      yield* this.channelRows()
      return
    }
    const value = await this.#store.get(this.#tables.channels, hashKey(channel))
    if (value !== undefined) yield { id: channel, row: channelRowSchema.decodeMessage(value) }
  }

  async #evidence(id: Hash, row: ChannelRow): Promise<ChannelEvidence> {
    const { node, operator, allocationMicroUsd, seed } = row
    const terms = { purse: purseIdOf(this.#chain, seed), node, operator, allocationMicroUsd }
    const branch = { index: BigInt(row.branchIndex), steps: row.branch }
    return { channel: id, terms, seed, branch, quotes: await this.quotes(id) }
  }

  async *#receiptsOf(evidence: ChannelEvidence, peer: PeerId, filter: ReceiptFilter): AsyncGenerator<StoredReceipt> {
    const prefix = `${hashKey(evidence.channel)}/`
    const itemBytes = filter.item === undefined ? undefined : digestOfContentId(filter.item)
    let after = ''
    for (;;) {
      const page = await this.#store.scan(this.#tables.receipts, { prefix, after, limit: PAGE_ROWS })
      for (const { value } of page) {
        const row = receiptRowSchema.decodeMessage(value)
        if (filter.from !== undefined && row.at < filter.from) continue
        if (filter.until !== undefined && row.at >= filter.until) continue
        if (filter.completeOnly === true && row.providerSignature === undefined) continue
        // Looking for the bytes first spares decoding thousands of entries that are not meant.
        if (itemBytes !== undefined && !includesBytes(row.increment, itemBytes)) continue
        const increment = incrementSchema.decodeDocument(row.increment)
        if (filter.item !== undefined && !increment.entries.some((entry) => entry.item === filter.item)) continue
        yield {
          evidence,
          peer,
          increment,
          incrementBytes: row.increment,
          voucherSignature: row.voucherSignature,
          providerSignature: row.providerSignature,
          at: row.at,
        }
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_ROWS) return
      after = last.key
    }
  }
}

function includesBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  const [first] = part
  if (first === undefined) return true
  for (
    let at = bytes.indexOf(first);
    at !== -1 && at + part.length <= bytes.length;
    at = bytes.indexOf(first, at + 1)
  ) {
    let length = 1
    while (length < part.length && bytes[at + length] === part[length]) length++
    if (length === part.length) return true
  }
  return false
}
