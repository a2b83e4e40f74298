import { type Clock, hasCode } from '@stead/core'
import {
  type CallInput,
  type Executor,
  type IsolationReport,
  type Limits,
  type LoadedModule,
  type LoadOptions,
  type Outcome,
  type RunOptions,
  SandboxError,
} from '@stead/sandbox'

/** How long a guest runs, by what it was given. */
export type RunTime = (call: CallInput) => number

/**
 * The real sandbox on the thread of the simulation, but a run takes simulated time: it is computed at once and answered
 * later. All nodes share one executor; each has its own clock.
 */
export class SimExecutor implements Executor {
  readonly meterVersion: number
  readonly #executor: Executor
  readonly #clock: Clock
  readonly #runTimeMs: RunTime
  #running = 0

  constructor(components: { readonly executor: Executor; readonly clock: Clock }, runTimeMs: RunTime) {
    this.#executor = components.executor
    this.#clock = components.clock
    this.#runTimeMs = runTimeMs
    this.meterVersion = components.executor.meterVersion
  }

  /** Runs that are not answered yet. */
  get running(): number {
    return this.#running
  }

  async start(): Promise<void> {
    return undefined
  }

  async stop(): Promise<void> {
    return undefined
  }

  load(moduleBytes: Uint8Array, options?: LoadOptions): Promise<LoadedModule> {
    return this.#executor.load(moduleBytes, options)
  }

  async run(module: LoadedModule, call: CallInput, limits: Limits, options: RunOptions = {}): Promise<Outcome> {
    this.#running++
    try {
      const outcome = await this.#executor.run(module, call, limits, options)
      const timeMs = this.#runTimeMs(call)
      if (timeMs > limits.timeMs) {
        await this.#clock.sleep(limits.timeMs, options.signal)
        return { status: 'timed-out', allowedMs: limits.timeMs }
      }
      await this.#clock.sleep(timeMs, options.signal)
      return outcome
    } catch (error) {
      if (!hasCode(error, 'CORE_ABORTED')) throw error
      throw new SandboxError('SANDBOX_ABORTED', 'the call was cancelled while it ran')
    } finally {
      this.#running--
    }
  }

  isolation(): IsolationReport {
    return this.#executor.isolation()
  }
}
