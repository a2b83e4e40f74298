/** How many tasks run and wait at once. */
export interface RunSlotsOptions {
  readonly concurrency: number
  /** Accepted beyond those that run; they load, pull or wait. */
  readonly queueMax: number
}

interface Waiter {
  readonly owner: string
  readonly enter: () => void
}

/**
 * The places in which tasks run. A task is accepted or refused at once; an accepted one waits for a place, owners
 * taking turns, so that a payer with a long queue does not starve the others.
 */
export class RunSlots {
  readonly #options: RunSlotsOptions
  #accepted = 0
  #running = 0
  /** Waiters by owner; the owner whose turn is next comes first. */
  readonly #queues: Map<string, Waiter[]> = new Map()
  #idleWaiters: (() => void)[] = []

  constructor(options: RunSlotsOptions) {
    this.#options = options
  }

  /** Tasks in places. */
  get running(): number {
    return this.#running
  }

  /** Accepted tasks, running ones included. */
  get accepted(): number {
    return this.#accepted
  }

  /** The most tasks that are accepted at once. */
  get acceptedMax(): number {
    return this.#options.concurrency + this.#options.queueMax
  }

  /** Takes one more task in; false when there are too many. Call {@link dismiss} once for each true. */
  accept(): boolean {
    if (this.#accepted >= this.acceptedMax) return false
    this.#accepted++
    return true
  }

  /** Lets an accepted task go. */
  dismiss(): void {
    this.#accepted--
    if (this.#accepted > 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }

  /** Resolves when a place is taken; call {@link leave} once then. Rejects with the signal's reason. */
  async enter(owner: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < this.#options.concurrency) {
      this.#running++
      return
    }
    await this.#wait(owner, signal)
  }

  /** Gives a place to the next owner in turn. */
  leave(): void {
    this.#running--
    const turn = this.#queues.entries().next()
    if (turn.done === true) return
    const [owner, queue] = turn.value
    this.#queues.delete(owner)
    const waiter = queue.shift()
    // To the back of the round.
    if (queue.length > 0) this.#queues.set(owner, queue)
    if (waiter === undefined) return
    this.#running++
    waiter.enter()
  }

  /** Resolves when no task is accepted. */
  async idle(): Promise<void> {
    if (this.#accepted === 0) return
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
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
