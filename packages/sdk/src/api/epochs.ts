import type { Address, ContentId, Hash, MicroUsd, UnixMs, Wei } from '@stead/core'
import { z } from 'zod'
import {
  addressWire,
  contentIdWire,
  countWire,
  hashWire,
  microUsdWire,
  unixMsWire,
  type Wire,
  weiWire,
} from './scalars.ts'

const nullable = <Value>(wire: Wire<Value>): Wire<Value | null> => z.nullable(wire)

/**
 * How an epoch stands: it runs; its logs are gathered, or it waits to be proposed; proposed; challenged; `mismatch`:
 * proposed, and this node comes to another result; final, with a root of its own or of a later epoch; or its proposal was dropped.
 */
export type EpochState = 'running' | 'gathering' | 'proposed' | 'challenged' | 'final' | 'dropped' | 'mismatch'

/** One epoch, as this node sees it. */
export interface EpochLine {
  readonly epoch: number
  readonly state: EpochState
  /** The evidence's content id, once it is on chain or computed here. */
  readonly evidence: ContentId | null
  readonly root: Hash | null
  /** Why it is not final, or what differs. */
  readonly reason: string | null
  /** Valid probe logs that are here. */
  readonly logs: number
  /** Bonded nodes of which no log is here. */
  readonly missing: readonly Address[]
}

/** The proposal that is open on chain. */
export interface OpenProposal {
  readonly epoch: number
  readonly attempt: number
  readonly root: Hash
  readonly evidence: ContentId
  readonly proposer: Address
  readonly endsAt: UnixMs
  readonly challenge: { readonly challenger: Address; readonly root: Hash; readonly evidence: ContentId } | null
  /** What this node thinks of it; null while it does not watch or does not know yet. */
  readonly verdict: 'match' | 'mismatch' | null
  readonly reason: string | null
}

/** What claiming does or waits for. */
export interface RewardClaimStatus {
  readonly reason: string
  readonly waitingMicroUsd: MicroUsd
  readonly gasMicroUsd: MicroUsd
  readonly error: string | null
  /** The transaction that is on its way; one that stays is stuck. */
  readonly sending: { readonly kind: string; readonly since: UnixMs } | null
}

/** Answer to `GET /v1/epochs`. */
export interface EpochList {
  readonly now: number
  readonly terms: { readonly genesisAt: UnixMs; readonly epochSeconds: number }
  readonly proposal: OpenProposal | null
  readonly final: { readonly epoch: number; readonly root: Hash; readonly evidence: ContentId } | null
  /** The newest first, at most 32. */
  readonly epochs: readonly EpochLine[]
  /** What does not work now: RPC down, a policy that is not known. */
  readonly faults: readonly { readonly duty: string; readonly reason: string }[]
  readonly claim: RewardClaimStatus | null
}

const epochLineWire: Wire<EpochLine> = z.object({
  epoch: countWire,
  state: z.enum(['running', 'gathering', 'proposed', 'challenged', 'final', 'dropped', 'mismatch']),
  evidence: nullable(contentIdWire),
  root: nullable(hashWire),
  reason: nullable(z.string()),
  logs: countWire,
  missing: z.array(addressWire),
})

const proposalWire: Wire<OpenProposal> = z.object({
  epoch: countWire,
  attempt: countWire,
  root: hashWire,
  evidence: contentIdWire,
  proposer: addressWire,
  endsAt: unixMsWire,
  challenge: nullable(z.object({ challenger: addressWire, root: hashWire, evidence: contentIdWire })),
  verdict: nullable(z.enum(['match', 'mismatch'])),
  reason: nullable(z.string()),
})

const claimStatusWire: Wire<RewardClaimStatus> = z.object({
  reason: z.string(),
  waitingMicroUsd: microUsdWire,
  gasMicroUsd: microUsdWire,
  error: nullable(z.string()),
  sending: nullable(z.object({ kind: z.string(), since: unixMsWire })),
})

/** Wire form of {@link EpochList}. */
export const epochListWire: Wire<EpochList> = z.object({
  now: countWire,
  terms: z.object({ genesisAt: unixMsWire, epochSeconds: countWire }),
  proposal: nullable(proposalWire),
  final: nullable(z.object({ epoch: countWire, root: hashWire, evidence: contentIdWire })),
  epochs: z.array(epochLineWire),
  faults: z.array(z.object({ duty: z.string(), reason: z.string() })),
  claim: nullable(claimStatusWire),
})

/** Answer to `POST /v1/epochs/:n/run`. */
export interface EpochRun {
  readonly epoch: number
  readonly attempt: number
  readonly root: Hash
  readonly evidence: ContentId
  readonly result: ContentId
  /** Probe logs that count in it. */
  readonly logs: number
}

/** Wire form of {@link EpochRun}. */
export const epochRunWire: Wire<EpochRun> = z.object({
  epoch: countWire,
  attempt: countWire,
  root: hashWire,
  evidence: contentIdWire,
  result: contentIdWire,
  logs: countWire,
})

/** Answer to `GET /v1/epochs/:n/logs`. */
export interface EpochLogs {
  readonly epoch: number
  /** Valid probe logs that this node had in time, so that every proposer owes them; none where it did not listen then. */
  readonly owed: readonly ContentId[]
}

/** Wire form of {@link EpochLogs}. */
export const epochLogsWire: Wire<EpochLogs> = z.object({ epoch: countWire, owed: z.array(contentIdWire) })

/** Answer to `POST /v1/rewards/claim`. */
export interface RewardsClaimed {
  readonly transactions: readonly { readonly kind: string; readonly transaction: Hash; readonly gasCostWei: Wei }[]
  /** Why there is none; null when there is one. */
  readonly reason: string | null
}

/** Wire form of {@link RewardsClaimed}. */
export const rewardsClaimedWire: Wire<RewardsClaimed> = z.object({
  transactions: z.array(z.object({ kind: z.string(), transaction: hashWire, gasCostWei: weiWire })),
  reason: nullable(z.string()),
})
