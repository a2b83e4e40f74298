import {
  type Chain,
  type Clock,
  type Hash,
  type Logger,
  type MicroUsd,
  messageOf,
  microUsd,
  type Timer,
} from '@stead/core'
import type { MarketPayerOptions } from '../options.ts'
import type { ChannelDriver } from './channel-driver.ts'
import type { PurseRecord } from './purse-record.ts'

/** What looking after idle purses stands on. */
export interface IdlePursesComponents {
  readonly chain: Chain
  readonly clock: Clock
  readonly logger: Logger
  readonly purses: () => readonly PurseRecord[]
  readonly driversOf: (purse: Hash) => readonly ChannelDriver[]
  readonly thaw: (purse: Hash) => Promise<unknown>
  readonly close: (purse: Hash) => Promise<unknown>
  /** Takes the channels of a purse out of memory; its money can still be taken back by hand. */
  readonly rest: (purse: Hash) => Promise<void>
}

/** After a start, what will be used again has been used by then. */
const GRACE_MS = 3_600_000

/**
 * Brings money home by itself: a purse that nobody has used for days begins to thaw, and one whose thaw is over is closed. What
 * holds less than its transactions would cost is left where it is, and takes no room in memory any more.
 */
export class IdlePurses {
  readonly #components: IdlePursesComponents
  readonly #options: Pick<MarketPayerOptions, 'purseCheckMs' | 'purseIdleMs' | 'purseMinimumMicroUsd'>
  #timer: Timer | undefined
  #looking: Promise<void> = Promise.resolve()
  #startedAtMs = 0
  #isRunning = false

  constructor(
    components: IdlePursesComponents,
    options: Pick<MarketPayerOptions, 'purseCheckMs' | 'purseIdleMs' | 'purseMinimumMicroUsd'>,
  ) {
    this.#components = components
    this.#options = options
  }

  start(): void {
    this.#isRunning = true
    this.#startedAtMs = this.#components.clock.monotonicMs()
    this.#lookLater()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#timer?.clear()
    await this.#looking
  }

  #lookLater(): void {
    this.#timer = this.#components.clock.setTimer(this.#options.purseCheckMs, () => {
      this.#looking = this.#look().finally(() => {
        if (this.#isRunning) this.#lookLater()
      })
    })
  }

  async #look(): Promise<void> {
    await this.#each('thawing', (purses) => this.#closeOver(purses))
    const runsMs = this.#components.clock.monotonicMs() - this.#startedAtMs
    if (runsMs < Math.min(GRACE_MS, this.#options.purseIdleMs)) return
    await this.#each('funded', (purses) => this.#bringHome(purses))
  }

  async #each(stage: PurseRecord['stage'], work: (purses: readonly PurseRecord[]) => Promise<void>): Promise<void> {
    const purses = this.#components.purses().filter((purse) => purse.stage === stage)
    try {
      if (purses.length > 0) await work(purses)
    } catch (error) {
      this.#components.logger.warn('purses could not be looked at', { stage, error: messageOf(error) })
    }
  }

  async #closeOver(purses: readonly PurseRecord[]): Promise<void> {
    const { chain, thaw, close } = this.#components
    const now = await chain.blockTime()
    for (const { purse, thawEndsAt } of purses)
      if (thawEndsAt !== undefined && thawEndsAt < now)
        await this.#try('closed', purse, async () => {
          // Nothing where it thaws; begins anew where another fork undid that.
          await thaw(purse)
          await close(purse)
        })
  }

  async #bringHome(purses: readonly PurseRecord[]): Promise<void> {
    const { driversOf, thaw, rest } = this.#components
    for (const { purse, seed } of purses) {
      const drivers = driversOf(purse)
      if (drivers.length === 0 || !drivers.every((driver) => this.#isIdle(driver))) continue
      const left = leftMicroUsd(seed.totalMicroUsd, drivers)
      if (left >= this.#options.purseMinimumMicroUsd) await this.#try('thawed', purse, () => thaw(purse))
      else await this.#try('put to rest', purse, () => rest(purse))
    }
  }

  #isIdle(driver: ChannelDriver): boolean {
    return driver.isIdle && this.#components.clock.now() - driver.usedAt >= this.#options.purseIdleMs
  }

  /** What does not go now goes at the next look. */
  async #try(what: string, purse: Hash, work: () => Promise<unknown>): Promise<void> {
    if (!this.#isRunning) return
    try {
      await work()
      this.#components.logger.info(`an idle purse was ${what}`, { purse })
    } catch (error) {
      this.#components.logger.warn(`an idle purse could not be ${what} yet`, { purse, error: messageOf(error) })
    }
  }
}

/** What of a purse no voucher says. */
function leftMicroUsd(total: MicroUsd, drivers: readonly ChannelDriver[]): MicroUsd {
  return microUsd(drivers.reduce((left, { ledger }) => left - ledger.signedMicroUsd, total as bigint))
}
