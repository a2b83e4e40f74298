import type { CallInput, Limits, Outcome } from './call.ts'
import { METER_VERSION } from './cost-table.ts'
import { SandboxError } from './errors.ts'
import type { Executor, IsolationReport, LoadedModule, LoadOptions, RunOptions } from './executor.ts'
import { moduleIdOf } from './module-id.ts'
import { type CompiledModule, compileModule } from './prepare.ts'
import { CallRunner } from './run.ts'

/** How an {@link InlineExecutor} behaves. */
export interface InlineExecutorOptions {
  /** Compiled modules kept. @default 64: more than one process usually serves at once */
  readonly modulesMax?: number
}

/**
 * Runs guests on the calling thread: for simulations, tests and pages that trust their modules. Same outcomes and fuel
 * as every other executor, but no walls besides WebAssembly's own and no time limit.
 */
export class InlineExecutor implements Executor {
  readonly meterVersion: number = METER_VERSION
  readonly #modulesMax: number
  readonly #compiled = new Map<string, CompiledModule>()
  readonly #handles = new WeakMap<LoadedModule, CompiledModule>()
  readonly #calls = new CallRunner()
  #isStarted = false

  constructor(options: InlineExecutorOptions = {}) {
    this.#modulesMax = options.modulesMax ?? 64
  }

  async start(): Promise<void> {
    this.#isStarted = true
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    this.#compiled.clear()
  }

  async load(moduleBytes: Uint8Array, { floats = 'raw' }: LoadOptions = {}): Promise<LoadedModule> {
    this.#checkStarted()
    const moduleId = moduleIdOf(moduleBytes)
    const key = `${moduleId} ${floats}`
    const compiled = this.#compiled.get(key) ?? compileModule(moduleBytes, floats)
    this.#compiled.delete(key)
    this.#compiled.set(key, compiled)
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= this.#modulesMax) break
      this.#compiled.delete(oldest)
    }
    const { kinds, originalBytes, memoryPagesMin, meterVersion } = compiled.facts
    const handle: LoadedModule = { moduleId, kinds, originalBytes, memoryPagesMin, meterVersion, floats }
    this.#handles.set(handle, compiled)
    return handle
  }

  async run(module: LoadedModule, call: CallInput, limits: Limits, options: RunOptions = {}): Promise<Outcome> {
    this.#checkStarted()
    const compiled = this.#handles.get(module)
    if (compiled === undefined)
      throw new SandboxError('SANDBOX_BAD_CALL', `module ${module.moduleId} was not loaded by this executor`)
    if (options.signal?.aborted === true)
      throw new SandboxError('SANDBOX_ABORTED', 'the call was cancelled before it began')
    return this.#calls.run(compiled, call, limits)
  }

  isolation(): IsolationReport {
    return {
      walls: [
        { name: 'separate-process', up: false, detail: 'guests run on the calling thread' },
        { name: 'time-limit', up: false, detail: 'a guest that runs cannot be interrupted' },
      ],
    }
  }

  #checkStarted(): void {
    if (!this.#isStarted) throw new SandboxError('SANDBOX_STOPPED', 'the executor is not running')
  }
}
