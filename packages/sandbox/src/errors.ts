import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link SandboxError}. */
export type SandboxErrorCode =
  | 'SANDBOX_MALFORMED'
  | 'SANDBOX_FORBIDDEN_FEATURE'
  | 'SANDBOX_FORBIDDEN_IMPORT'
  | 'SANDBOX_MODULE_LIMIT'
  | 'SANDBOX_NO_ENTRY'
  | 'SANDBOX_BAD_CALL'
  | 'SANDBOX_BAD_OPTION'
  | 'SANDBOX_LOAD_TIMED_OUT'
  | 'SANDBOX_BUSY'
  | 'SANDBOX_EXECUTOR_FAILED'
  | 'SANDBOX_STOPPED'
  | 'SANDBOX_ABORTED'

/** What each code of this package means. */
export const sandboxErrorCatalog: ErrorCatalog<SandboxErrorCode> = {
  SANDBOX_MALFORMED: {
    kind: 'user',
    retryable: false,
    meaning: 'The module is not a valid WebAssembly binary.',
    next: 'Build it again; `wasm-validate module.wasm` shows the same fault.',
  },
  SANDBOX_FORBIDDEN_FEATURE: {
    kind: 'user',
    retryable: false,
    meaning: 'The module uses a WebAssembly feature that the sandbox does not allow.',
    next: 'Build it without the named feature (allowed: MVP, sign extension, saturating conversion, bulk memory, reference types, multi-value, SIMD).',
  },
  SANDBOX_FORBIDDEN_IMPORT: {
    kind: 'user',
    retryable: false,
    meaning: 'The module imports something that the sandbox does not offer.',
    next: 'Import only wasi_snapshot_preview1 functions (command) or env.abort (AssemblyScript).',
  },
  SANDBOX_MODULE_LIMIT: {
    kind: 'user',
    retryable: false,
    meaning: 'The module is larger in some respect than the sandbox accepts.',
    next: 'Make the module smaller in the named respect, or split the work over several modules.',
  },
  SANDBOX_NO_ENTRY: {
    kind: 'user',
    retryable: false,
    meaning: 'The module has no entry point of the wanted kind.',
    next: 'Export `_start` and `memory` (command), or `memory`, `stead_alloc(i32) -> i32` and `stead_run(i32, i32) -> i64` (function).',
  },
  SANDBOX_BAD_CALL: {
    kind: 'user',
    retryable: false,
    meaning: 'The arguments or limits of a call are out of range.',
    next: 'Correct the named value.',
  },
  SANDBOX_BAD_OPTION: {
    kind: 'user',
    retryable: false,
    meaning: 'An executor option is unknown or out of range.',
    next: 'Correct the named option; docs/config.md lists ranges and defaults.',
  },
  SANDBOX_LOAD_TIMED_OUT: {
    kind: 'system',
    retryable: true,
    meaning: 'Checking and compiling the module took this machine longer than allowed.',
    next: 'Use another node, or raise the executor option loadTimeoutMs on this one.',
  },
  SANDBOX_BUSY: {
    kind: 'system',
    retryable: true,
    meaning: 'The executor has reached its limit of calls in flight.',
    next: 'Wait for a call to finish, or use another node.',
  },
  SANDBOX_EXECUTOR_FAILED: {
    kind: 'system',
    retryable: true,
    meaning: 'The executor process could not be started or died.',
    next: 'See which walls and limits apply: stead doctor',
  },
  SANDBOX_STOPPED: {
    kind: 'system',
    retryable: true,
    meaning: 'The executor was used before it was started or after it was stopped.',
    next: 'Start the node again: stead up',
  },
  SANDBOX_ABORTED: {
    kind: 'user',
    retryable: true,
    meaning: 'The call was cancelled before it finished.',
    next: 'Run it again when you want it to finish.',
  },
}

/** A module or call that the sandbox refuses, or an executor that cannot serve; guest faults are outcomes instead. */
export class SandboxError extends SteadError<SandboxErrorCode> {
  constructor(code: SandboxErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(sandboxErrorCatalog, code, message, options)
  }
}
