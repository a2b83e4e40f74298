import type { Fuel, Hash, MicroUsd, Store, StoreOperation, UnixMs } from '@stead/core'
import { bytesField, defineSchema, listField, type Schema, TASK_BYTES_MAX, textField } from '@stead/protocol'
import { isFinal, type JobState } from './job.ts'
import { type JobHeader, type JobPlan, type PlannedTask, plannedFromDocument } from './job-plan.ts'
import { decodeRow, encodeRow } from './json-row.ts'

/** One JSON document per job: header and state. */
const JOBS_TABLE = 'compute-jobs'
/** Chunks of task documents by job and chunk number. */
const TASKS_TABLE = 'compute-job-tasks'
/** What the submitter gave to be kept. */
const CONTEXT_TABLE = 'compute-job-context'
/** Batches of events by job and number of the first one. */
export const LOG_TABLE = 'compute-job-log'
const TASKS_PER_ROW = 256
/** Rows that are deleted in one batch. */
const DELETE_BATCH = 1024

interface TaskChunk {
  readonly keys: readonly string[]
  readonly documents: readonly Uint8Array[]
}

const chunkSchema: Schema<TaskChunk> = defineSchema<TaskChunk>('TaskChunk', 32 * 1024 * 1024, {
  keys: [1, listField(textField(1024), TASKS_PER_ROW)],
  documents: [2, listField(bytesField(TASK_BYTES_MAX), TASKS_PER_ROW)],
})

/** What the list of jobs says of one. */
export interface JobSummary {
  readonly id: Hash
  readonly name: string
  readonly state: JobState
  readonly submittedAt: UnixMs
  readonly finishedAt: UnixMs | undefined
  readonly tasks: number
}

/** A job's row as it is read back. */
export interface StoredJob {
  readonly header: JobHeader
  readonly state: JobState
  readonly finishedAt: UnixMs | undefined
}

/** The JSON of a job's row: the header with its bigints as digits. */
interface JobRow {
  readonly header: Omit<JobHeader, 'maxCostMicroUsd' | 'need'> & {
    readonly maxCostMicroUsd: string
    readonly need: Omit<JobHeader['need'], 'fuel'> & { readonly fuel: string }
  }
  readonly state: JobState
  readonly finishedAt?: UnixMs
}

/** A key that sorts by number: ten digits. */
export function numberKey(job: Hash, number: number): string {
  return `${job}/${number.toString().padStart(10, '0')}`
}

/** The jobs of a node on disk. */
export class JobStore {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Journals a job whole, so that it survives a kill from here on. @throws CoreError STORE_FULL, STORE_FAILED */
  async create(plan: JobPlan, context: Uint8Array | undefined): Promise<void> {
    const { header, tasks } = plan
    const operations: StoreOperation[] = []
    for (let start = 0; start < tasks.length; start += TASKS_PER_ROW) {
      const part = tasks.slice(start, start + TASKS_PER_ROW)
      const chunk = { keys: part.map(({ key }) => key), documents: part.map(({ document }) => document) }
      const key = numberKey(header.id, start / TASKS_PER_ROW)
      operations.push({ kind: 'put', table: TASKS_TABLE, key, value: chunkSchema.encodeMessage(chunk) })
    }
    if (context !== undefined) operations.push({ kind: 'put', table: CONTEXT_TABLE, key: header.id, value: context })
    operations.push(rowOf({ header, state: 'starting', finishedAt: undefined }))
    await this.#store.write(operations, 'process')
  }

  /** The operation that notes a job's new state. */
  stateOperation(job: StoredJob): StoreOperation {
    return rowOf(job)
  }

  /** All jobs, in the order of their ids. @throws ComputeError COMPUTE_JOURNAL */
  async list(): Promise<readonly StoredJob[]> {
    const rows = await this.#store.scan(JOBS_TABLE)
    return rows.map(({ value }) => jobOf(value))
  }

  /** One job; undefined when there is none. @throws ComputeError COMPUTE_JOURNAL */
  async get(id: Hash): Promise<StoredJob | undefined> {
    const value = await this.#store.get(JOBS_TABLE, id)
    return value === undefined ? undefined : jobOf(value)
  }

  /** A job's tasks in their order. @throws ComputeError COMPUTE_JOURNAL, ProtocolError */
  async tasks(id: Hash): Promise<readonly PlannedTask[]> {
    const tasks: PlannedTask[] = []
    for (const { value } of await this.#store.scan(TASKS_TABLE, { prefix: `${id}/` })) {
      const { keys, documents } = chunkSchema.decodeMessage(value)
      for (const [index, document] of documents.entries()) tasks.push(plannedFromDocument(keys[index] ?? '', document))
    }
    return tasks
  }

  /** What the submitter gave to be kept. */
  async context(id: Hash): Promise<Uint8Array | undefined> {
    return this.#store.get(CONTEXT_TABLE, id)
  }

  /** Removes a finished job with its events; its outputs are the caller's to unpin. */
  async remove(id: Hash): Promise<void> {
    for (const table of [LOG_TABLE, TASKS_TABLE]) {
      for (;;) {
        const rows = await this.#store.scan(table, { prefix: `${id}/`, limit: DELETE_BATCH })
        if (rows.length === 0) break
        await this.#store.write(
          rows.map(({ key }) => ({ kind: 'delete', table, key })),
          'process',
        )
      }
    }
    const rest: StoreOperation[] = [CONTEXT_TABLE, JOBS_TABLE].map((table) => ({ kind: 'delete', table, key: id }))
    await this.#store.write(rest, 'process')
  }
}

/** What a list shows of a job. */
export function summaryOf({ header, state, finishedAt }: StoredJob): JobSummary {
  const { id, name, submittedAt, tasks } = header
  return { id, name, state, submittedAt, finishedAt, tasks }
}

/** True when a stored job still has something to do. */
export function isUnfinished(job: StoredJob): boolean {
  return !isFinal(job.state)
}

function rowOf({ header, state, finishedAt }: StoredJob): StoreOperation {
  const row: JobRow = {
    header: {
      ...header,
      maxCostMicroUsd: header.maxCostMicroUsd.toString(),
      need: { ...header.need, fuel: header.need.fuel.toString() },
    },
    state,
    ...(finishedAt === undefined ? {} : { finishedAt }),
  }
  return { kind: 'put', table: JOBS_TABLE, key: header.id, value: encodeRow(row) }
}

function jobOf(value: Uint8Array): StoredJob {
  const { header, state, finishedAt } = decodeRow<JobRow>(value)
  return {
    header: {
      ...header,
      maxCostMicroUsd: BigInt(header.maxCostMicroUsd) as MicroUsd,
      need: { ...header.need, fuel: BigInt(header.need.fuel) as Fuel },
    },
    state,
    finishedAt,
  }
}
