import { type Address, type Hash, type Logger, microUsd, type Store } from '@stead/core'
import { incrementSchema, quoteSchema } from '@stead/protocol'
import { CreditLine, type PayerAccount } from '../channel/credit-line.ts'
import { noCredit } from '../channel/credit-window.ts'
import { PayerLedger, type SentIncrement } from '../channel/payer-ledger.ts'
import { type ChannelRow, entryRowSchema, receiptRowSchema } from '../journal/rows.ts'
import { channelNumberKey, hashKey, PAYER_TABLES } from '../journal/tables.ts'
import type { MarketPayerOptions } from '../options.ts'
import type { ReceiptHead, ReceiptStore } from '../receipts/receipt-store.ts'
import { ChannelDriver } from './channel-driver.ts'
import type { ChannelDriverComponents } from './channel-parts.ts'
import type { FundedChannel } from './purse-desk.ts'

/** What making drivers stands on. */
export interface DriverLoaderComponents extends ChannelDriverComponents {
  readonly store: Store
  readonly receipts: ReceiptStore
  readonly logger: Logger
}

/** Makes channels' drivers, for new channels and from the journal. */
export class DriverLoader {
  readonly #components: DriverLoaderComponents
  readonly #options: MarketPayerOptions
  /** Credit is between two parties: all channels with one node share an account. */
  readonly #accounts: Map<Address, PayerAccount> = new Map()

  constructor(components: DriverLoaderComponents, options: MarketPayerOptions) {
    this.#components = components
    this.#options = options
  }

  /** Nodes with an account. */
  get accountCount(): number {
    return this.#accounts.size
  }

  /** The last channel with this node is closed: the next one learns from the node how its credit stands. */
  forget(node: Address): void {
    this.#accounts.delete(node)
  }

  create({ id, purse, row, quote }: FundedChannel): ChannelDriver {
    const ledger = new PayerLedger({
      channel: id,
      allocationMicroUsd: row.allocationMicroUsd,
      head: undefined,
      receiptedMicroUsd: microUsd(0n),
      sent: undefined,
      accepted: [],
      account: this.#accountOf(row.node),
    })
    return new ChannelDriver(
      this.#components,
      { purse, row, quote, quoteCount: 1, ledger, wasOpened: false, usedAt: row.openedAt },
      this.#options,
    )
  }

  /** A channel as the journal has it; undefined when the journal lacks its quote. */
  async restore(id: Hash, purse: Hash, row: ChannelRow): Promise<ChannelDriver | undefined> {
    const { receipts, store, logger } = this.#components
    const quotes = await receipts.quotes(id)
    const newest = quotes.at(-1)
    if (newest === undefined) {
      logger.error('a channel in the journal has no quote and is left out', { channel: id })
      return undefined
    }
    const head = await receipts.head(id)
    const accepted = await store.scan(PAYER_TABLES.accepted, { prefix: `${hashKey(id)}/` })
    const ledger = new PayerLedger({
      channel: id,
      allocationMicroUsd: row.allocationMicroUsd,
      head: head?.before,
      receiptedMicroUsd: await this.#receipted(id, head),
      sent: sentOf(head),
      accepted: accepted.map(({ value }) => entryRowSchema.decodeMessage(value)),
      account: this.#accountOf(row.node),
    })
    const quote = { quote: quoteSchema.decodeDocument(newest.document), signed: newest, need: undefined }
    const usedAt = head?.row.at ?? row.openedAt
    const parts = { purse, row, quote, quoteCount: quotes.length, ledger, wasOpened: true, usedAt }
    return new ChannelDriver(this.#components, parts, this.#options)
  }

  async #receipted(id: Hash, head: ReceiptHead | undefined): Promise<ReturnType<typeof microUsd>> {
    if (head === undefined) return microUsd(0n)
    if (head.row.providerSignature !== undefined) return head.before.cumulativeMicroUsd
    if (head.before.index === 0) return microUsd(0n)
    const key = channelNumberKey(id, head.before.index - 1)
    const value = await this.#components.store.get(PAYER_TABLES.receipts, key)
    if (value === undefined) return microUsd(0n)
    return incrementSchema.decodeDocument(receiptRowSchema.decodeMessage(value).increment).cumulativeMicroUsd
  }

  #accountOf(node: Address): PayerAccount {
    const known = this.#accounts.get(node)
    if (known !== undefined) return known
    const account = { credit: noCredit, exposureMicroUsd: 0n, line: new CreditLine() }
    this.#accounts.set(node, account)
    return account
  }
}

function sentOf(head: ReceiptHead | undefined): SentIncrement | undefined {
  if (head === undefined || head.row.providerSignature !== undefined) return undefined
  const { increment: bytes, voucherSignature } = head.row
  return { increment: incrementSchema.decodeDocument(bytes), bytes, voucherSignature }
}
