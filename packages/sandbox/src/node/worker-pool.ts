import type { Outcome } from '../call.ts'
import type { SandboxErrorCode } from '../errors.ts'
import { writeOutcome } from './call-codec.ts'
import type { CodeBundle } from './code-bundle.ts'
import { ToParent } from './frames.ts'
import { type Job, PoolWorker } from './pool-worker.ts'
import { WireWriter } from './wire-buffer.ts'
import { type FromWorker, JobKind, type SharedModule } from './worker-messages.ts'

/** How a pool behaves. */
export interface WorkerPoolOptions {
  readonly workersMax: number
  /** How long a worker may take to end after it was told to, before the whole process must go. */
  readonly terminateGraceMs: number
}

/** Where a pool's answers go. */
export interface WorkerPoolEvents {
  /** Finished frames for the parent process. */
  readonly frames: (frames: Uint8Array) => void
  /** A worker could not be ended: only killing the process helps. */
  readonly stuck: () => void
}

/** How often running jobs are looked at while there are any. */
const WATCH_INTERVAL_MS = 5
/** Jobs that wait behind one that runs longer than this are given to another worker. */
const STALLED_AFTER_MS = 20
/** Workers that die one after the other without finishing anything before the whole process gives up. */
const DEATHS_IN_A_ROW_MAX = 5

