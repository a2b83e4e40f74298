import type { Address, MicroUsd } from '@stead/core'
import type { SettleOutcome } from '../consumer/settle-outcome.ts'
import type { RepairSweep } from './segment-repairs.ts'
import type { RedundancyReport } from './segment-standing.ts'

/** What was found again of what a payer had. */
export interface RecoveredStorage {
  /** Nodes with an agreement. */
  readonly nodes: number
  readonly segments: number
  /** Pieces that nothing needed any more. */
  readonly droppedPieces: number
  /** Nodes that may have an agreement and did not answer. */
  readonly silentNodes: number
}

/** How one node stands with this payer. */
export interface StorageNodeStatus {
  readonly node: Address
  readonly operator: Address
  readonly pieces: number
  readonly bytes: number
  /** 0 .. 1 by this payer's own looks. */
  readonly availability: number
  /** Share of the time that it was seen to be there; undefined before a day of it was seen. */
  readonly uptime: number | undefined
  readonly priceMicroUsdPerTibHour: MicroUsd
  /** What came of the last settlement; undefined before the first. */
  readonly lastOutcome: SettleOutcome['kind'] | undefined
  /** Since this payer pays it, as far as its disk knows. */
  readonly paidMicroUsd: MicroUsd
}

/** What one round found and did. */
export interface StorageRound extends RepairSweep {
  readonly paidMicroUsd: MicroUsd
  readonly outcomes: Readonly<Record<SettleOutcome['kind'], number>>
  /** Nodes that leave, and still have pieces of this payer. */
  readonly leavingNodes: number
}

/** How segments lie: what is there of them, and whether on nodes that were measured to be there nearly always. */
export interface PlacementReport extends RedundancyReport {
  readonly segments: number
  /** Segments with fewer than half of their pieces on such nodes: there were not enough of them. */
  readonly unsteadySegments: number
  /** Such nodes among all with an agreement. */
  readonly steadyNodes: number
}
