import { messageOf, type Timer } from '@stead/core'
import type { PageClock } from './page-clock.ts'
import { type Job, PoolWorker } from './pool-worker.ts'
import type { WebWorker } from './web-worker.ts'

/** How a pool behaves. */
export interface WorkerPoolOptions {
  /** At least 1. */
  readonly workersMax: number
  readonly modulesMax: number
  readonly startTimeoutMs: number
}

/** Workers lost in a row, without one that started, before jobs are refused instead of waiting for another one. */
const FAILED_STARTS_MAX = 3

/**
 * How long a worker that was ended in the middle of a job may go on computing: Chromium gives it two seconds before it
 * stops it by force (measured with version 150), and tells nobody when it is gone.
 */
const ENDING_MS = 2000

/** Spreads jobs over web workers, first come first served; a job that passes its time is ended by ending its worker. */
export class WorkerPool {
  readonly #components: { readonly startWorker: () => WebWorker; readonly clock: PageClock }
  readonly #options: WorkerPoolOptions
  readonly #workers = new Set<PoolWorker>()
  readonly #pending = new Set<Job>()
  /** One timer for each worker that was ended in the middle of a job, as long as it may still compute. */
  readonly #ending = new Set<Timer>()
  #failedStarts = 0

  /** @param components `startWorker` may throw: the jobs that need the worker then end as died */
  constructor(
    components: { readonly startWorker: () => WebWorker; readonly clock: PageClock },
    options: WorkerPoolOptions,
  ) {
    this.#components = components
    this.#options = options
  }

  /** Takes a job and hands it to a worker as soon as one is free. */
  submit(job: Job): void {
    this.#pending.add(job)
    this.#schedule()
  }

  /** Takes a job back: it is not settled, and its worker is free at once. */
  cancel(job: Job): void {
    if (this.#pending.delete(job)) return
    for (const worker of this.#workers)
      if (worker.job === job) {
        worker.end()
        this.#awaitEnd(worker)
      }
    this.#schedule()
  }

  /** Ends all workers and settles all jobs as stopped. */
  stop(): void {
    const jobs = [...this.#pending]
    this.#pending.clear()
    for (const worker of this.#workers) {
      if (worker.job !== undefined) jobs.push(worker.job)
      worker.end()
    }
    this.#workers.clear()
    for (const timer of this.#ending) timer.clear()
    this.#ending.clear()
    this.#failedStarts = 0
    for (const job of jobs) job.settle({ kind: 'stopped' })
  }

  /** Hands waiting jobs to idle workers, and starts another worker when that leaves some waiting. */
  #schedule(): void {
    let starting = 0
    for (const worker of this.#workers) {
      if (!worker.isReady) starting++
      else if (worker.job === undefined) this.#giveNext(worker)
    }
    while (this.#pending.size > starting && this.#hasRoom()) {
      if (!this.#addWorker()) return
      starting++
    }
  }

  /** Threads that still compute for nobody take room once there are as many of them as workers. */
  #hasRoom(): boolean {
    const { workersMax } = this.#options
    return this.#workers.size < workersMax && this.#workers.size + this.#ending.size < 2 * workersMax
  }

  /** Takes an ended worker off the list; its thread counts until it must be gone. */
  #awaitEnd(worker: PoolWorker): void {
    this.#workers.delete(worker)
    const timer = this.#components.clock.setTimer(ENDING_MS, () => {
      this.#ending.delete(timer)
      this.#schedule()
    })
    this.#ending.add(timer)
  }

  #giveNext(worker: PoolWorker): void {
    const [job] = this.#pending
    if (job === undefined) return
    this.#pending.delete(job)
    worker.run(job)
  }

  /** False when there is no starting a worker; what needs one has then been settled. */
  #addWorker(): boolean {
    const { clock, startWorker } = this.#components
    let worker: WebWorker
    try {
      worker = startWorker()
    } catch (error) {
      this.#giveUp(messageOf(error))
      return false
    }
    const events = {
      idle: (): void => {
        this.#failedStarts = 0
        this.#schedule()
      },
      lost: (lost: PoolWorker, reason: string): void => this.#lost(lost, reason),
    }
    this.#workers.add(new PoolWorker({ worker, clock, events }, this.#options))
    return true
  }

  #lost(worker: PoolWorker, reason: string): void {
    if (worker.isReady) this.#awaitEnd(worker)
    else {
      this.#workers.delete(worker)
      this.#failedStarts++
    }
    if (this.#failedStarts >= FAILED_STARTS_MAX) this.#giveUp(reason)
    // One stays warm for the next call.
    else if (this.#workers.size === 0 && this.#hasRoom()) this.#addWorker()
    this.#schedule()
  }

  /** Settles what waits when no worker will come for it. */
  #giveUp(reason: string): void {
    this.#failedStarts = 0
    for (const worker of this.#workers) if (worker.isReady) return
    const jobs = [...this.#pending]
    this.#pending.clear()
    for (const job of jobs) job.settle({ kind: 'died', reason })
  }
}
