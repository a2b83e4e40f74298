import { MarketError } from '../errors.ts'

/** Runs the work on one channel one after the other; a bounded queue, because strangers fill it. */
export class SerialQueue {
  readonly #lengthMax: number
  #tail: Promise<void> = Promise.resolve()
  #length = 0

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax
  }

  /** What waits or runs now, and the most that may. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#length, max: this.#lengthMax }
  }

  /** @throws MarketError MARKET_BUSY when too much waits; and whatever `work` throws */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#length >= this.#lengthMax) {
      throw new MarketError('MARKET_BUSY', `${this.#length} messages of this channel wait already`, {
        details: { have: this.#length, limit: this.#lengthMax },
      })
    }
    this.#length += 1
    const result = this.#tail.then(work)
    const settled = (): void => {
      this.#length -= 1
    }
    this.#tail = result.then(settled, settled)
    return result
  }
}
