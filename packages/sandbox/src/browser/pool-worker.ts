import { messageOf, type Timer } from '@stead/core'
import type { PageClock } from './page-clock.ts'
import type { WebWorker } from './web-worker.ts'
import type { Answer, CallRequest, FromWorker, LoadRequest, NumberedModule, ToWorker } from './worker-messages.ts'

/** How a job ended: with the worker's answer, or without one. */
export type JobEnding =
  | Answer
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'died'; readonly reason: string }
  | { readonly kind: 'stopped' }

/** A piece of work for a worker. */
export interface Job {
  readonly request: LoadRequest | CallRequest
  /** The module that a call runs. */
  readonly module: NumberedModule | undefined
  /** From the moment that a worker has it. */
  readonly timeMs: number
  /** Called once, unless the job is cancelled. */
  readonly settle: (ending: JobEnding) => void
}

/** What a {@link PoolWorker} tells its pool; never after it was ended. */
export interface PoolWorkerEvents {
  /** It can take a job: it has just started, or the job that it had has been settled. */
  readonly idle: (worker: PoolWorker) => void
  /** It is of no use any more: it broke, did not start in time, or its job passed its time. */
  readonly lost: (worker: PoolWorker, reason: string) => void
}

/** Limits of one worker. */
export interface PoolWorkerOptions {
  readonly modulesMax: number
  readonly startTimeoutMs: number
}

/** One web worker and the one job it has. */
export class PoolWorker {
  readonly #worker: WebWorker
  readonly #clock: PageClock
  readonly #events: PoolWorkerEvents
  readonly #modulesMax: number
  /** Handles of modules that were posted, least recently used first. */
  readonly #known = new Set<number>()
  #timer: Timer
  #job: Job | undefined
  #isReady = false
  #isEnded = false

  constructor(
    components: { readonly worker: WebWorker; readonly clock: PageClock; readonly events: PoolWorkerEvents },
    options: PoolWorkerOptions,
  ) {
    this.#worker = components.worker
    this.#clock = components.clock
    this.#events = components.events
    this.#modulesMax = options.modulesMax
    this.#timer = this.#clock.setTimer(options.startTimeoutMs, () =>
      this.#lose(`it did not start within ${options.startTimeoutMs} ms`),
    )
    this.#worker.addEventListener('message', ({ data }) => this.#message(data as FromWorker))
    this.#worker.addEventListener('messageerror', () => this.#lose('its answer could not be read'))
    this.#worker.addEventListener('error', ({ message }) =>
      this.#lose(typeof message === 'string' ? message : 'its code could not be fetched or started'),
    )
  }

  /** True once its code runs. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** The job that it has. */
  get job(): Job | undefined {
    return this.#job
  }

  /** Gives it a job; only while it is ready and has none. */
  run(job: Job): void {
    const { request, module, timeMs } = job
    const message: ToWorker = { ...this.#introduce(module), request }
    this.#job = job
    this.#timer = this.#clock.setTimer(timeMs, () => {
      this.#settle({ kind: 'timed-out' })
      this.#lose('a job passed its time')
    })
    try {
      this.#worker.postMessage(message, request.kind === 'load' ? [request.bytes.buffer] : buffersOf(request))
    } catch (error) {
      this.#lose(messageOf(error))
    }
  }

  /** Ends the thread, whatever it does, without a word about its job. */
  end(): void {
    this.#isEnded = true
    this.#timer.clear()
    this.#worker.terminate()
  }

  /** What the worker must be told of modules before it can run one of this module. */
  #introduce(module: NumberedModule | undefined): Pick<ToWorker, 'added' | 'dropped'> {
    if (module === undefined) return { added: undefined, dropped: undefined }
    const isKnown = this.#known.delete(module.handle)
    this.#known.add(module.handle)
    if (isKnown) return { added: undefined, dropped: undefined }
    const [oldest] = this.#known
    const dropped = this.#known.size > this.#modulesMax ? oldest : undefined
    if (dropped !== undefined) this.#known.delete(dropped)
    return { added: module, dropped }
  }

  #message(message: FromWorker): void {
    if (this.#isEnded) return
    this.#timer.clear()
    if (message.kind === 'ready') this.#isReady = true
    else this.#settle(message)
    this.#events.idle(this)
  }

  #settle(ending: JobEnding): void {
    const job = this.#job
    this.#job = undefined
    job?.settle(ending)
  }

  #lose(reason: string): void {
    if (this.#isEnded) return
    this.end()
    this.#settle({ kind: 'died', reason })
    this.#events.lost(this, reason)
  }
}

/** The call's bytes are copies that its executor made for this message. */
function buffersOf({ call }: CallRequest): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = []
  for (const { buffer, byteLength } of [call.input, call.stdin, ...call.files.values()])
    if (byteLength > 0) buffers.push(buffer as ArrayBuffer)
  return buffers
}
