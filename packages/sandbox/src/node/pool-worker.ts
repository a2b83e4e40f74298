import { Worker } from 'node:worker_threads'
import { MACHINE_STACK_MIB } from '../meter/stack-estimate.ts'
import { bootstrapScript, type CodeBundle } from './code-bundle.ts'
import { WireWriter } from './wire-buffer.ts'
import {
  elapsedMs,
  type FromWorker,
  NOTHING_RUNS,
  SHARED_BYTES,
  SharedCell,
  type SharedModule,
  SlotState,
  sharedNowMs,
  type ToWorker,
  WORKER_SLOTS,
  type WorkerStart,
} from './worker-messages.ts'

/** A piece of work for a worker. */
export interface Job {
  /** One of JobKind. */
  readonly kind: number
  /** Call id; 0 for loads. */
  readonly id: number
  readonly handle: number
  readonly payload: Uint8Array
  readonly timeMs: number
}

/** What a {@link PoolWorker} tells its pool. */
export interface PoolWorkerEvents {
  readonly finished: (message: FromWorker) => void
  /** The thread ended without being told to. */
  readonly died: (worker: PoolWorker, reason: string) => void
}

/** One worker thread and the jobs it holds. */
export class PoolWorker {
  readonly #thread: Worker
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES))
  readonly #jobs: (Job | undefined)[] = new Array(WORKER_SLOTS).fill(undefined)
  readonly #known = new Set<number>()
  readonly #outgoing = new WireWriter(16 * 1024)
  #modules: SharedModule[] = []
  #dropped: number[] = []
  #count = 0
  #isRetired = false

  constructor(code: CodeBundle, events: PoolWorkerEvents) {
    Atomics.store(this.#shared, SharedCell.runningSlot, NOTHING_RUNS)
    const payload: WorkerStart = { shared: this.#shared.buffer as SharedArrayBuffer }
    this.#thread = new Worker(bootstrapScript, {
      eval: true,
      workerData: { code, payload },
      env: {},
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { stackSizeMb: MACHINE_STACK_MIB },
    })
    this.#thread.on('message', (message: FromWorker) => {
      if (this.#isRetired) return
      this.#release(message.slot)
      if (message.loaded !== undefined) this.#known.add(message.loaded.handle)
      events.finished(message)
    })
    let reason = 'worker thread ended'
    this.#thread.on('error', (error: Error) => {
      reason = error.message
    })
    this.#thread.on('exit', () => {
      if (!this.#isRetired) events.died(this, reason)
    })
  }

  /** Jobs held. */
  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === WORKER_SLOTS
  }

  /** Queues a job; it is sent with the next {@link flush}. */
  assign(job: Job, module: SharedModule | undefined): void {
    const slot = this.#jobs.indexOf(undefined)
    this.#jobs[slot] = job
    this.#count++
    if (module !== undefined && !this.#known.has(module.handle)) {
      this.#known.add(module.handle)
      this.#modules.push(module)
    }
    Atomics.store(this.#shared, SharedCell.firstState + slot, SlotState.queued)
    this.#outgoing.u32(slot)
    this.#outgoing.u8(job.kind)
    this.#outgoing.u32(job.id)
    this.#outgoing.u32(job.handle)
    this.#outgoing.bytes(job.payload)
  }

  /** Forgets a module. */
  drop(handle: number): void {
    if (this.#known.delete(handle)) this.#dropped.push(handle)
  }

  /** Sends what was assigned and dropped. */
  flush(): void {
    if (this.#outgoing.length === 0 && this.#dropped.length === 0) return
    const jobs = this.#outgoing.take()
    const message: ToWorker = { modules: this.#modules, dropped: this.#dropped, jobs }
    this.#modules = []
    this.#dropped = []
    this.#thread.postMessage(message, [jobs.buffer])
  }

  /** The job that runs now and for how long it has. */
  running(): { readonly job: Job; readonly ranMs: number } | undefined {
    const slot = Atomics.load(this.#shared, SharedCell.runningSlot)
    const startedMs = Atomics.load(this.#shared, SharedCell.startedMs)
    const job = slot === NOTHING_RUNS ? undefined : this.#jobs[slot]
    return job === undefined ? undefined : { job, ranMs: elapsedMs(startedMs, sharedNowMs()) }
  }

  /** Takes back all jobs that have not begun, or only the one given; they will not run here. */
  revoke(only?: Job): Job[] {
    const revoked: Job[] = []
    for (const [slot, job] of this.#jobs.entries()) {
      if (job === undefined || (only !== undefined && job !== only)) continue
      const cell = SharedCell.firstState + slot
      if (Atomics.compareExchange(this.#shared, cell, SlotState.queued, SlotState.revoked) === SlotState.queued)
        revoked.push(job)
    }
    return revoked
  }

  /** True when the given job runs and can from now on end only by {@link retire}: its result will never come. */
  condemn(job: Job): boolean {
    // A job that was revoked here and came back stands in two slots; only one of them can be running.
    return this.#jobs.some((held, slot) => {
      const cell = SharedCell.firstState + slot
      return (
        held === job &&
        Atomics.compareExchange(this.#shared, cell, SlotState.running, SlotState.condemned) === SlotState.running
      )
    })
  }

  /** Jobs whose results have not arrived, condemned and revoked ones left out. */
  unfinished(): Job[] {
    return this.#jobs.filter((job, slot): job is Job => {
      const state = Atomics.load(this.#shared, SharedCell.firstState + slot)
      return job !== undefined && state !== SlotState.condemned && state !== SlotState.revoked
    })
  }

  /** Ends the thread whatever it does; no event comes from it any more. Resolves when it is gone. */
  async retire(): Promise<void> {
    this.#isRetired = true
    await this.#thread.terminate()
  }

  #release(slot: number): void {
    this.#jobs[slot] = undefined
    this.#count--
    Atomics.store(this.#shared, SharedCell.firstState + slot, SlotState.free)
  }
}
