import type { CallInput, Limits, Outcome } from '../call.ts'
import { checkCall } from '../check-call.ts'
import { METER_VERSION } from '../cost-table.ts'
import { SandboxError } from '../errors.ts'
import type { Executor, IsolationReport, LoadedModule, LoadOptions, RunOptions } from '../executor.ts'
import type { FloatMode } from '../strict/float-mode.ts'
import { copyOfCall, sizeOfCall } from './call-copy.ts'
import { moduleIdOfCopy } from './module-digest.ts'
import { type PageClock, pageClock } from './page-clock.ts'
import type { Job, JobEnding } from './pool-worker.ts'
import { coreCount, startWebWorker, type WebWorker } from './web-worker.ts'
import { parseWorkerExecutorOptions, type WorkerExecutorOptions } from './worker-executor-options.ts'
import type { NumberedModule } from './worker-messages.ts'
import { WorkerPool } from './worker-pool.ts'

/** What a {@link WorkerExecutor} is made of. */
export interface WorkerExecutorComponents {
  /**
   * How to get a worker whose code is `@stead/sandbox/browser/worker`: its address, of the page's own origin, or a
   * function that starts it, which is what bundlers understand:
   * `() => new Worker(new URL('./that-file.js', import.meta.url), { type: 'module' })`.
   */
  readonly worker: string | URL | (() => WebWorker)
  /** @default the page's timers */
  readonly clock?: PageClock
}

/** The smallest module there is. It has no entry point: that it is refused shows that a worker checks modules. */
const PROBE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)

/**
 * Runs guests in web workers of a page: same outcomes and fuel as every other executor. A call that passes its time is
 * ended with its worker. Needs neither shared memory nor cross-origin isolation; a content security policy must allow
 * `'wasm-unsafe-eval'` and the worker's address. A browser gives a worker half a megabyte of machine stack, so a guest
 * made to have huge frames can end in a `host-stack` node fault here and as a stack overflow on a node.
 */
export class WorkerExecutor implements Executor {
  readonly meterVersion: number = METER_VERSION
  readonly #options: WorkerExecutorOptions
  readonly #pool: WorkerPool
  /** Compiled, or being compiled, by id and float mode; least recently used first. */
  readonly #compiled = new Map<string, Promise<NumberedModule>>()
  readonly #handles = new WeakMap<LoadedModule, NumberedModule>()
  #isStarted = false
  #nextHandle = 1
  #jobsInFlight = 0
  #bytesInFlight = 0

