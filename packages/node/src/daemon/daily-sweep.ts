import { type Clock, type Logger, messageOf, type Random, type Timer } from '@stead/core'

/** What a sweep stands on. */
export interface DailySweepComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

const DAY_MS = 86_400_000
/** A machine that runs for an hour a day is swept too. */
const FIRST_MS = 600_000

/** Looks once a day for what no object needs any more: what crashes and given-up writes left behind. */
export class DailySweep {
  readonly #components: DailySweepComponents
  readonly #sweep: () => Promise<object>
  #timer: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(components: DailySweepComponents, sweep: () => Promise<object>) {
    this.#components = components
    this.#sweep = sweep
  }

  start(): void {
    // Machines of one owner should not all sweep at the same moment.
    this.#later(FIRST_MS * (1 + this.#components.random.fraction()))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.clear()
    await this.#working
  }

  #later(delayMs: number): void {
    this.#timer = this.#components.clock.setTimer(delayMs, () => {
      this.#working = this.#run().finally(() => {
        if (!this.#isStopped) this.#later(DAY_MS)
      })
    })
  }

  async #run(): Promise<void> {
    const { logger } = this.#components
    try {
      logger.info('objects were swept', { ...(await this.#sweep()) })
    } catch (error) {
      // Nodes or the disk are away: what is left behind waits a day longer.
      logger.warn('objects could not be swept', { error: messageOf(error) })
    }
  }
}
