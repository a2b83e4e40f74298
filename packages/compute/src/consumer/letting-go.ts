import type { Random } from '@stead/core'
import type { ComputeConsumerOptions } from '../options.ts'

/** In shares of the time after which a job counts as stalled. */
const [LEAST, MOST] = [0.5, 0.75]

/**
 * When a job that takes no step lets its undecided answers go. They hold their nodes' credit until replicas confirm them, and
 * those replicas wait for credit that other answers hold, of this job and of others (docs/adr/0006-verification.md).
 */
export class LettingGo {
  readonly #random: Random
  readonly #options: Pick<ComputeConsumerOptions, 'stallTimeoutMs'>
  #afterMs: number
  /** Tasks without an end the last time: once more only when there are fewer. */
  #waiting = Number.POSITIVE_INFINITY

  constructor(random: Random, options: Pick<ComputeConsumerOptions, 'stallTimeoutMs'>) {
    this.#random = random
    this.#options = options
    this.#afterMs = this.#drawMs()
  }

  /** @param waiting tasks without an end */
  isDue(stillMs: number, waiting: number): boolean {
    return stillMs > this.#afterMs && waiting < this.#waiting
  }

  /** It was done. */
  note(waiting: number): void {
    this.#waiting = waiting
    this.#afterMs = this.#drawMs()
  }

  /** Hardly the same for two jobs that wait for each other. */
  #drawMs(): number {
    return this.#options.stallTimeoutMs * (LEAST + (MOST - LEAST) * this.#random.fraction())
  }
}
