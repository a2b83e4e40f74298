import type { Clock, Timer, UnixMs } from '@stead/core'
import { sleepOn } from './sleep.ts'

interface PendingTimer {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/** Settings of a {@link ManualClock}. */
export interface ManualClockOptions {
  /** Wall clock at the start. @default 2026-01-01T00:00:00Z */
  readonly startAt?: UnixMs
  /**
   * Turns of the microtask queue after each timer, so that promises which it settled are worked off before the next one
   * fires; always the same number, so that a run can be repeated. @default 100
   */
  readonly turnsPerStep?: number
}

const START_AT = 1_767_225_600_000 as UnixMs
const TURNS_PER_STEP = 100

/** A clock that stands still until a test moves it; timers fire in order of their time, then of their making. */
export class ManualClock implements Clock {
  readonly #startAt: UnixMs
  readonly #turnsPerStep: number
  readonly #timers = new Set<PendingTimer>()
  #elapsedMs = 0
  #wallOffsetMs = 0
  #order = 0

  constructor(options: ManualClockOptions = {}) {
    this.#startAt = options.startAt ?? START_AT
    this.#turnsPerStep = options.turnsPerStep ?? TURNS_PER_STEP
  }

  /** Timers that wait. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  now(): UnixMs {
    return Math.floor(this.#startAt + this.#elapsedMs + this.#wallOffsetMs) as UnixMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    this.#order += 1
    const timer: PendingTimer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order, callback }
    this.#timers.add(timer)
    return { clear: () => this.#timers.delete(timer) }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  /** Moves the wall clock alone, as a user or a time server does; negative is back. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** Lets `byMs` pass: fires what falls due, one timer after the other, and works off the promises after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#elapsedMs + byMs
    await this.settle()
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#timers.delete(next)
      this.#elapsedMs = next.dueMs
      next.callback()
      await this.settle()
    }
    this.#elapsedMs = endMs
  }

  /** Works off promises without letting time pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < this.#turnsPerStep; turn++) await Promise.resolve()
  }

  #nextUntil(endMs: number): PendingTimer | undefined {
    let first: PendingTimer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue
      const isEarlier =
        first === undefined || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)
      if (isEarlier) first = timer
    }
    return first
  }
}
