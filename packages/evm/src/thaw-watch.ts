import {
  type Address,
  type Clock,
  type Hash,
  isSteadError,
  type Logger,
  messageOf,
  type Timer,
  type UnixMs,
} from '@stead/core'
import type { ChainRpc } from './chain-rpc.ts'
import { eventTopics, thawOf } from './contract-events.ts'
import { searchLogs } from './log-search.ts'

/** Blocks that are looked at again: a reorganisation may put an event into a block that was already read. */
const OVERLAP_BLOCKS = 12

/** Called for a purse that started to thaw. */
export type ThawCallback = (purse: Hash, endsAt: UnixMs) => void

/** Where and how often to look. */
export interface ThawWatchOptions {
  readonly escrow: Address
  readonly thawPollMs: number
  readonly logBlocksMax: number
}

/**
 * Looks for purses that start to thaw, from the block at which the adapter started. What happens during an outage is
 * found after it, because the next look begins where the last good one ended.
 */
export class ThawWatch {
  readonly #components: { readonly rpc: ChainRpc; readonly clock: Clock; readonly logger: Logger }
  readonly #options: ThawWatchOptions
  readonly #callbacks: Set<ThawCallback> = new Set()
  /** Thaws told of in the blocks that are looked at again; where another fork undid one, the purse's next one ends later. */
  readonly #told: Map<Hash, { readonly block: number; readonly endsAt: UnixMs }> = new Map()
  #firstBlock = 0
  #lastBlock = 0
  #timer: Timer | undefined
  #isLooking = false
  #isStopped = true
  #hadOutage = false

  constructor(
    components: { readonly rpc: ChainRpc; readonly clock: Clock; readonly logger: Logger },
    options: ThawWatchOptions,
  ) {
    this.#components = components
    this.#options = options
  }

  /** Everything after this block counts. */
  start(headBlock: number): void {
    this.#firstBlock = headBlock + 1
    this.#lastBlock = headBlock
    this.#isStopped = false
    this.#schedule(0)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.clear()
    this.#timer = undefined
    this.#callbacks.clear()
  }

  /** Calls back until the returned function is called. */
  add(callback: ThawCallback): () => void {
    this.#callbacks.add(callback)
    this.#schedule(0)
    return () => {
      this.#callbacks.delete(callback)
    }
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped || this.#isLooking || this.#callbacks.size === 0) return
    this.#timer?.clear()
    this.#timer = this.#components.clock.setTimer(delayMs, () => {
      this.#isLooking = true
      this.#look().then(
        () => this.#looked(),
        (error: unknown) => this.#lookFailed(error),
      )
    })
  }

  #looked(): void {
    if (this.#hadOutage) this.#components.logger.info('thaw watch caught up', { block: this.#lastBlock })
    this.#hadOutage = false
    this.#isLooking = false
    this.#schedule(this.#options.thawPollMs)
  }

  #lookFailed(error: unknown): void {
    if (!this.#hadOutage && !this.#isStopped)
      this.#components.logger.warn('thaw watch interrupted', {
        ...(isSteadError(error) ? { code: error.code } : {}),
        error: messageOf(error),
      })
    this.#hadOutage = true
    this.#isLooking = false
    this.#schedule(this.#options.thawPollMs)
  }

  async #look(): Promise<void> {
    const { rpc } = this.#components
    const head = await rpc.blockNumber()
    // A local chain that was killed may come back a few blocks shorter.
    this.#firstBlock = Math.min(this.#firstBlock, head + 1)
    const fromBlock = Math.max(this.#firstBlock, Math.min(this.#lastBlock, head) + 1 - OVERLAP_BLOCKS)
    const logs = await searchLogs(
      rpc,
      { contract: this.#options.escrow, topics: [eventTopics.thawing], fromBlock, toBlock: head },
      this.#options.logBlocksMax,
    )
    const startBlock = this.#lastBlock
    for (const log of logs) {
      const { purse, endsAt } = thawOf(log)
      const isOld = this.#told.get(purse)?.endsAt === endsAt
      this.#told.set(purse, { block: log.blockNumber, endsAt })
      if (!isOld) this.#tell(purse, endsAt)
    }
    this.#lastBlock = head
    for (const [purse, { block }] of this.#told)
      if (block + OVERLAP_BLOCKS < Math.min(startBlock, head)) this.#told.delete(purse)
  }

  #tell(purse: Hash, endsAt: UnixMs): void {
    for (const callback of this.#callbacks) {
      try {
        callback(purse, endsAt)
      } catch (error) {
        this.#components.logger.error('thaw callback failed', { purse, error: messageOf(error) })
      }
    }
  }
}
