import type { Fuel } from '@stead/core'
import type { OutcomeStatus, TaskKind, TaskLimits } from '@stead/protocol'
import type { JobOption, JobOptionValues } from './options.ts'

/** Anything that survives `JSON.parse(JSON.stringify(…))`. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }

/** Bytes of an object on the network, of one version of it. */
export interface InputObject {
  readonly bucket: string
  readonly key: string
  /** @default the latest, as long as it has this etag */
  readonly version?: string
  readonly etag: string
}

/** One file or object that the builder named with `--input`; nothing of it is in memory until it is read. */
export interface JobInput {
  /** Its name without its folder; for people and for error messages. */
  readonly name: string
  readonly lengthBytes: number
  /**
   * Reads bytes: all by default, otherwise from `fromByte` to the one before `toByte`.
   * @throws the error that says why it cannot be read, such as STORAGE_CONDITION for an object that was replaced
   */
  read(fromByte?: number, toByte?: number): Promise<Uint8Array>
  /** Where it is, when it is an object: then a task's {@link InputRange} goes to its node without coming here. */
  readonly object?: InputObject
}

/** Bytes of an input that a task gets as they are, at most 64 MiB, so that a job's inputs may be larger than memory. */
export interface InputRange {
  readonly input: JobInput
  readonly fromByte: number
  /** The one after the last. */
  readonly toByte: number
}

/** What a job package sees while it plans: the builder's inputs and options, and its own files. */
export interface JobContext {
  /** In the order of the command line; empty when no `--input` was given. */
  readonly inputs: readonly JobInput[]
  /** Values of {@link JobPackage.options}, defaults filled in. */
  readonly options: JobOptionValues
  /**
   * Reads a file of the package: a path relative to the directory of stead.job.ts, with `/`.
   * @throws SdkError JOB_PACKAGE_INVALID when it is missing
   */
  readAsset(path: string): Promise<Uint8Array>
}

/** Bytes of a task: given here, by the name of a shared blob of the plan, or left where they are in an input. */
export type PlannedBytes = Uint8Array | { readonly blob: string } | InputRange

/** One task of a plan. */
export interface PlannedTask {
  /** Names the task in results and messages; unique in the job, 1 .. 128 characters. */
  readonly key: string
  /** Command modules: the arguments after the program's name, at most 256. */
  readonly args?: readonly string[]
  /** At most 64 parts whose concatenation is stdin (command) or the input (function). */
  readonly input?: readonly PlannedBytes[]
  /** Command modules: files that the guest sees, by relative path with `/`; at most 64. */
  readonly files?: ReadonlyMap<string, PlannedBytes>
  /** Overrides the plan's fuel limit. */
  readonly fuel?: Fuel
}

/** What a job consists of, before anybody is asked to run it. */
export interface JobPlan {
  /** The WebAssembly module that all tasks run. */
  readonly module: Uint8Array
  readonly kind: TaskKind
  /** Blobs that several tasks share, by a name of the plan's own; each is sent to a node once. */
  readonly blobs?: ReadonlyMap<string, Uint8Array>
  /** 1 .. 100,000 tasks. */
  readonly tasks: readonly PlannedTask[]
  /** Limits of every task; a task may have its own fuel. */
  readonly limits: TaskLimits
  /**
   * `strict` when results show computed floats and can be NaN (not a number): machines choose those bits, and replicas
   * that differ are run again with strict floats, so that asking for them at once is cheaper. @default raw
   */
  readonly floats?: 'strict'
  /** Seeds the guests' random numbers, 32 bytes. @default 32 zero bytes */
  readonly seed?: Uint8Array
  /** What {@link JobPackage.report} needs besides the results; kept in the payer's journal, at most 1 MiB as JSON. */
  readonly context: JsonValue
  /** What the builder should know before the job runs, a sentence each: rows that were skipped, choices that were made. */
  readonly notices: readonly string[]
}

/** How one task ended. `unfinished`: no agreed outcome (yet); `reason` says why. */
export type TaskResultStatus = OutcomeStatus | 'unfinished'

/** One task's result as {@link JobPackage.report} gets it. */
export interface TaskResult {
  readonly key: string
  readonly status: TaskResultStatus
  /** Why a trap, which limit, or why the task is unfinished. */
  readonly reason?: string
  /** What a function returned, or a command's stdout; no bytes unless `ok`. */
  readonly output: Uint8Array
  readonly exitCode: number
  readonly stderr: Uint8Array
  /** Files that a command wrote, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly fuel: Fuel
}

/** What a job found. */
export interface JobReport {
  /** For programs; what `--json` prints as `findings`. */
  readonly findings: readonly JsonValue[]
  /** For people; printed line by line. */
  readonly lines: readonly string[]
  /** False when results of some tasks are missing, so that the findings are of a part only. */
  readonly complete: boolean
}

/** What `stead run <directory>` loads: cuts inputs into tasks, and makes findings of their results. */
export interface JobPackage {
  /** Short name, `a-z0-9-`. */
  readonly name: string
  /** One sentence: what the job does. */
  readonly summary: string
  /** Options of the command line besides those of `stead run` itself. */
  readonly options: readonly JobOption[]
  /** Reads inputs and cuts the work; runs on the builder's machine. @throws SdkError naming what is wrong */
  plan(context: JobContext): Promise<JobPlan>
  /**
   * Turns results into findings; also after a crash, from `context` alone, and also when some results are missing.
   * @throws SdkError JOB_CONTEXT_INVALID
   */
  report(results: readonly TaskResult[], context: JsonValue): JobReport
}
