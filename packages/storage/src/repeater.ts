import type { Clock, Timer } from '@stead/core'

/** A stop waits no longer for work that waits for the chain; what it was about is on disk. */
const STOP_WAIT_MS = 2000

/** Does some work again and again; the work says after how many milliseconds. It must not throw. */
export class Repeater {
  readonly #clock: Clock
  readonly #work: () => Promise<number>
  #timer: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #isStopped = false
  #isWorking = false

  constructor(clock: Clock, work: () => Promise<number>) {
    this.#clock = clock
    this.#work = work
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  start(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#isWorking = true
      this.#working = this.#work().then((nextMs) => {
        this.#isWorking = false
        if (!this.#isStopped) this.start(nextMs)
      })
    })
  }

  /** Comes sooner than planned; what runs now is not disturbed. */
  hasten(delayMs: number): void {
    if (this.#isStopped || this.#isWorking) return
    this.#timer?.clear()
    this.start(delayMs)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.clear()
    const waiting = new AbortController()
    const late = this.#clock.sleep(STOP_WAIT_MS, waiting.signal).catch(() => undefined)
    await Promise.race([this.#working, late])
    waiting.abort()
  }
}
