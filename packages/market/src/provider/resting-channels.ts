import {
  type Chain,
  type Clock,
  type Hash,
  hash,
  type Logger,
  messageOf,
  type Random,
  type Store,
  type StoreRow,
} from '@stead/core'
import { bytesToHex, purseIdOf } from '@stead/protocol'
import { type ChannelRow, channelRowSchema } from '../journal/rows.ts'
import { PROVIDER_TABLES } from '../journal/tables.ts'

/** What looking after resting channels stands on. */
export interface RestingChannelsComponents {
  readonly store: Store
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The purse of a channel that rests is closed. */
  readonly onClosed: (channel: Hash) => Promise<void>
}

/** The pause between two looks: with {@link PURSES_AT_ONCE}, 240 purses an hour. */
const LOOK_EVERY_MS = 60_000
/** Purses that one look asks the chain about: claims wait for it. */
const PURSES_AT_ONCE = 4
/** Rows that one look reads at the most. */
const ROWS_AT_ONCE = 256
/** A purse is not asked about again sooner; nothing but room on the disk waits for it. */
const ROUND_EVERY_MS = 24 * 3_600_000

/**
 * Finds resting channels whose purse was closed meanwhile: nobody will use them again. Nothing of them is in memory, so their
 * rows are gone through, a few at a time and round by round: each comes once before any comes again.
 */
export class RestingChannels {
  readonly #components: RestingChannelsComponents
  /** The last key that was looked at in this round; undefined between two rounds. */
  #after: string | undefined
  #nextLookAtMs = 0
  #nextRoundAtMs = 0

  constructor(components: RestingChannelsComponents) {
    this.#components = components
  }

  /** Looks at some of them when it is time; what the chain does not answer is asked again at the next look. */
  async look(): Promise<void> {
    const nowMs = this.#components.clock.monotonicMs()
    if (nowMs < this.#nextLookAtMs) return
    if (this.#after === undefined && nowMs < this.#nextRoundAtMs) return
    const isFirst = this.#nextLookAtMs === 0
    this.#nextLookAtMs = nowMs + LOOK_EVERY_MS
    if (this.#after === undefined) this.#beginRound(nowMs, isFirst)
    try {
      await this.#lookAtSome()
    } catch (error) {
      this.#components.logger.warn('purses of channels that rest could not be looked at', { error: messageOf(error) })
    }
  }

  /** The first one of a process begins anywhere: else a node that starts often would never come to the last of them. */
  #beginRound(nowMs: number, isFirst: boolean): void {
    this.#after = isFirst ? bytesToHex(this.#components.random.bytes(4)).slice(2) : ''
    if (!isFirst) this.#nextRoundAtMs = nowMs + ROUND_EVERY_MS
  }

  async #lookAtSome(): Promise<void> {
    const { store, chain, onClosed } = this.#components
    const range = { after: this.#after ?? '', limit: ROWS_AT_ONCE }
    const rows = await store.scan(PROVIDER_TABLES.channels, range)
    const isClosed = new Map<Hash, boolean>()
    for (const { key, row } of rows.map(decode)) {
      if (isResting(row)) {
        const purse = purseIdOf(chain.identity, row.seed)
        if (!isClosed.has(purse)) {
          if (isClosed.size >= PURSES_AT_ONCE) return
          isClosed.set(purse, (await chain.purse(purse))?.closed === true)
        }
        if (isClosed.get(purse) === true) await onClosed(hash(`0x${key}`))
      }
      this.#after = key
    }
    if (rows.length < ROWS_AT_ONCE) this.#after = undefined
  }
}

/** In the journal alone, and of use to its payer. */
export function isResting({ restingSince, stage }: ChannelRow): boolean {
  return restingSince !== undefined && stage !== 'closed'
}

function decode({ key, value }: StoreRow): { readonly key: string; readonly row: ChannelRow } {
  return { key, row: channelRowSchema.decodeMessage(value) }
}
