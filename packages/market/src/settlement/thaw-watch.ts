import {
  type Chain,
  type Clock,
  type Hash,
  type Logger,
  messageOf,
  type PurseState,
  type Store,
  type UnixMs,
} from '@stead/core'
import { creditAfterWriteOff } from '../channel/credit-window.ts'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema } from '../journal/rows.ts'
import { hashKey, PROVIDER_TABLES, put } from '../journal/tables.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { PayerRecords } from '../provider/payer-records.ts'
import type { ProviderChannel } from '../provider/provider-channel.ts'
import { sweepDeliveries } from '../provider/sweep-deliveries.ts'

/** What the watch stands on. */
export interface ThawWatchComponents {
  readonly chain: Chain
  readonly clock: Clock
  readonly store: Store
  readonly journal: Journal
  readonly payers: PayerRecords
  readonly logger: Logger
  readonly channels: () => Iterable<ProviderChannel>
  /** Those that a purse pays. */
  readonly channelsOf: (purse: Hash) => readonly ProviderChannel[]
  /** Takes a channel out of memory. */
  readonly forget: (channel: ProviderChannel) => void
  /** Something may have to be claimed before it is too late. */
  readonly onThaw: () => void
  readonly onWrittenOff: (channel: ProviderChannel, writtenOff: bigint) => void
}

/**
 * Notices purses that their payers empty, and those whose funding a reorganisation of the chain undid: nothing new is
 * delivered against them. What a thawing purse owes is claimed in time; one that is missing serves again when it is back.
 */
export class ThawWatch {
  readonly #components: ThawWatchComponents
  readonly #finalAfterMs: number
  #stopWatching: (() => void) | undefined
  /**
   * Purses whose state was read since the start, since a thaw may have begun while this node was down, and until when they
   * are read again, by the monotonic clock: another fork may undo a funding or a thaw.
   */
  readonly #finalAtMs: Map<Hash, number> = new Map()

  constructor(components: ThawWatchComponents, options: Pick<MarketProviderOptions, 'finalAfterMs'>) {
    this.#components = components
    this.#finalAfterMs = options.finalAfterMs
  }

  start(): void {
    this.#stopWatching = this.#components.chain.watchThaws((purse, endsAt) => this.#mark(purse, endsAt))
  }

  stop(): void {
    this.#stopWatching?.()
    this.#stopWatching = undefined
  }

  /** Purses whose state is known. */
  get count(): number {
    return this.#finalAtMs.size
  }

  /** Reads purses that were not read since the start, that are young, missing, or whose thaw is over. @throws the chain's errors */
  async check(): Promise<void> {
    const { chain, channelsOf, clock } = this.#components
    const purses = new Set<Hash>()
    const channels = Array.from(this.#components.channels())
    const nowMs = clock.monotonicMs()
    this.#forgetOthers(new Set(channels.map(({ terms }) => terms.purse)))
    const now = channels.some(({ thawEndsAt }) => thawEndsAt !== undefined) ? await chain.blockTime() : 0
    for (const { terms, thawEndsAt, isPurseMissing } of channels) {
      const isOver = thawEndsAt !== undefined && thawEndsAt <= now
      const isYoung = (this.#finalAtMs.get(terms.purse) ?? Number.POSITIVE_INFINITY) > nowMs
      if (isOver || isPurseMissing || isYoung) purses.add(terms.purse)
    }
    for (const purse of purses) {
      const thawing = channelsOf(purse).filter(({ thawEndsAt }) => thawEndsAt !== undefined)
      await this.#found(purse, await chain.purse(purse), thawing)
      if (!this.#finalAtMs.has(purse)) this.#finalAtMs.set(purse, clock.monotonicMs() + this.#finalAfterMs)
    }
  }

  /** @param thawing channels that were known to thaw before the chain was asked */
  async #found(purse: Hash, state: PurseState | undefined, thawing: readonly ProviderChannel[]): Promise<void> {
    this.#setMissing(purse, state === undefined)
    if (state === undefined) return
    if (state.closed) await this.#close(purse)
    else if (state.thawEndsAt !== undefined) this.#mark(purse, state.thawEndsAt)
    else for (const channel of thawing) await this.#unmark(channel)
  }

  #setMissing(purse: Hash, isMissing: boolean): void {
    const { channelsOf, logger } = this.#components
    for (const channel of channelsOf(purse)) {
      if (channel.isPurseMissing === isMissing) continue
      channel.isPurseMissing = isMissing
      // Back in a block that is young again.
      this.#finalAtMs.delete(purse)
      if (isMissing)
        logger.warn('a purse is not on chain any more; its channel does not serve', { channel: channel.id, purse })
      else logger.info('a purse is on chain again; its channel serves', { channel: channel.id, purse })
    }
  }

  /** A thaw that another fork undid. */
  async #unmark(channel: ProviderChannel): Promise<void> {
    const { journal, logger } = this.#components
    channel.thawEndsAt = undefined
    if (channel.stage === 'thawing') channel.stage = 'open'
    logger.info('a purse does not thaw any more; its channel serves', { channel: channel.id })
    const row = put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(channel.row()))
    await journal.write([row], 'process')
  }

  /** A purse without a channel here is of no interest any more. */
  #forgetOthers(purses: ReadonlySet<Hash>): void {
    for (const purse of this.#finalAtMs.keys()) if (!purses.has(purse)) this.#finalAtMs.delete(purse)
  }

  #mark(purse: Hash, endsAt: UnixMs): void {
    const { channelsOf, journal, logger, onThaw } = this.#components
    for (const channel of channelsOf(purse)) {
      if (channel.thawEndsAt === endsAt) continue
      channel.thawEndsAt = endsAt
      this.#finalAtMs.delete(purse)
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
    const { channelsOf, journal, payers, logger, forget, onWrittenOff } = this.#components
    for (const channel of channelsOf(purse)) {
      await sweepDeliveries(this.#components, channel.id)
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
}