/**
 * Spreads jobs over worker threads and stays in command of them: a job that passes its time is ended by ending its
 * worker, which is replaced at once, and what waited behind it runs elsewhere.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #events: WorkerPoolEvents
  readonly #code: CodeBundle
  readonly #modules = new Map<number, SharedModule>()
  readonly #out = new WireWriter()
  #workers: PoolWorker[] = []
  #pending: Job[] = []
  #deathsInARow = 0
  /** Workers that were told to end and have not: giving a gigabyte back to the system takes it 0.1 s. */
  #ending = 0
  #watch: NodeJS.Timeout | undefined

  /** @param components where answers go, and the code that workers run */
  constructor(
    components: { readonly events: WorkerPoolEvents; readonly code: CodeBundle },
    options: WorkerPoolOptions,
  ) {
    this.#events = components.events
    this.#code = components.code
    this.#options = options
  }

  /** Takes a job; {@link schedule} hands it out. */
  submit(job: Job): void {
    this.#pending.push(job)
  }

  /** Forgets a module; jobs that still name it end as node faults. */
  unload(handle: number): void {
    this.#modules.delete(handle)
    for (const worker of this.#workers) {
      worker.drop(handle)
      worker.flush()
    }
  }

  /** Ends a call without an answer. */
  cancel(id: number): void {
    const isCall = (job: Job): boolean => job.kind === JobKind.call && job.id === id
    this.#pending = this.#pending.filter((job) => !isCall(job))
    for (const worker of this.#workers) {
      const job = worker.unfinished().find(isCall)
      if (job === undefined || worker.revoke(job).length > 0) continue
      if (worker.condemn(job)) this.#replace(worker)
    }
    this.schedule()
  }

  /** Hands pending jobs to workers: first to idle ones, then behind short jobs, but never behind a long one. */
  schedule(): void {
    let handed = 0
    while (handed < this.#pending.length) {
      const worker = this.#choose(this.#pending.length - handed)
      if (worker === undefined) break
      const job = this.#pending[handed++] as Job
      worker.assign(job, this.#modules.get(job.handle))
    }
    if (handed > 0) this.#pending.splice(0, handed)
    for (const worker of this.#workers) worker.flush()
    this.#updateWatch()
  }

  #choose(waiting: number): PoolWorker | undefined {
    let best: PoolWorker | undefined
    for (const worker of this.#workers) {
      if (worker.count > 0 && (worker.isFull || isStalled(worker))) continue
      if (best === undefined || worker.count < best.count) best = worker
    }
    const needsMore = best === undefined || (best.count > 0 && waiting > 1)
    if (needsMore && this.#hasRoom) return this.#addWorker()
    return best
  }

  /** False when there are enough workers, or as many as may be that were told to end and still hold their memory. */
  get #hasRoom(): boolean {
    const { workersMax } = this.#options
    const { length } = this.#workers
    return length < workersMax && length + this.#ending < workersMax * 2
  }

  #addWorker(): PoolWorker {
    const worker = new PoolWorker(this.#code, {
      finished: (message) => this.#finished(message),
      died: (from, reason) => this.#died(from, reason),
    })
    this.#workers.push(worker)
    return worker
  }

  #finished({ frames, loaded }: FromWorker): void {
    this.#deathsInARow = 0
    if (loaded !== undefined) this.#modules.set(loaded.handle, loaded)
    if (frames.length > 0) this.#events.frames(frames)
    this.schedule()
  }

  /** A worker crashed: what ran in it is a fault of this machine, everything else it held runs again elsewhere. */
  #died(worker: PoolWorker, reason: string): void {
    const running = worker.running()?.job
    if (running !== undefined && worker.condemn(running)) this.#answerFault(running, reason)
    this.#deathsInARow++
    if (this.#deathsInARow >= DEATHS_IN_A_ROW_MAX) {
      this.#events.stuck()
      return
    }
    this.#replace(worker)
    this.schedule()
  }

  #answerFault(job: Job, reason: string): void {
    const message = `a worker thread died: ${reason}`
    if (job.kind === JobKind.load) this.#answerLoad(job, 'SANDBOX_EXECUTOR_FAILED', message)
    else this.#answerCall(job, { status: 'node-fault', code: 'worker-died', message })
  }

  /** Puts a fresh worker in the place of one that is ended; nobody waits until that one is gone. */
  #replace(worker: PoolWorker): void {
    this.#workers = this.#workers.filter((other) => other !== worker)
    this.#pending = [...worker.unfinished(), ...this.#pending]
    const timer = setTimeout(this.#events.stuck, this.#options.terminateGraceMs)
    this.#ending++
    void worker.retire().finally(() => {
      clearTimeout(timer)
      this.#ending--
      this.schedule()
    })
    if (this.#hasRoom) this.#addWorker()
  }

  #updateWatch(): void {
    const isBusy = this.#workers.some((worker) => worker.count > 0)
    if (isBusy && this.#watch === undefined) this.#watch = setInterval(() => this.#look(), WATCH_INTERVAL_MS)
    else if (!isBusy && this.#watch !== undefined) {
      clearInterval(this.#watch)
      this.#watch = undefined
    }
  }

  #look(): void {
    for (const worker of [...this.#workers]) {
      const running = worker.running()
      if (running === undefined) continue
      const { job, ranMs } = running
      if (ranMs > job.timeMs && worker.condemn(job)) {
        this.#answerTimeout(job)
        this.#replace(worker)
      } else if (ranMs > STALLED_AFTER_MS && worker.count > 1) {
        this.#pending = [...worker.revoke(), ...this.#pending]
      }
    }
    this.schedule()
  }

  #answerTimeout(job: Job): void {
    if (job.kind === JobKind.call) this.#answerCall(job, { status: 'timed-out', allowedMs: job.timeMs })
    else
      this.#answerLoad(
        job,
        'SANDBOX_LOAD_TIMED_OUT',
        `checking and compiling the module took more than ${job.timeMs} ms`,
      )
  }

  #answerCall(job: Job, outcome: Outcome): void {
    const frame = this.#out.beginFrame(ToParent.outcome)
    this.#out.u32(job.id)
    writeOutcome(this.#out, outcome)
    this.#out.endFrame(frame)
    this.#events.frames(this.#out.take())
  }

  #answerLoad(job: Job, code: SandboxErrorCode, message: string): void {
    const frame = this.#out.beginFrame(ToParent.loaded)
    this.#out.u32(job.handle)
    this.#out.text(JSON.stringify({ error: { code, message, details: { allowedMs: job.timeMs } } }))
    this.#out.endFrame(frame)
    this.#events.frames(this.#out.take())
  }
}

function isStalled(worker: PoolWorker): boolean {
  return (worker.running()?.ranMs ?? 0) > STALLED_AFTER_MS
}
