import type { Address, ContentId, Fuel, Hash, MicroUsd, UnixMs } from '@stead/core'
import type { OutcomeRecord, Task } from '@stead/protocol'
import type { JobEvent } from './job-event.ts'

/**
 * How results are checked. `trust`: one node's word. `quorum`: `replicas` nodes of distinct operators must agree, and
 * be a strict majority of those asked. `adaptive`: two nodes until a node has a record of valid replicated results, then
 * re-checks with falling probability, never below `floor` (0 .. 1).
 */
export type Verification =
  | { readonly mode: 'trust' }
  | { readonly mode: 'quorum'; readonly replicas: number }
  | { readonly mode: 'adaptive'; readonly floor?: number }

/** A task under the name by which its submitter knows it. */
export interface JobTask {
  /** Unique in the job, 1 .. 256 characters. */
  readonly key: string
  readonly task: Task
}

/** A set of tasks to run, and what it may cost. Every module, input and file must be in the blob store. */
export interface JobRequest {
  /** For people, 1 .. 256 characters. */
  readonly name: string
  /** 1 .. 100000. */
  readonly tasks: readonly JobTask[]
  readonly verification: Verification
  /** Never spent beyond; checked before each placement against everything accepted, awaiting agreement or in flight. */
  readonly maxCostMicroUsd: MicroUsd
  /** Nodes with a longer measured round trip are left out. @default no limit */
  readonly maxRttMs?: number
  /** The job ends in what it has so long after its submission. @default no limit */
  readonly deadlineMs?: number
  /** Only nodes of these operators, say one's own. @default all */
  readonly operators?: readonly Address[]
  /** Second copies of tasks that take much longer than the others. @default true */
  readonly hedge?: boolean
  /** What to do when there are fewer operators than replicas: give up, or take one node's word. @default 'fail' */
  readonly ifFewerOperators?: 'fail' | 'trust'
  /** What the submitter needs to make its report again after a crash; opaque here, at most 1 MiB. */
  readonly context?: Uint8Array
}

/** `complete`, `partial`, `failed` (not one result) and `cancelled` are final. */
export type JobState = 'starting' | 'running' | 'settling' | 'complete' | 'partial' | 'failed' | 'cancelled'

/** Why a task has no result; a closed list. */
export type UnfinishedReason =
  | 'cancelled'
  | 'deadline'
  | 'cost-cap'
  | 'unfunded'
  | 'no-providers'
  | 'fewer-operators'
  | 'no-agreement'
  | 'attempts'
  | 'module-refused'
  | 'stalled'
  | 'internal'

/** Tasks by what became of them. One task may be in several of the counts. */
export interface JobTaskCounts {
  readonly total: number
  /** Given to a node at least once. */
  readonly placed: number
  /** With an agreed result `ok`. */
  readonly succeeded: number
  /** Answered by two nodes or more. */
  readonly replicated: number
  /** With answers that differ. */
  readonly disagreed: number
  /** Ended without a result `ok`: an agreed fault of the guest, or no result at all. */
  readonly failed: number
  /** Deliveries that ended in a time-out, of the task's own limit or of the node's silence. */
  readonly timedOut: number
  /** Deliveries whose payment was refused: wrong, over-billed or malformed. */
  readonly rejected: number
}

/** One node's part in a job. */
export interface JobNode {
  readonly node: Address
  readonly operator: Address
  /** Accepted deliveries. */
  readonly tasks: number
  readonly fuel: Fuel
  /** Of accepted deliveries. */
  readonly grossMicroUsd: MicroUsd
  /** Of these, receipted by the node. */
  readonly paidMicroUsd: MicroUsd
  readonly rejected: number
  readonly timedOut: number
}

/** A job in numbers; every view takes them from here. */
export interface JobStatus {
  readonly job: Hash
  readonly name: string
  readonly state: JobState
  readonly submittedAt: UnixMs
  readonly finishedAt: UnixMs | undefined
  readonly tasks: JobTaskCounts
  /** Tasks without a result, by reason. */
  readonly unfinished: Readonly<Partial<Record<UnfinishedReason, number>>>
  /** Why nothing is placed right now; undefined while tasks are. */
  readonly waitingFor: string | undefined
  readonly nodes: readonly JobNode[]
  /** Nodes that match the job, and how many were left out for which reason, at the last look. */
  readonly match: { readonly matching: number; readonly excluded: Readonly<Record<string, number>> }
  readonly cost: {
    /** Accepted for payment. */
    readonly spentMicroUsd: MicroUsd
    /** In flight or awaiting agreement, at its most. */
    readonly reservedMicroUsd: MicroUsd
    readonly capMicroUsd: MicroUsd
  }
  readonly fuel: Fuel
  /** The number of the last event. */
  readonly events: number
}

/** One task's end. */
export interface TaskResult {
  readonly key: string
  readonly task: ContentId
  /** `failed`: the guest failed, and replicas agree on how. */
  readonly state: 'succeeded' | 'failed' | 'unfinished'
  /** What the nodes agreed on; its blobs are in the blob store. Missing when unfinished. */
  readonly record?: OutcomeRecord
  readonly reason?: UnfinishedReason
  /** One line for a person; missing where there is nothing to add. */
  readonly detail?: string
  /** Who gave the agreed result. */
  readonly nodes: readonly Address[]
}

/** What came of a job. */
export interface JobResult {
  readonly status: JobStatus
  /** In the order of the request. */
  readonly tasks: readonly TaskResult[]
}

/** A job that was submitted. */
export interface JobHandle {
  readonly id: Hash
  /** The events from number `from` (1 is the first) on; ends with the job. */
  events(from: number): AsyncIterable<JobEvent>
  status(): JobStatus
  /** Resolves when the job has ended, whatever it ended in. */
  result(): Promise<JobResult>
  /** What the submitter gave to be kept. */
  context(): Promise<Uint8Array | undefined>
  /** Ends the job in what it has; resolves when it has ended. */
  cancel(): Promise<void>
}

/** True for states that do not change any more. */
export function isFinal(state: JobState): boolean {
  return state === 'complete' || state === 'partial' || state === 'failed' || state === 'cancelled'
}
