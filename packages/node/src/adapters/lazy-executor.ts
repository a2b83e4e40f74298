import type { Clock, Logger, Timer } from '@stead/core'
import { messageOf } from '@stead/core'
import type {
  CallInput,
  Executor,
  IsolationReport,
  Limits,
  LoadedModule,
  LoadOptions,
  Outcome,
  RunOptions,
} from '@stead/sandbox'

/** What a {@link LazyExecutor} needs. */
export interface LazyExecutorComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** Makes an executor that is not started yet. */
  readonly create: () => Promise<Executor>
}

/** When it rests. */
export interface LazyExecutorOptions {
  readonly meterVersion: number
  /** Without a call for so long the executor's processes are ended. */
  readonly restAfterMs: number
}

interface RunningExecutor {
  /** Resolves when it is up. */
  readonly started: Promise<Executor>
  /** Undefined until it is up. */
  executor: Executor | undefined
}

/** A module that was loaded, with what is needed to load it again after a rest. */
interface KeptModule extends LoadedModule {
  readonly bytes: Uint8Array
}

/**
 * An executor that has processes only while there is work: an idle device keeps its memory for its owner. `warm` starts
 * them ahead of the first task.
 */
export class LazyExecutor implements Executor {
  readonly meterVersion: number
  readonly #components: LazyExecutorComponents
  readonly #restAfterMs: number
  #running: RunningExecutor | undefined
  /** The modules as the executor that runs now knows them. */
  #loaded: Map<string, Promise<LoadedModule>> = new Map()
  #isolation: IsolationReport = { walls: [] }
  #calls = 0
  #restTimer: Timer | undefined
  #stopping: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(components: LazyExecutorComponents, options: LazyExecutorOptions) {
    this.#components = components
    this.#restAfterMs = options.restAfterMs
    this.meterVersion = options.meterVersion
  }

  async start(): Promise<void> {
    // Begins with the first call.
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#restTimer?.clear()
    await this.#rest()
  }

  /** Starts the processes now, because work is about to come; a failure shows with the work. */
  warm(): void {
    if (this.#isStopped) return
    this.ensure().catch((error: unknown) =>
      this.#components.logger.warn('executor did not start', { error: messageOf(error) }),
    )
  }

  /** Starts the processes and waits until they are up. @throws SandboxError SANDBOX_EXECUTOR_FAILED */
  async ensure(): Promise<void> {
    await this.#use(async () => undefined)
  }

  load(moduleBytes: Uint8Array, options: LoadOptions = {}): Promise<LoadedModule> {
    return this.#use(async (executor) => {
      const module = await executor.load(moduleBytes, options)
      this.#loaded.set(keyOf(module), Promise.resolve(module))
      const kept: KeptModule = { ...module, bytes: moduleBytes }
      return kept
    })
  }

  run(module: LoadedModule, call: CallInput, limits: Limits, options?: RunOptions): Promise<Outcome> {
    return this.#use(async (executor) => executor.run(await this.#current(executor, module), call, limits, options))
  }

  isolation(): IsolationReport {
    return this.#running?.executor?.isolation() ?? this.#isolation
  }

  /** The module as today's executor knows it. */
  #current(executor: Executor, module: LoadedModule): Promise<LoadedModule> {
    const { bytes, floats } = module as KeptModule
    const key = keyOf(module)
    let loaded = this.#loaded.get(key)
    if (loaded === undefined) {
      loaded = executor.load(bytes, { floats })
      this.#loaded.set(key, loaded)
      loaded.catch(() => this.#loaded.delete(key))
    }
    return loaded
  }

  async #use<Value>(act: (executor: Executor) => Promise<Value>): Promise<Value> {
    this.#calls++
    this.#restTimer?.clear()
    this.#restTimer = undefined
    try {
      this.#running ??= this.#begin()
      return await act(await this.#running.started)
    } finally {
      this.#calls--
      if (this.#calls === 0 && !this.#isStopped) {
        this.#restTimer = this.#components.clock.setTimer(this.#restAfterMs, () => void this.#rest())
      }
    }
  }

  #begin(): RunningExecutor {
    const running: RunningExecutor = { started: this.#startOne(), executor: undefined }
    running.started.then(
      (executor) => {
        running.executor = executor
        this.#isolation = executor.isolation()
      },
      () => {
        // The next call tries again with a new one.
        this.#running = undefined
      },
    )
    return running
  }

  async #startOne(): Promise<Executor> {
    const stopped = this.#stopping
    const executor = await this.#components.create()
    await stopped
    await executor.start()
    return executor
  }

  #rest(): Promise<void> {
    const running = this.#running
    if (running === undefined) return this.#stopping
    this.#running = undefined
    this.#loaded = new Map()
    this.#stopping = running.started.then(
      (executor) => executor.stop(),
      () => undefined,
    )
    return this.#stopping
  }
}

function keyOf({ moduleId, floats }: LoadedModule): string {
  return `${moduleId} ${floats}`
}
