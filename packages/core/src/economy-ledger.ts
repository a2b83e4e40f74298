import type { BlockSpan, RootResult } from './economy.ts'
import type { Address, Hash, MicroUsd } from './units.ts'

/** Where an event is. */
export interface EventPlace {
  readonly blockNumber: number
  readonly logIndex: number
  readonly transaction: Hash
}

/** Claims of one node that were credited to its operator together. */
export interface ClaimsCredited extends EventPlace {
  readonly node: Address
  readonly operator: Address
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

/** A lot of fees that somebody bought. */
export interface LotBought extends EventPlace {
  readonly lot: bigint
  readonly buyer: Address
  readonly lastEpoch: number
  readonly feesMicroUsd: MicroUsd
  readonly burnedTokenUnits: bigint
}

/** A reward that was paid out: token units by the program that mints, micro-dollars by all others. */
export interface RewardPaid extends EventPlace {
  readonly program: Hash
  readonly operator: Address
  readonly amountUnits: bigint
  readonly cumulativeUnits: bigint
}

/** An operator's cap rose on account of an epoch. */
export interface CapAccrued extends EventPlace {
  readonly operator: Address
  readonly epoch: number
  readonly tokenUnits: bigint
}

/** What an operator was credited by the Escrow was sent to it. */
export interface OperatorPaid extends EventPlace {
  readonly operator: Address
  readonly amountMicroUsd: MicroUsd
}

/** A root that was proposed, or that became final. */
export interface RootEvent extends RootResult, EventPlace {
  readonly epoch: number
  readonly attempt: number
}

/**
 * The chain's events as an account book: what one operator was paid, and what was proposed and sold. Lists are oldest
 * first; every search is bounded by its span, and goes page by page.
 */
export interface EconomyLedger {
  claims(span: BlockSpan, operator?: Address): Promise<readonly ClaimsCredited[]>
  payouts(span: BlockSpan, operator?: Address): Promise<readonly OperatorPaid[]>
  lotsBought(span: BlockSpan): Promise<readonly LotBought[]>
  rewardsPaid(span: BlockSpan, operator?: Address): Promise<readonly RewardPaid[]>
  capsAccrued(span: BlockSpan, operator?: Address): Promise<readonly CapAccrued[]>
  rootsProposed(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]>
  rootsFinal(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]>
}
