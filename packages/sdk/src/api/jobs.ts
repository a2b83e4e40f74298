import type { Address, ContentId, Fuel, Hash, MicroUsd, UnixMs } from '@stead/core'
import type { TaskKind, TaskLimits } from '@stead/protocol'
import { z } from 'zod'
import type { JsonValue, TaskResultStatus } from '../job/job-package.ts'
import {
  addressWire,
  bytesWire,
  contentIdWire,
  countWire,
  fuelWire,
  hashWire,
  microUsdWire,
  optionalWire,
  unixMsWire,
  type Wire,
} from './scalars.ts'

/** How results are checked: one node's word, agreement of n, or replication that falls with a node's own record. */
export type JobVerification =
  | { readonly mode: 'trust' }
  | { readonly mode: 'quorum'; readonly replicas: number }
  | { readonly mode: 'adaptive' /** Least share of re-checked results, 0 .. 1. */; readonly floor?: number }

/** Wire form of {@link JobVerification}. */
export const jobVerificationWire: Wire<JobVerification> = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('trust') }),
  z.strictObject({ mode: z.literal('quorum'), replicas: z.int().min(2).max(16) }),
  z.strictObject({ mode: z.literal('adaptive'), floor: optionalWire(z.number().min(0).max(1)) }),
])

/** Bytes by the id of a blob that was uploaded before, or inline (at most 64 KiB). */
export type SubmittedBytes = { readonly blob: ContentId } | { readonly bytes: Uint8Array }

const submittedBytesWire: Wire<SubmittedBytes> = z.union([
  z.strictObject({ blob: contentIdWire }),
  z.strictObject({
    bytes: bytesWire.refine((bytes) => bytes.length <= 65_536, 'at most 65536 bytes inline; upload more as a blob'),
  }),
])

/** A file of a submitted task. */
export interface SubmittedFile {
  readonly path: string
  readonly content: SubmittedBytes
}

/** One task of a {@link JobSubmission}. */
export interface SubmittedTask {
  /** Unique in the job. */
  readonly key: string
  readonly args?: readonly string[]
  readonly input?: readonly SubmittedBytes[]
  readonly files?: readonly SubmittedFile[]
  /** Overrides the job's fuel limit. */
  readonly fuel?: Fuel
}

/** Body of `POST /v1/jobs` and `POST /v1/quote`: a whole job. */
export interface JobSubmission {
  readonly name: string
  readonly kind: TaskKind
  readonly module: ContentId
  readonly limits: TaskLimits
  /** NaN results have the same bits on every node; 1.0 to 2 times the time. @default raw, and strict only to settle a dispute */
  readonly floats?: 'strict'
  readonly tasks: readonly SubmittedTask[]
  /** 32 bytes. @default zeros */
  readonly seed?: Uint8Array
  /** What guests' clocks say. @default 0, so that the same job is the same tasks on any day */
  readonly declaredTimeMs?: UnixMs
  readonly verification: JobVerification
  /** Never more than this is spent. */
  readonly maxCostMicroUsd: MicroUsd
  readonly maxRttMs?: number
  /** Milliseconds from submission after which unfinished tasks are given up. */
  readonly deadlineMs?: number
  /** Only nodes of these operators. */
  readonly operators?: readonly Address[]
  /** Ask a second node when the first is slow. @default true */
  readonly hedge?: boolean
  /** Kept with the job for the report; never sent to providers. */
  readonly context?: JsonValue
}

const limitsWire: Wire<TaskLimits> = z.strictObject({
  fuel: fuelWire,
  memoryPages: z.int().min(1).max(65_536),
  outputBytes: z
    .int()
    .min(0)
    .max(1 << 30),
  timeMs: z.int().min(1).max(86_400_000),
})

const submittedTaskWire: Wire<SubmittedTask> = z.strictObject({
  key: z.string().min(1).max(128),
  args: optionalWire(z.array(z.string().max(4096)).max(256)),
  input: optionalWire(z.array(submittedBytesWire).max(64)),
  files: optionalWire(
    z.array(z.strictObject({ path: z.string().min(1).max(1024), content: submittedBytesWire })).max(64),
  ),
  fuel: optionalWire(fuelWire),
})

