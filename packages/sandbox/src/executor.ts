import type { CallInput, Limits, ModuleKind, Outcome } from './call.ts'
import type { FloatMode } from './strict/float-mode.ts'

/** A module that passed every check and is ready to run; keep it as long as calls may come. */
export interface LoadedModule {
  /** Lower-case hexadecimal sha-256 of the original bytes. */
  readonly moduleId: string
  /** The kinds that its exports and imports allow; at least one. */
  readonly kinds: readonly ModuleKind[]
  readonly originalBytes: number
  /** Pages that exist before the first instruction; a call with fewer `memoryPages` ends in a `memory` limit. */
  readonly memoryPagesMin: number
  readonly meterVersion: number
  /** The mode that it was loaded in; its calls run in it. */
  readonly floats: FloatMode
}

/** What loading takes besides the bytes. */
export interface LoadOptions {
  /** @default 'raw' */
  readonly floats?: FloatMode
}

/** One wall between guests and the machine. */
export interface Wall {
  /** Stable name, for example `no-network`. */
  readonly name: string
  readonly up: boolean
  /** What holds it up, or why it is missing; one line for a person. */
  readonly detail: string
}

/** Which walls stand around guests; `stead doctor` prints it. */
export interface IsolationReport {
  readonly walls: readonly Wall[]
}

/** What a run takes besides module, call and limits. */
export interface RunOptions {
  /** Cancels the call: its worker is freed at once and the promise rejects with SANDBOX_ABORTED. */
  readonly signal?: AbortSignal
}

/** Runs guests. Every implementation gives the same outcome and the same fuel for the same call. */
export interface Executor {
  /** Version of cost table, placement and stack estimate; part of what makes two bills comparable. */
  readonly meterVersion: number
  /** @throws SandboxError SANDBOX_EXECUTOR_FAILED */
  start(): Promise<void>
  /** Ends all calls (as node faults) and frees everything; may be called twice. */
  stop(): Promise<void>
  /**
   * Validates, meters and compiles; the same bytes in the same mode are cheap the second time.
   * @throws SandboxError SANDBOX_MALFORMED, SANDBOX_FORBIDDEN_FEATURE, SANDBOX_FORBIDDEN_IMPORT, SANDBOX_MODULE_LIMIT,
   * SANDBOX_NO_ENTRY, SANDBOX_LOAD_TIMED_OUT, SANDBOX_EXECUTOR_FAILED, SANDBOX_STOPPED
   */
  load(moduleBytes: Uint8Array, options?: LoadOptions): Promise<LoadedModule>
  /**
   * Runs one call in a fresh instance. Whatever the guest does is an outcome, not an error.
   * @throws SandboxError SANDBOX_BAD_CALL, SANDBOX_NO_ENTRY, SANDBOX_BUSY, SANDBOX_ABORTED, SANDBOX_STOPPED
   */
  run(module: LoadedModule, call: CallInput, limits: Limits, options?: RunOptions): Promise<Outcome>
  isolation(): IsolationReport
}