  /** @throws SandboxError SANDBOX_BAD_OPTION */
  constructor(components: WorkerExecutorComponents, options: Partial<WorkerExecutorOptions> = {}) {
    const { worker, clock = pageClock } = components
    const startWorker = typeof worker === 'function' ? worker : () => startWebWorker(worker)
    this.#options = parseWorkerExecutorOptions(options)
    const { workersMax, modulesMax, startTimeoutMs } = this.#options
    this.#pool = new WorkerPool(
      { startWorker, clock },
      { workersMax: workersMax > 0 ? workersMax : coreCount(), modulesMax, startTimeoutMs },
    )
  }

  async start(): Promise<void> {
    if (this.#isStarted) return
    this.#isStarted = true
    const ending = await this.#submit(this.#loadJob(PROBE.slice(), 'raw'))
    if (ending.kind === 'refused' && ending.code === 'SANDBOX_NO_ENTRY') return
    if (ending.kind !== 'stopped') await this.stop()
    throw loadError(ending, this.#options)
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    this.#pool.stop()
    this.#compiled.clear()
  }

  async load(moduleBytes: Uint8Array, { floats = 'raw' }: LoadOptions = {}): Promise<LoadedModule> {
    this.#checkStarted()
    // Of its own: the caller's bytes may change while they are hashed, and the worker takes them.
    const bytes = new Uint8Array(moduleBytes)
    const moduleId = await moduleIdOfCopy(bytes)
    this.#checkStarted()
    const numbered = await this.#compile(`${moduleId} ${floats}`, bytes, floats)
    const { kinds, originalBytes, memoryPagesMin, meterVersion } = numbered.facts
    const handle: LoadedModule = { moduleId, kinds, originalBytes, memoryPagesMin, meterVersion, floats }
    this.#handles.set(handle, numbered)
    return handle
  }

  async run(module: LoadedModule, call: CallInput, limits: Limits, options: RunOptions = {}): Promise<Outcome> {
    this.#checkStarted()
    const numbered = this.#handles.get(module)
    if (numbered === undefined)
      throw new SandboxError('SANDBOX_BAD_CALL', `module ${module.moduleId} was not loaded by this executor`)
    checkCall(module.kinds, call, limits)
    if (options.signal?.aborted === true) throw cancelled()
    const size = sizeOfCall(call)
    this.#reserve(size)
    try {
      const request = { kind: 'call', handle: numbered.handle, call: copyOfCall(call), limits } as const
      return outcomeOf(await this.#submit({ request, module: numbered, timeMs: limits.timeMs }, options.signal), limits)
    } finally {
      this.#release(size)
    }
  }

  isolation(): IsolationReport {
    return {
      walls: [
        { name: 'separate-process', up: false, detail: 'guests run in web workers of this page’s process' },
        { name: 'own-threads', up: this.#isStarted, detail: 'a guest that passes its time is ended with its worker' },
        {
          name: 'no-network',
          up: false,
          detail: 'guests have no imports for it; their worker could reach this origin',
        },
      ],
    }
  }

  /** The module in this page; compiled once, whoever asks meanwhile. */
  #compile(key: string, bytes: Uint8Array<ArrayBuffer>, floats: FloatMode): Promise<NumberedModule> {
    const known = this.#compiled.get(key)
    const compiling = known ?? this.#number(bytes, floats)
    this.#compiled.delete(key)
    this.#compiled.set(key, compiling)
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= this.#options.modulesMax) break
      this.#compiled.delete(oldest)
    }
    // A refusal is not kept as a module.
    compiling.catch(() => {
      if (this.#compiled.get(key) === compiling) this.#compiled.delete(key)
    })
    return compiling
  }

  async #number(bytes: Uint8Array<ArrayBuffer>, floats: FloatMode): Promise<NumberedModule> {
    const ending = await this.#load(bytes, floats)
    if (ending.kind !== 'loaded') throw loadError(ending, this.#options)
    const { facts, module } = ending
    return { handle: this.#nextHandle++, facts, module }
  }

  async #load(bytes: Uint8Array<ArrayBuffer>, floats: FloatMode): Promise<JobEnding> {
    const size = bytes.length
    this.#reserve(size)
    try {
      return await this.#submit(this.#loadJob(bytes, floats))
    } finally {
      this.#release(size)
    }
  }

  #loadJob(bytes: Uint8Array<ArrayBuffer>, floats: FloatMode): Omit<Job, 'settle'> {
    return { request: { kind: 'load', bytes, floats }, module: undefined, timeMs: this.#options.loadTimeoutMs }
  }

  #submit(work: Omit<Job, 'settle'>, signal?: AbortSignal): Promise<JobEnding> {
    return new Promise((resolve, reject) => {
      const settle = (ending: JobEnding): void => {
        signal?.removeEventListener('abort', abort)
        resolve(ending)
      }
      const job: Job = { ...work, settle }
      const abort = (): void => {
        this.#pool.cancel(job)
        reject(cancelled())
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#pool.submit(job)
    })
  }

  #reserve(size: number): void {
    const { callsInFlightMax, bytesInFlightMax } = this.#options
    if (size > bytesInFlightMax)
      throw new SandboxError('SANDBOX_BAD_CALL', `${size} bytes are more than this executor's ${bytesInFlightMax}`, {
        details: { haveBytes: size, allowedBytes: bytesInFlightMax },
      })
    if (this.#jobsInFlight >= callsInFlightMax || this.#bytesInFlight + size > bytesInFlightMax)
      throw new SandboxError(
        'SANDBOX_BUSY',
        `${this.#jobsInFlight} calls and loads of ${this.#bytesInFlight} bytes are in flight`,
        {
          details: {
            calls: this.#jobsInFlight,
            callsMax: callsInFlightMax,
            bytes: this.#bytesInFlight,
            bytesMax: bytesInFlightMax,
          },
        },
      )
    this.#jobsInFlight++
    this.#bytesInFlight += size
  }

  #release(size: number): void {
    this.#jobsInFlight--
    this.#bytesInFlight -= size
  }

  #checkStarted(): void {
    if (!this.#isStarted) throw stopped()
  }
}

function outcomeOf(ending: JobEnding, limits: Limits): Outcome {
  switch (ending.kind) {
    case 'outcome':
      return ending.outcome
    case 'timed-out':
      return { status: 'timed-out', allowedMs: limits.timeMs }
    case 'died':
      return { status: 'node-fault', code: 'worker-died', message: `a web worker died: ${ending.reason}` }
    case 'stopped':
      return { status: 'node-fault', code: 'executor-died', message: 'the executor was stopped' }
    default:
      return { status: 'node-fault', code: 'internal', message: `a call was answered as ${ending.kind}` }
  }
}

function loadError(ending: JobEnding, { loadTimeoutMs }: WorkerExecutorOptions): SandboxError {
  switch (ending.kind) {
    case 'refused':
      return new SandboxError(ending.code, ending.message, { details: ending.details })
    case 'timed-out':
      return new SandboxError(
        'SANDBOX_LOAD_TIMED_OUT',
        `checking and compiling the module took more than ${loadTimeoutMs} ms`,
        { details: { allowedMs: loadTimeoutMs } },
      )
    case 'died':
      return new SandboxError('SANDBOX_EXECUTOR_FAILED', `a web worker died: ${ending.reason}`)
    case 'stopped':
      return stopped()
    default:
      return new SandboxError('SANDBOX_EXECUTOR_FAILED', `a load was answered as ${ending.kind}`)
  }
}

function stopped(): SandboxError {
  return new SandboxError('SANDBOX_STOPPED', 'the executor is not running')
}

function cancelled(): SandboxError {
  return new SandboxError('SANDBOX_ABORTED', 'the call was cancelled')
}
