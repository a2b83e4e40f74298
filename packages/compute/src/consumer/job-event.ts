import type { Address, ContentId, Hash, PeerId } from '@stead/core'
import type { OutcomeStatus, TaskFile } from '@stead/protocol'
import type { JobState, UnfinishedReason } from './job.ts'

/** Money or fuel as decimal digits, so that events are plain JSON. */
export type Digits = string

/** Why a task was given to a node; known to the payer only. */
export type Purpose = 'original' | 'replica' | 'repair' | 'hedge'

/** Why a delivery ended without a result; nothing is paid for it. */
export type LossReason =
  | 'timed-out'
  | 'silent'
  | 'unreachable'
  | 'busy'
  | 'credit'
  | 'refused'
  | 'module-refused'
  | 'node-fault'
  | 'output-unavailable'
  | 'payer-restarted'
  | 'cancelled'

/** Why an answer is not paid. */
export type LieReason = 'wrong-result' | 'over-billed' | 'malformed'

/** How a node stands in a job. */
export type NodeState = 'backed-off' | 'dropped' | 'cleared'

/** One fact about a job. Deliveries are named by 32 hexadecimal digits. */
export type JobEventBody =
  | { readonly type: 'submitted'; readonly name: string; readonly tasks: number; readonly maxCostMicroUsd: Digits }
  | { readonly type: 'resumed' }
  /** Who can run the job: `matching` nodes, the others counted by reason. */
  | { readonly type: 'matched'; readonly matching: number; readonly excluded: Readonly<Record<string, number>> }
  /** A channel to a node is open for this job. */
  | {
      readonly type: 'funded'
      readonly node: Address
      readonly operator: Address
      readonly peer: PeerId
      readonly channel: Hash
      readonly allocationMicroUsd: Digits
      readonly priceMicroUsdPerGigafuel: Digits
      readonly rttMs?: number
    }
  | {
      readonly type: 'placed'
      readonly task: string
      readonly node: Address
      readonly channel: Hash
      readonly delivery: string
      readonly purpose: Purpose
      readonly maximumMicroUsd: Digits
    }
  | {
      readonly type: 'answered'
      readonly task: string
      readonly delivery: string
      readonly outcome: ContentId
      readonly status: OutcomeStatus
      readonly reason?: string
      readonly exitCode: number
      readonly output: ContentId
      readonly stderr: ContentId
      readonly files: readonly TaskFile[]
      readonly fuel: Digits
      readonly amountMicroUsd: Digits
      readonly durationMs: number
    }
  /** The result of a task; the answers with this outcome are accepted for payment. */
  | { readonly type: 'agreed'; readonly task: string; readonly outcome: ContentId; readonly nodes: readonly Address[] }
  /** An answer differs from what was agreed. `isPaid` when it was accepted before that was known. */
  | {
      readonly type: 'disagreed'
      readonly task: string
      readonly node: Address
      readonly delivery: string
      readonly reason: LieReason
      readonly expected: ContentId
      readonly got: ContentId
      readonly expectedFuel: Digits
      readonly gotFuel: Digits
      readonly isPaid: boolean
    }
  /** An answer that is wrong whatever the others say, or that was left without agreement. */
  | {
      readonly type: 'rejected'
      readonly task: string
      readonly node: Address
      readonly delivery: string
      readonly reason: LieReason
      readonly detail: string
    }
  /** A delivery ended without a result. */
  | {
      readonly type: 'lost'
      readonly task: string
      readonly node: Address
      readonly delivery: string
      readonly reason: LossReason
      readonly detail: string
    }
  /** A second copy was placed because this node takes long. */
  | { readonly type: 'hedged'; readonly task: string; readonly node: Address; readonly afterMs: number }
  /** A result that rested on one node's word is checked, because that node lied elsewhere. */
  | { readonly type: 'rechecked'; readonly task: string; readonly node: Address }
  /** A node gets no work for a while, or none of this job any more; or it was caught on the word of one that lies, and gets work again. */
  | {
      readonly type: 'node'
      readonly node: Address
      readonly state: NodeState
      readonly reason: string
      readonly forMs?: number
    }
  /** A node receipted payments: so much in all for this job. */
  | { readonly type: 'paid'; readonly node: Address; readonly channel: Hash; readonly paidMicroUsd: Digits }
  /**
   * The answers of these nodes differ, which with raw floats may be the machines' choice of NaN bits: nobody is blamed,
   * what is not accepted yet is not paid, and they are asked again with strict floats. Answers count for that task from
   * here on.
   */
  | {
      readonly type: 'strict'
      readonly task: string
      readonly nodes: readonly Address[]
      /** The content id of the task with strict floats. */
      readonly strictTask: ContentId
      readonly fuelMax: Digits
      readonly timeMs: number
    }
  /** A task ends without a result. */
  | {
      readonly type: 'unfinished'
      readonly task: string
      readonly reason: UnfinishedReason
      readonly detail: string
    }
  /** Something that stops the whole job for now or for good, as an error a person can act on. */
  | {
      readonly type: 'problem'
      readonly code: string
      readonly message: string
      readonly next: string
      readonly details: Readonly<Record<string, string | number | boolean>>
    }
  | { readonly type: 'settling' }
  | {
      readonly type: 'finished'
      readonly state: JobState
      readonly unfinished: Readonly<Partial<Record<UnfinishedReason, number>>>
    }

/** A fact with its place in the job's history. */
export type JobEvent = JobEventBody & {
  /** 1, 2, 3, … without gaps. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly at: number
}
