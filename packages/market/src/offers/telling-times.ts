import type { Clock, Timer } from '@stead/core'

/** A new peer hears of the own offers this long after it came, once its gossip is in place. */
const GREET_MS = 1_000

/**
 * When own offers are published again: once in a while, and sooner when a peer came, because one of the first to come
 * may be all that there is of a network. Each such greeting goes to everybody, so the next waits twice as long, up to the
 * usual time: once an offer is in a network that goes on growing, newcomers ask for it.
 */
export class TellingTimes {
  readonly #clock: Clock
  readonly #refreshMs: () => number
  readonly #tell: () => void
  #timer: Timer | undefined
  #toldAtMs = 0
  /** Before any time while it does not run. */
  #dueAtMs = Number.NEGATIVE_INFINITY
  #pauseMs = GREET_MS

  constructor(clock: Clock, refreshMs: () => number, tell: () => void) {
    this.#clock = clock
    this.#refreshMs = refreshMs
    this.#tell = tell
  }

  /** Tells now, and from now on. */
  start(): void {
    this.#toldAtMs = this.#clock.monotonicMs()
    this.#tell()
    this.#tellIn(this.#refreshMs())
  }

  stop(): void {
    this.#timer?.clear()
    this.#dueAtMs = Number.NEGATIVE_INFINITY
  }

  /** There is somebody who may not know yet. */
  greet(): void {
    const nowMs = this.#clock.monotonicMs()
    const greetAtMs = Math.max(nowMs + GREET_MS, this.#toldAtMs + this.#pauseMs)
    if (greetAtMs >= this.#dueAtMs) return
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.#refreshMs())
    this.#tellIn(greetAtMs - nowMs)
  }

  /** Nobody is left who knows: whoever comes next is greeted at once. */
  forget(): void {
    this.#pauseMs = GREET_MS
  }

  #tellIn(delayMs: number): void {
    this.#timer?.clear()
    this.#dueAtMs = this.#clock.monotonicMs() + delayMs
    this.#timer = this.#clock.setTimer(delayMs, () => this.start())
  }
}
