import type { Clock, Timer, UnixMs } from '@stead/core'
import { sleepOn } from '@stead/testkit'
import type { Scheduler } from './scheduler.ts'

/** How a node's clock differs from the world's. */
export interface ClockFaults {
  /** How much faster its oscillator runs, in parts per million; cheap ones are within 100. */
  readonly driftPpm: number
  /** How far its wall clock is off, in milliseconds. */
  readonly wallOffsetMs: number
}

/** The shortest time that passes, a microsecond. */
const STEP_MS_MIN = 0.001

/** When every world begins: 2026-01-01T00:00:00Z. */
const WORLD_BEGINS_AT: UnixMs = 1_767_225_600_000 as UnixMs

/**
 * The Clock port of one life of a node. Its monotonic time drifts, its wall time jumps, and when the process dies its
 * timers die with it.
 */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler
  readonly #rate: number
  readonly #bornMs: number
  readonly #timers: Set<Timer> = new Set()
  readonly #wallOffsetFirstMs: number
  #wallOffsetMs: number
  #isDead = false

  constructor(scheduler: Scheduler, faults: ClockFaults = { driftPpm: 0, wallOffsetMs: 0 }) {
    this.#scheduler = scheduler
    this.#rate = 1 + faults.driftPpm / 1_000_000
    this.#wallOffsetFirstMs = faults.wallOffsetMs
    this.#wallOffsetMs = faults.wallOffsetMs
    this.#bornMs = scheduler.nowMs
  }

  /** Timers that wait: what a check for leaks looks at. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  now(): UnixMs {
    return Math.floor(WORLD_BEGINS_AT + this.#scheduler.nowMs + this.#wallOffsetMs) as UnixMs
  }

  monotonicMs(): number {
    return (this.#scheduler.nowMs - this.#bornMs) * this.#rate
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (this.#isDead) return { clear: () => undefined }
    // Less would be lost in the rounding of the sum: the timer would fire in the same moment, for ever.
    const waitMs = delayMs > 0 ? Math.max(delayMs, STEP_MS_MIN) : 0
    const event = this.#scheduler.at(this.#scheduler.nowMs + waitMs / this.#rate, () => {
      this.#timers.delete(timer)
      callback()
    })
    const timer: Timer = {
      clear: () => {
        event.clear()
        this.#timers.delete(timer)
      },
    }
    this.#timers.add(timer)
    return timer
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  /** Moves the wall clock, as a time server or a person does. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** Sets the wall clock as right as it was in the beginning. */
  mendWall(): void {
    this.#wallOffsetMs = this.#wallOffsetFirstMs
  }

  /** The process is gone: no timer of it fires any more, and none can be set. */
  die(): void {
    this.#isDead = true
    for (const timer of [...this.#timers]) timer.clear()
  }
}
