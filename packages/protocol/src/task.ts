import type { ContentId, Fuel, UnixMs } from '@stead/core'
import { contentIdOf } from './content-id.ts'
import {
  contentIdField,
  fixedBytesField,
  fuelField,
  listField,
  optionalField,
  textField,
  timeField,
  uintField,
  versionField,
  wordField,
} from './schema/field.ts'
import { defineSchema, type Schema } from './schema/schema.ts'

/** `command`: WASI preview 1, args and files in, stdout and files out. `function`: bytes in, bytes out. */
export type TaskKind = 'command' | 'function'

/** A file that a command task sees. */
export interface TaskFile {
  /** Relative path with `/`, no `..`. */
  readonly path: string
  readonly content: ContentId
}

/** What a task may use; the guest meets each limit as a typed outcome. */
export interface TaskLimits {
  readonly fuel: Fuel
  /** Pages of 64 KiB. */
  readonly memoryPages: number
  /** Output and files together. */
  readonly outputBytes: number
  /** Wall time on the provider; not deterministic, and so never billed. */
  readonly timeMs: number
}

/** One unit of compute, complete: the same task gives the same outcome and the same fuel on every node. */
export interface Task {
  readonly version: 1
  readonly kind: TaskKind
  readonly module: ContentId
  /** The version of the cost table that counts the fuel. */
  readonly meterVersion: number
  readonly args: readonly string[]
  /** Blobs whose concatenation is stdin (command) or the input (function). */
  readonly input: readonly ContentId[]
  readonly files: readonly TaskFile[]
  readonly limits: TaskLimits
  /** Seeds the guest's random numbers, 32 bytes. */
  readonly seed: Uint8Array
  /** What the guest's clock says. */
  readonly declaredTime: UnixMs
  /** `strict`: NaN results have the same bits on every machine. Left out: the engine's bits; there is no other spelling. */
  readonly floats?: 'strict'
}

/** Largest task document in bytes. */
export const TASK_BYTES_MAX = 65_536

const fileSchema: Schema<TaskFile> = defineSchema<TaskFile>('TaskFile', 1200, {
  path: [1, textField(1024)],
  content: [2, contentIdField],
})

const limitsSchema: Schema<TaskLimits> = defineSchema<TaskLimits>('TaskLimits', 64, {
  fuel: [1, fuelField],
  memoryPages: [2, uintField(65_536)],
  outputBytes: [3, uintField(1 << 30)],
  timeMs: [4, uintField(86_400_000)],
})

/** Encodings of {@link Task}. */
export const taskSchema: Schema<Task> = defineSchema<Task>('Task', TASK_BYTES_MAX, {
  version: [1, versionField(1)],
  kind: [2, wordField(['command', 'function'])],
  module: [3, contentIdField],
  meterVersion: [4, uintField(65_535)],
  args: [5, listField(textField(4096), 256)],
  input: [6, listField(contentIdField, 64)],
  files: [7, listField(fileSchema.asField(), 64)],
  limits: [8, limitsSchema.asField()],
  seed: [9, fixedBytesField(32)],
  declaredTime: [10, timeField],
  floats: [11, optionalField(wordField(['strict']))],
})

/** How a task ended. `timed-out` and node faults have no record: they are nobody's result. */
export type OutcomeStatus = 'ok' | 'trap' | 'out-of-fuel' | 'limit'

/** What replicas must agree on: the deterministic part of an outcome. Its content id is the result's name. */
export interface OutcomeRecord {
  readonly version: 1
  readonly task: ContentId
  readonly status: OutcomeStatus
  /** Why a trap or which limit; missing for `ok` and `out-of-fuel`. */
  readonly reason?: string
  readonly exitCode: number
  /** The output's blob; of no bytes when there is none. */
  readonly output: ContentId
  readonly stderr: ContentId
  readonly files: readonly TaskFile[]
  readonly fuel: Fuel
}

/** Encodings of {@link OutcomeRecord}. */
export const outcomeRecordSchema: Schema<OutcomeRecord> = defineSchema<OutcomeRecord>('OutcomeRecord', TASK_BYTES_MAX, {
  version: [1, versionField(1)],
  task: [2, contentIdField],
  status: [3, wordField(['ok', 'trap', 'out-of-fuel', 'limit'])],
  reason: [4, optionalField(textField(256))],
  exitCode: [5, uintField(0xffff_ffff)],
  output: [6, contentIdField],
  stderr: [7, contentIdField],
  files: [8, listField(fileSchema.asField(), 64)],
  fuel: [9, fuelField],
})

/** The content id of a task. */
export function taskIdOf(task: Task): ContentId {
  return contentIdOf('dag-cbor', taskSchema.encodeDocument(task))
}

/** The content id of an outcome: equal exactly when status, output, files and fuel are. */
export function outcomeIdOf(record: OutcomeRecord): ContentId {
  return contentIdOf('dag-cbor', outcomeRecordSchema.encodeDocument(record))
}
