import { type Clock, type Hash, type Logger, messageOf, type StoreOperation } from '@stead/core'
import { type BillEntry, type SignedDocument, signedDocumentSchema } from '@stead/protocol'
import type { SentIncrement } from '../channel/payer-ledger.ts'
import { deliveryKey } from '../channel/provider-ledger.ts'
import type { Journal } from '../journal/journal.ts'
import { entryRowSchema, receiptRowSchema } from '../journal/rows.ts'
import { channelNumberKey, deliveryRowKey, PAYER_TABLES, put, remove } from '../journal/tables.ts'

/** What a channel's journal stands on. */
export interface ChannelJournalComponents {
  readonly journal: Journal
  readonly clock: Clock
  readonly logger: Logger
}

/** What the payer writes about one channel. */
export class ChannelJournal {
  readonly #components: ChannelJournalComponents
  readonly #channel: Hash
  #receiptWrites: Promise<void> = Promise.resolve()
  /**
   * Receipts that the disk is not known to have, by index. The next increment takes them along: once it is on disk,
   * nobody asks for an earlier receipt again, and the chain of receipts would have a hole for ever.
   */
  readonly #unwritten: Map<number, StoreOperation> = new Map()

  constructor(components: ChannelJournalComponents, channel: Hash) {
    this.#components = components
    this.#channel = channel
  }

  /** Receipts that the disk is not known to have; one more is asked for only after they went along with its increment. */
  get unwrittenCount(): number {
    return this.#unwritten.size
  }

  /** Resolves when every receipt is written, or is known not to be. */
  get written(): Promise<void> {
    return this.#receiptWrites
  }

  /** Nobody waits for this: a failure is logged, and matters only when this node crashes before it pays. */
  accepted(entry: BillEntry): void {
    const { journal, logger } = this.#components
    const row = put(PAYER_TABLES.accepted, this.#entryKey(entry), entryRowSchema.encodeMessage(entry))
    journal.keep(row).catch((error: unknown) => {
      logger.warn('an accepted delivery could not be journaled; it is paid unless this node crashes', {
        channel: this.#channel,
        error: messageOf(error),
      })
    })
  }

  /** The provider does not know these deliveries any more. */
  dropped(entries: readonly BillEntry[]): Promise<void> {
    const rows = entries.map((entry) => remove(PAYER_TABLES.accepted, this.#entryKey(entry)))
    return this.#components.journal.write(rows, 'process')
  }

  /** An increment before it is sent, with the receipts before it that are refused or still on their way to the disk. */
  async signed(sent: SentIncrement): Promise<void> {
    const entries = sent.increment.entries.map((entry) => remove(PAYER_TABLES.accepted, this.#entryKey(entry)))
    const unwritten = Array.from(this.#unwritten)
    const receipts = unwritten.map(([, row]) => row)
    await this.#components.journal.write([...receipts, this.#receiptRow(sent, undefined), ...entries], 'power')
    for (const [index] of unwritten) this.#unwritten.delete(index)
  }

  /** Room does not wait for the disk: a receipt that a crash loses is asked for again. */
  receipted(sent: SentIncrement, providerSignature: Uint8Array): void {
    const { journal, logger } = this.#components
    const { index } = sent.increment
    const row = this.#receiptRow(sent, providerSignature)
    this.#unwritten.set(index, row)
    const written = journal.write([row], 'power').then(
      () => void this.#unwritten.delete(index),
      (error: unknown) =>
        logger.warn('a receipt could not be journaled; it goes with the next increment, or is asked for again', {
          channel: this.#channel,
          index,
          error: messageOf(error),
        }),
    )
    this.#receiptWrites = Promise.all([this.#receiptWrites, written]).then(() => undefined)
  }

  /** A quote of the channel, by its number. */
  quoted(number: number, quote: SignedDocument): Promise<void> {
    const row = put(
      PAYER_TABLES.quotes,
      channelNumberKey(this.#channel, number),
      signedDocumentSchema.encodeMessage(quote),
    )
    return this.#components.journal.write([row], 'power')
  }

  #entryKey(entry: BillEntry): string {
    return deliveryRowKey(this.#channel, deliveryKey(entry.delivery))
  }

  #receiptRow(sent: SentIncrement, providerSignature: Uint8Array | undefined): StoreOperation {
    const row = receiptRowSchema.encodeMessage({
      version: 1,
      increment: sent.bytes,
      voucherSignature: sent.voucherSignature,
      ...(providerSignature === undefined ? {} : { providerSignature }),
      at: this.#components.clock.now(),
    })
    return put(PAYER_TABLES.receipts, channelNumberKey(this.#channel, sent.increment.index), row)
  }
}
