import type { Timer } from '@stead/core'
import { EventHeap, SimEvent } from './event-heap.ts'
import type { Trace } from './trace.ts'

/** What a scheduler stands on. */
export interface SchedulerComponents {
  readonly trace: Trace
  /** Resolves when every promise that could settle has: after a turn of the event loop of the process. */
  readonly turn: () => Promise<void>
  /** Takes what an event throws, as a process takes what a timer throws. @default the run ends with it */
  readonly onThrow?: (error: unknown) => void
}

/** What an event gives of which nothing came: no promise was settled, and none was made. */
export const NOTHING_CAME: unique symbol = Symbol('nothing came of it')

/** Why a run ended. */
export type RunEnd = 'time' | 'stopped' | 'events'

/**
 * The time of a simulated world: it stands still while something happens, and leaps from one event to the next. All
 * promises are worked off between two events, so what a run does depends on nothing but its events.
 */
export class Scheduler {
  readonly #trace: Trace
  readonly #turn: () => Promise<void>
  readonly #onThrow: ((error: unknown) => void) | undefined
  readonly #heap = new EventHeap()
  #nowMs = 0
  #order = 0
  #fired = 0
  #isStopped = false

  constructor(components: SchedulerComponents) {
    this.#trace = components.trace
    this.#turn = components.turn
    this.#onThrow = components.onThrow
  }

  /** Simulated milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Events that have happened. */
  get fired(): number {
    return this.#fired
  }

  /** Events that wait; cleared ones count until their time. */
  get waiting(): number {
    return this.#heap.size
  }

  /** Lets something happen at a moment; one that is over is now. @param run may give {@link NOTHING_CAME} */
  at(dueMs: number, run: () => unknown): Timer {
    this.#order++
    const event = new SimEvent(Math.max(this.#nowMs, dueMs), this.#order, run)
    this.#heap.push(event)
    return event
  }

  /** Ends the run after the present event. */
  stop(): void {
    this.#isStopped = true
  }

  /** Works off promises without letting time pass. */
  async settle(): Promise<void> {
    await this.#turn()
  }

  /** Lets time pass. @param eventsMax a world that does more than this hangs in a loop */
  async run(untilMs: number, eventsMax: number = Number.POSITIVE_INFINITY): Promise<RunEnd> {
    this.#isStopped = false
    await this.#turn()
    for (;;) {
      if (this.#isStopped) return 'stopped'
      const next = this.#heap.peek()
      if (next === undefined || next.dueMs > untilMs) break
      this.#heap.pop()
      if (next.isCleared) continue
      if (this.#fired >= eventsMax) return 'events'
      this.#nowMs = next.dueMs
      this.#fired++
      this.#trace.mix(next.dueMs)
      this.#trace.mix(next.order)
      // Copies of gossip that a node has already are most of all events; a turn costs more than they do.
      if (this.#fire(next) !== NOTHING_CAME) await this.#turn()
    }
    this.#nowMs = untilMs
    return 'time'
  }

  #fire(event: SimEvent): unknown {
    try {
      return event.happen()
    } catch (error) {
      if (this.#onThrow === undefined) throw error
      this.#onThrow(error)
      return undefined
    }
  }
}