/** What JSON says, without keys named `__proto__`: none of them gets into an object of ours. */
const jsonWire: Wire<JsonValue> = z.json() as unknown as Wire<JsonValue>

/** Wire form of {@link JobSubmission}. */
export const jobSubmissionWire: Wire<JobSubmission> = z.strictObject({
  name: z.string().min(1).max(128),
  kind: z.enum(['command', 'function']),
  module: contentIdWire,
  limits: limitsWire,
  floats: optionalWire(z.literal('strict')),
  tasks: z.array(submittedTaskWire).min(1).max(100_000),
  seed: optionalWire(bytesWire.refine((bytes) => bytes.length === 32, 'must be 32 bytes')),
  declaredTimeMs: optionalWire(unixMsWire),
  verification: jobVerificationWire,
  maxCostMicroUsd: microUsdWire,
  maxRttMs: optionalWire(z.number().positive()),
  deadlineMs: optionalWire(z.int().min(1)),
  operators: optionalWire(z.array(addressWire).min(1).max(1024)),
  hedge: optionalWire(z.boolean()),
  context: optionalWire(jsonWire),
})

/** Answer to `POST /v1/jobs`: journaled, nothing placed yet. */
export interface JobAccepted {
  readonly id: Hash
  readonly tasks: number
}

/** Wire form of {@link JobAccepted}. */
export const jobAcceptedWire: Wire<JobAccepted> = z.object({ id: hashWire, tasks: countWire })

/** `partial`: ended with some tasks unfinished, each with its reason. */
export type JobState = 'running' | 'complete' | 'partial' | 'cancelled' | 'failed'

const jobStateWire: Wire<JobState> = z.enum(['running', 'complete', 'partial', 'cancelled', 'failed'])

/** Tasks by what became of them; deliveries (replicas and re-placements included) where it says so. */
export interface JobCounts {
  /** Tasks of the job. */
  readonly tasks: number
  /** Deliveries asked for, replicas included. */
  readonly placed: number
  /** Deliveries being worked on now. */
  readonly running: number
  /** Tasks with an accepted result. */
  readonly succeeded: number
  /** Tasks whose result at least two operators gave. */
  readonly replicated: number
  /** Deliveries that lost against a majority. */
  readonly disagreed: number
  /** Tasks given up. */
  readonly failed: number
  /** Deliveries that took too long. */
  readonly timedOut: number
  /** Deliveries refused by the provider, or refused payment by us. */
  readonly rejected: number
}

const jobCountsWire: Wire<JobCounts> = z.object({
  tasks: countWire,
  placed: countWire,
  running: countWire,
  succeeded: countWire,
  replicated: countWire,
  disagreed: countWire,
  failed: countWire,
  timedOut: countWire,
  rejected: countWire,
})

/** What one node did for a job. */
export interface JobNode {
  readonly node: Address
  readonly operator: Address
  /** Accepted deliveries. */
  readonly tasks: number
  readonly fuel: Fuel
  /** Accepted for payment, before the protocol's fee. */
  readonly grossMicroUsd: MicroUsd
}

const jobNodeWire: Wire<JobNode> = z.object({
  node: addressWire,
  operator: addressWire,
  tasks: countWire,
  fuel: fuelWire,
  grossMicroUsd: microUsdWire,
})

/** A reason code and how often it applied. */
export interface CountedReason {
  readonly reason: string
  readonly count: number
}

/** Wire form of {@link CountedReason}. */
export const countedReasonWire: Wire<CountedReason> = z.object({ reason: z.string(), count: countWire })

