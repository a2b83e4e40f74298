import type { Clock } from '@stead/core'

/** Who waits for a change of one channel: calls that wait for a condition, and listeners that want to know of all. */
export class Waiters {
  readonly #clock: Clock
  readonly #checks: Set<() => void> = new Set()
  readonly #listeners: Set<() => void> = new Set()
  #isNotifying = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True while a call waits. */
  get isAwaited(): boolean {
    return this.#checks.size > 0
  }

  listen(callback: () => void): () => void {
    const own = (): void => callback()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** Waits until `isDone` or until the time is over. */
  async until(isDone: () => boolean, timeoutMs: number): Promise<void> {
    if (isDone()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (isDone()) resolve()
    }
    this.#checks.add(check)
    const timer = this.#clock.setTimer(timeoutMs, resolve)
    await promise
    timer.clear()
    this.#checks.delete(check)
  }

  /** Lets waiting calls look at once. */
  wake(): void {
    for (const check of this.#checks) check()
  }

  /** Lets calls look at once, and listeners in a turn of their own, so that none runs in the middle of a change. */
  notify(): void {
    this.wake()
    if (this.#isNotifying || this.#listeners.size === 0) return
    this.#isNotifying = true
    queueMicrotask(() => {
      this.#isNotifying = false
      for (const listener of this.#listeners) listener()
    })
  }
}
