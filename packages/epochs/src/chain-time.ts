import type { BlockMark, Clock, UnixMs } from '@stead/core'
import { type EpochCalendar, type EpochNumber, epochAt } from '@stead/rewards'

/** Blocks from which the offset between the chain's time and ours is taken. */
const OBSERVED_MAX = 16

/**
 * What time it is on the chain: its newest block's time and what has passed since. A block is seen late, never early,
 * so the greatest of the last offsets is the nearest; wall clocks play no part.
 */
export class ChainTime {
  readonly #clock: Clock
  readonly #calendar: EpochCalendar
  readonly #offsetsMs: number[] = []
  #head: BlockMark | undefined

  constructor(components: { readonly clock: Clock; readonly calendar: EpochCalendar }) {
    this.#clock = components.clock
    this.#calendar = components.calendar
  }

  /** The newest block that was seen; undefined before the first. */
  get head(): BlockMark | undefined {
    return this.#head
  }

  /** Takes note of the newest block, in the moment in which it is seen. */
  observe(mark: BlockMark): void {
    if (this.#head?.hash === mark.hash) return
    this.#head = mark
    this.#offsetsMs.push(mark.at - this.#clock.monotonicMs())
    if (this.#offsetsMs.length > OBSERVED_MAX) this.#offsetsMs.shift()
  }

  /** @throws TypeError before the first block was seen */
  now(): UnixMs {
    if (this.#offsetsMs.length === 0) throw new TypeError('no block was seen yet')
    return Math.floor(Math.max(...this.#offsetsMs) + this.#clock.monotonicMs()) as UnixMs
  }

  /** How long until a moment of the chain's time, in milliseconds; 0 when it has passed. */
  untilMs(at: UnixMs): number {
    return Math.max(0, at - this.now())
  }

  /** The epoch of this moment. */
  epoch(): EpochNumber {
    return epochAt(this.#calendar, Math.floor(this.now() / 1000))
  }
}
