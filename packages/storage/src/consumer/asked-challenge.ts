import { type Address, type Hash, isSteadError, type PossessionEnd, type UnixMs } from '@stead/core'
import { StorageError } from '../errors.ts'
import type { AskedRow, AskIntent, AskReason } from './asked-rows.ts'

/** How a challenge stands for the payer who asked. */
export type AskedState = 'announcing' | 'waiting' | 'asked' | 'due' | PossessionEnd['kind']

/** A challenge that this payer announced, or is about to. */
export interface AskedChallenge {
  /** Missing while it is being announced. */
  readonly number?: bigint
  readonly node: Address
  readonly agreement: Hash
  readonly why: AskReason
  readonly state: AskedState
  /** Last moment for an answer; missing while the seed is not drawn. */
  readonly endsAt?: UnixMs
  /** What kept the last step from being done. */
  readonly reason?: string
  /** Of this payer's transactions about it. */
  readonly gasUsed: bigint
  readonly gasCostWei: bigint
  /** What the node lost. */
  readonly takenTokenUnits?: bigint
}

/** A challenge that is about to be announced, in memory. */
export interface Announcing extends AskIntent {
  reason?: string
  /** No second deposit before this: the first may be on its way. By the monotonic clock. */
  retryAtMs: number
}

/** An announced challenge in memory. */
export interface Asked {
  row: AskedRow
  state: AskedState
  endsAt: UnixMs | undefined
  reason: string | undefined
  takenTokenUnits: bigint | undefined
  /** Since when the chain shows neither the challenge nor its end. */
  missingSinceMs: number | undefined
}

/** Begins to follow a challenge. */
export function followed(row: AskedRow): Asked {
  return {
    row,
    state: 'waiting',
    endsAt: undefined,
    reason: undefined,
    takenTokenUnits: undefined,
    missingSinceMs: undefined,
  }
}

/** An announcement that is on its way, as its owner sees it. */
export function viewOfAnnouncing({ node, agreement, why, reason }: Announcing): AskedChallenge {
  const state = 'announcing'
  return { node, agreement, why, state, gasUsed: 0n, gasCostWei: 0n, ...(reason === undefined ? {} : { reason }) }
}

/** A challenge as its owner sees it. */
export function viewOf({ row, state, endsAt, reason, takenTokenUnits }: Asked): AskedChallenge {
  const { number, node, agreement, why, gasUsed, gasCostWei } = row
  return {
    number,
    node,
    agreement,
    why,
    state,
    gasUsed,
    gasCostWei,
    ...(endsAt === undefined ? {} : { endsAt }),
    ...(reason === undefined ? {} : { reason }),
    ...(takenTokenUnits === undefined ? {} : { takenTokenUnits }),
  }
}

/** Whether a transaction that failed so may be taken later. */
export function mayHaveBeenSent(error: unknown): boolean {
  return !isSteadError(error) || !NEVER_SENT.has(error.code)
}

const NEVER_SENT: ReadonlySet<string> = new Set([
  'CHAIN_REVERTED',
  'CHAIN_INSUFFICIENT_FUNDS',
  'CHAIN_WRONG_CONTRACT',
  'STORAGE_NO_CHALLENGE',
])

/** STORAGE_NO_CHALLENGE with its reason. */
export function refused(node: Address, reason: string): StorageError {
  return new StorageError('STORAGE_NO_CHALLENGE', `the node ${node} cannot be asked: ${reason}`, {
    details: { node, reason },
  })
}
