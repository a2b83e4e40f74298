import type { Fuel } from '@stead/core'

/**
 * How a module is entered: `command` is a WASI preview 1 program (`_start`), `function` maps input bytes to output
 * bytes through `stead_alloc` and `stead_run`.
 */
export type ModuleKind = 'command' | 'function'

/** What one call may use; reaching any of them is a typed outcome with its number. */
export interface Limits {
  /** Metered units, 1 .. 2^62; see cost-table.ts for what they count. */
  readonly fuel: Fuel
  /** Linear memory in pages of 64 KiB, 1 .. 65536. */
  readonly memoryPages: number
  /** Bytes that the guest may hold for the caller: output, stdout, stderr and written files together. */
  readonly outputBytes: number
  /** Wall time from the moment a worker begins the call; the only limit that is not deterministic. */
  readonly timeMs: number
}

/** Everything that a call's outcome may depend on, besides its module and limits. */
export interface CallInput {
  readonly kind: ModuleKind
  /** Command only: the arguments after the program's name. */
  readonly args: readonly string[]
  /** Command only. */
  readonly stdin: Uint8Array
  /** Command only: relative POSIX paths to contents, laid out below the one preopened directory `/`. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Function only. */
  readonly input: Uint8Array
  /** 32 bytes; all randomness that the guest sees is drawn from them. */
  readonly seed: Uint8Array
  /** What the guest's real-time clock says when it starts: milliseconds since 1970, an integer. */
  readonly declaredTimeMs: number
}

/** Why a guest trapped; a closed list, the same on every machine. */
export type TrapReason =
  | 'unreachable'
  | 'abort'
  | 'integer-division'
  | 'float-to-integer'
  | 'memory-out-of-bounds'
  | 'table-out-of-bounds'
  | 'indirect-call'
  | 'segment-out-of-bounds'
  | 'stack-overflow'
  | 'bad-allocation'
  | 'bad-output-range'
  | 'other'

/**
 * Limits that end a call deterministically: `memory` only when the guest gave up after its growth was refused, `files`
 * and `paths` when a command leaves more files, or longer paths, than a result can name.
 */
export type GuestLimit = 'memory' | 'output' | 'files' | 'paths'

/** Codes of a fault of the executing machine, which is never the guest's and never billed. */
export type NodeFaultCode = 'executor-died' | 'worker-died' | 'host-out-of-memory' | 'host-stack' | 'internal'

/**
 * How one call ended. `ok`, `trap`, `out-of-fuel` and `limit` are functions of module, call and limits alone and are
 * billed; `timed-out` and `node-fault` say something about the machine and are not.
 */
export type Outcome =
  | {
      readonly status: 'ok'
      /** Function: the returned bytes. Command: stdout. */
      readonly output: Uint8Array
      /** Command: files that the guest created or changed, by path, in code unit order of the paths. */
      readonly files: ReadonlyMap<string, Uint8Array>
      /** Command: what the guest exited with, 0 .. 2^32-1; a non-zero exit is still a result. */
      readonly exitCode: number
      readonly stderr: Uint8Array
      readonly fuel: Fuel
    }
  | {
      readonly status: 'trap'
      readonly reason: TrapReason
      /** The guest's own words (an AssemblyScript abort message), at most 1 KiB; may be empty. Untrusted text. */
      readonly detail: string
      readonly fuel: Fuel
    }
  | { readonly status: 'out-of-fuel' /** Equal to the limit. */; readonly fuel: Fuel }
  | {
      readonly status: 'limit'
      readonly limit: GuestLimit
      /** In the limit's own unit: pages for `memory`, bytes for `output` and `paths`, a count for `files`. */
      readonly allowed: number
      readonly wanted: number
      readonly fuel: Fuel
    }
  | { readonly status: 'timed-out'; readonly allowedMs: number }
  | { readonly status: 'node-fault'; readonly code: NodeFaultCode; readonly message: string }