/** A job now. */
export interface JobStatus {
  readonly id: Hash
  readonly name: string
  readonly state: JobState
  readonly createdAt: UnixMs
  readonly finishedAt?: UnixMs
  readonly counts: JobCounts
  readonly nodes: readonly JobNode[]
  /** Accepted for payment so far. */
  readonly costMicroUsd: MicroUsd
  /** May still be added by deliveries in flight. */
  readonly reservedMicroUsd: MicroUsd
  readonly maxCostMicroUsd: MicroUsd
  /** Why nodes were left out, tasks wait or were given up. */
  readonly reasons: readonly CountedReason[]
}

/** Wire form of {@link JobStatus}. */
export const jobStatusWire: Wire<JobStatus> = z.object({
  id: hashWire,
  name: z.string(),
  state: jobStateWire,
  createdAt: unixMsWire,
  finishedAt: optionalWire(unixMsWire),
  counts: jobCountsWire,
  nodes: z.array(jobNodeWire),
  costMicroUsd: microUsdWire,
  reservedMicroUsd: microUsdWire,
  maxCostMicroUsd: microUsdWire,
  reasons: z.array(countedReasonWire),
})

/** Answer to `GET /v1/jobs`, newest first. */
export interface JobList {
  readonly jobs: readonly JobStatus[]
}

/** Wire form of {@link JobList}. */
export const jobListWire: Wire<JobList> = z.object({ jobs: z.array(jobStatusWire) })

/** A job with what its submitter kept with it: answer to `GET /v1/jobs/:id`. */
export interface JobDetail extends JobStatus {
  readonly context?: JsonValue
}

/** Wire form of {@link JobDetail}. */
export const jobDetailWire: Wire<JobDetail> = z.intersection(
  jobStatusWire,
  z.object({ context: optionalWire(jsonWire) }),
)

/** One fact of a job's life; the data of a server-sent event whose id is `number`. */
export interface JobEvent {
  /** 1, 2, 3, … per job. */
  readonly number: number
  readonly at: UnixMs
  /** `funded`, `placed`, `running`, `answered`, `agreed`, `disagreed`, `rejected`, `strict`, `replaced`, `hedged`, `paid`, `excluded`, `finished`, … */
  readonly type: string
  /** Key of the task that it is about. */
  readonly task?: string
  /** The node that it is about. */
  readonly node?: Address
  /** Reason code. */
  readonly reason?: string
  /** Everything else; big integers as decimal text. */
  readonly details: Readonly<Record<string, JsonValue>>
}

/** Wire form of {@link JobEvent}. */
export const jobEventWire: Wire<JobEvent> = z.object({
  number: countWire,
  at: unixMsWire,
  type: z.string(),
  task: optionalWire(z.string()),
  node: optionalWire(addressWire),
  reason: optionalWire(z.string()),
  details: z.record(z.string(), jsonWire),
})

/** A file that a task wrote. */
export interface ResultFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** One line of `GET /v1/jobs/:id/results`: a task and its accepted result, or why there is none. */
export interface JobResultLine {
  readonly key: string
  /** The task document's id. */
  readonly task: ContentId
  readonly status: TaskResultStatus
  readonly reason?: string
  /** The outcome record's id; missing while unfinished. */
  readonly outcome?: ContentId
  readonly exitCode: number
  readonly output: Uint8Array
  readonly stderr: Uint8Array
  readonly files: readonly ResultFile[]
  readonly fuel: Fuel
  /** Nodes whose accepted deliveries agree on this. */
  readonly nodes: readonly Address[]
  readonly costMicroUsd: MicroUsd
}

/** Wire form of {@link JobResultLine}. */
export const jobResultLineWire: Wire<JobResultLine> = z.object({
  key: z.string(),
  task: contentIdWire,
  status: z.enum(['ok', 'trap', 'out-of-fuel', 'limit', 'unfinished']),
  reason: optionalWire(z.string()),
  outcome: optionalWire(contentIdWire),
  exitCode: countWire,
  output: bytesWire,
  stderr: bytesWire,
  files: z.array(z.object({ path: z.string(), bytes: bytesWire })),
  fuel: fuelWire,
  nodes: z.array(addressWire),
  costMicroUsd: microUsdWire,
})
