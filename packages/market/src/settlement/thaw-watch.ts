import { type Chain, type Hash, type Logger, messageOf, type Store, type UnixMs } from '@stead/core'
import { creditAfterWriteOff } from '../channel/credit-window.ts'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema } from '../journal/rows.ts'
import { hashKey, PROVIDER_TABLES, put, remove } from '../journal/tables.ts'
import type { PayerRecords } from '../provider/payer-records.ts'
import type { ProviderChannel } from '../provider/provider-channel.ts'

/** What the watch stands on. */
export interface ThawWatchComponents {
  readonly chain: Chain
  readonly store: Store
  readonly journal: Journal
  readonly payers: PayerRecords
  readonly logger: Logger
  readonly channels: () => Iterable<ProviderChannel>
  /** Takes a channel out of memory. */
  readonly forget: (channel: ProviderChannel) => void
  /** Something may have to be claimed before it is too late. */
  readonly onThaw: () => void
  readonly onWrittenOff: (channel: ProviderChannel, writtenOff: bigint) => void
}

/** Rows that one write removes. */
const SWEPT_AT_ONCE = 1024

/** Notices purses that their payers empty: nothing new is delivered against them, and what they owe is claimed in time. */
export class ThawWatch {
  readonly #components: ThawWatchComponents
  #stopWatching: (() => void) | undefined
  /** Purses whose state was read since the start: a thaw may have begun while this node was down. */
  readonly #read: Set<Hash> = new Set()

  constructor(components: ThawWatchComponents) {
    this.#components = components
  }

  start(): void {
    this.#stopWatching = this.#components.chain.watchThaws((purse, endsAt) => this.#mark(purse, endsAt))
  }

  stop(): void {
    this.#stopWatching?.()
    this.#stopWatching = undefined
  }

  /** Purses that need no second look. */
  get count(): number {
    return this.#read.size
  }

  /** A purse that was read just now needs no second look. */
  note(purse: Hash): void {
    this.#read.add(purse)
  }

  /** Reads purses that were not read since the start, and those whose thaw is over. @throws the chain's errors */
  async check(): Promise<void> {
    const { chain } = this.#components
    const purses = new Set<Hash>()
    const channels = Array.from(this.#components.channels())
    this.#forgetOthers(new Set(channels.map(({ terms }) => terms.purse)))
    const now = channels.some(({ thawEndsAt }) => thawEndsAt !== undefined) ? await chain.blockTime() : 0
    for (const { terms, thawEndsAt } of channels) {
      const isOver = thawEndsAt !== undefined && thawEndsAt <= now
      if (isOver || !this.#read.has(terms.purse)) purses.add(terms.purse)
    }
    for (const purse of purses) {
      const state = await chain.purse(purse)
      if (state?.closed === true) await this.#close(purse)
      else if (state?.thawEndsAt !== undefined) this.#mark(purse, state.thawEndsAt)
      this.#read.add(purse)
    }
  }

  /** A purse without a channel here is of no interest any more. */
  #forgetOthers(purses: ReadonlySet<Hash>): void {
    for (const purse of this.#read) if (!purses.has(purse)) this.#read.delete(purse)
  }

  #mark(purse: Hash, endsAt: UnixMs): void {
    const { journal, logger, onThaw } = this.#components
    for (const channel of this.#of(purse)) {
      if (channel.thawEndsAt === endsAt) continue
      channel.thawEndsAt = endsAt
      if (channel.stage === 'open') channel.stage = 'thawing'
      logger.info('a purse thaws; its channel serves no more', { channel: channel.id, purse, endsAt })
      const row = put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(channel.row()))
      // The chain keeps the fact; after a crash the first look reads it again.
      journal.write([row], 'process').catch((error: unknown) => {
        logger.warn('a thaw could not be journaled', { channel: channel.id, error: messageOf(error) })
      })
      onThaw()
    }
  }

  /** The money is gone: what was not claimed will never be. */
  async #close(purse: Hash): Promise<void> {
    const { journal, payers, logger, forget, onWrittenOff } = this.#components
    for (const channel of this.#of(purse)) {
      await this.#sweep(channel.id)
      await channel.account.queue.run(async () => {
        const unpaid = channel.stage === 'broken' ? 0n : channel.ledger.outstandingMicroUsd
        if (unpaid > 0n)
          channel.account.credit = creditAfterWriteOff(channel.account.credit, channel.quote.credit, unpaid)
        const lost = channel.claimableMicroUsd
        channel.stage = 'closed'
        const row = put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(channel.row()))
        await journal.write([row, payers.row(channel.account.payer, channel.account.credit)], 'power')
        forget(channel)
        onWrittenOff(channel, unpaid)
        logger.info('a purse was closed', {
          channel: channel.id,
          purse,
          unpaidMicroUsd: unpaid,
          unclaimedMicroUsd: lost,
        })
      })
    }
  }

  /** What was delivered on a channel is of no use without its money, and is not kept; receipts are. */
  async #sweep(channel: Hash): Promise<void> {
    const { store, journal } = this.#components
    for (const table of [PROVIDER_TABLES.delivered, PROVIDER_TABLES.seen]) {
      for (;;) {
        const rows = await store.scan(table, { prefix: `${hashKey(channel)}/`, limit: SWEPT_AT_ONCE })
        if (rows.length === 0) break
        await journal.write(
          rows.map(({ key }) => remove(table, key)),
          'process',
        )
      }
    }
  }

  #of(purse: Hash): readonly ProviderChannel[] {
    return Array.from(this.#components.channels()).filter((channel) => channel.terms.purse === purse)
  }
}
