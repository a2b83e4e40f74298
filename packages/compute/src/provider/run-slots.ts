import type { Size } from '@stead/core'

/** How many tasks run and wait at once. */
export interface RunSlotsOptions {
  readonly concurrency: number
  /** Accepted beyond those that run; they load, pull or wait. */
  readonly queueMax: number
}

/** So much work may wait in the executor for each of its places, so that it begins the next task without asking for it. */
const AHEAD_MS = 10
/** Tasks that may wait in the executor for each of its places. */
const AHEAD_MAX = 31
/** Share of one task in the smoothed time per task. */
const SMOOTHING = 1 / 8

interface Waiter {
  readonly owner: string
  readonly enter: () => void
}

/**
 * The places in which tasks run. A task is accepted or refused at once; an accepted one waits for a place, owners
 * taking turns, so that a payer with a long queue does not starve the others. While tasks are short there are more
 * places than run at once: what waits for a message from here could have run meanwhile, and messages that travel
 * together cost a fraction.
 */
export class RunSlots {
  readonly #options: RunSlotsOptions
  #accepted = 0
  readonly #acceptedOf: Map<string, number> = new Map()
  /** In places: they run, or wait in the executor. */
  #entered = 0
  /** Smoothed time of one task in one of the executor's places. */
  #taskMs = Number.POSITIVE_INFINITY
  /** Waiters by owner; the owner whose turn is next comes first. */
  readonly #queues: Map<string, Waiter[]> = new Map()
  #idleWaiters: (() => void)[] = []

  constructor(options: RunSlotsOptions) {
    this.#options = options
  }

  /** Tasks that run. */
  get running(): number {
    return Math.min(this.#entered, this.#options.concurrency)
  }

  /** Accepted tasks, running ones included. */
  get accepted(): number {
    return this.#accepted
  }

  /** The most tasks that are accepted at once. */
  get acceptedMax(): number {
    return this.#options.concurrency + this.#options.queueMax
  }

  /** What is accepted, with the most that may be. */
  sizes(): readonly Size[] {
    const fullest = Math.max(0, ...this.#acceptedOf.values())
    return [
      { what: 'tasks that run or wait', have: this.#accepted, max: this.acceptedMax },
      { what: 'tasks of one payer that run or wait', have: fullest, max: this.acceptedPerOwnerMax },
    ]
  }

  /** The most tasks of one owner that are accepted at once: half of the queue is left to others. */
  get acceptedPerOwnerMax(): number {
    return this.#options.concurrency + Math.ceil(this.#options.queueMax / 2)
  }

  /** Takes one more task in; false when there are too many. Call {@link dismiss} once for each true. */
  accept(owner: string): boolean {
    const owned = this.#acceptedOf.get(owner) ?? 0
    if (this.#accepted >= this.acceptedMax || owned >= this.acceptedPerOwnerMax) return false
    this.#accepted++
    this.#acceptedOf.set(owner, owned + 1)
    return true
  }

  /** Lets an accepted task go. */
  dismiss(owner: string): void {
    this.#accepted--
    const owned = (this.#acceptedOf.get(owner) ?? 1) - 1
    if (owned > 0) this.#acceptedOf.set(owner, owned)
    else this.#acceptedOf.delete(owner)
    if (this.#accepted > 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }

  /** Resolves when a place is taken; call {@link leave} once then. Rejects with the signal's reason. */
  async enter(owner: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#entered < this.#places) {
      this.#entered++
      return
    }
    await this.#wait(owner, signal)
  }

  /** Gives a place to the next owner in turn. @param heldMs for how long the place was taken, 0 or more */
  leave(heldMs: number): void {
    const { concurrency } = this.#options
    const taskMs = (heldMs * concurrency) / Math.max(concurrency, this.#entered)
    const isFirst = this.#taskMs === Number.POSITIVE_INFINITY
    this.#taskMs = isFirst ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * SMOOTHING
    this.#entered--
    while (this.#entered < this.#places) {
      const waiter = this.#next()
      if (waiter === undefined) return
      this.#entered++
      waiter.enter()
    }
  }

  /** Resolves when no task is accepted. */
  async idle(): Promise<void> {
    if (this.#accepted === 0) return
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  get #places(): number {
    const ahead = Math.min(AHEAD_MAX, Math.floor(AHEAD_MS / this.#taskMs))
    return this.#options.concurrency * (1 + ahead)
  }

  #next(): Waiter | undefined {
    const turn = this.#queues.entries().next()
    if (turn.done === true) return undefined
    const [owner, queue] = turn.value
    this.#queues.delete(owner)
    const waiter = queue.shift()
    // To the back of the round.
    if (queue.length > 0) this.#queues.set(owner, queue)
    return waiter
  }

  #wait(owner: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#remove(waiter)
        reject(signal.reason)
      }
      const enter = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const waiter: Waiter = { owner, enter }
      const queue = this.#queues.get(owner)
      if (queue === undefined) this.#queues.set(owner, [waiter])
      else queue.push(waiter)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #remove(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.owner)
    if (queue === undefined) return
    const index = queue.indexOf(waiter)
    if (index >= 0) queue.splice(index, 1)
    if (queue.length === 0) this.#queues.delete(waiter.owner)
  }
}
