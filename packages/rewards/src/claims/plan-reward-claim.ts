import type { Address, Economy, RewardClaim } from '@stead/core'
import { type EpochResult, treeOfResult } from '../epoch/result.ts'

/** An epoch on whose account an operator's cap can rise. */
export interface AccruableEpoch {
  readonly epoch: number
  readonly tokenUnits: bigint
}

/** What one program has for an operator, by a final root. */
export interface ClaimableLine {
  readonly claim: RewardClaim
  /** Units are of the token when true, micro-dollars when not. */
  readonly isMinting: boolean
  readonly paidUnits: bigint
  /** What a claim pays after the caps have risen. */
  readonly payableUnits: bigint
}

/** What claiming brings an operator now, and what has to be sent for it. */
export interface RewardClaimPlan {
  /** Epochs whose cap has to rise first; none where nothing is paid by it. */
  readonly accruable: readonly AccruableEpoch[]
  /** One for each program that ever gave the operator something. */
  readonly lines: readonly ClaimableLine[]
}

/** Whose claim, by what, and the epochs whose cap has not risen although their fees are sold. */
export interface RewardClaimInput {
  readonly operator: Address
  readonly result: EpochResult
  readonly accruable: readonly AccruableEpoch[]
}

/**
 * Works out a claim against a final root. One calculation for the node that claims by itself and for a person who
 * asks, so that both say the same. @throws ChainError
 */
export async function planRewardClaim(
  economy: Pick<Economy, 'rewardOf'>,
  { operator, result, accruable }: RewardClaimInput,
): Promise<RewardClaimPlan> {
  const rising = accruable.reduce((sum, { tokenUnits }) => sum + tokenUnits, 0n)
  const tree = treeOfResult(result)
  const lines: ClaimableLine[] = []
  let isCapNeeded = false
  for (const line of result.lines) {
    const { program, cumulativeUnits: cumulative } = line
    if (line.operator !== operator || cumulative === 0n) continue
    const { source, paid, available } = await economy.rewardOf(program, operator)
    const isMinting = source === 'minted'
    const left = cumulative > paid ? cumulative - paid : 0n
    isCapNeeded ||= isMinting && left > available
    const limit = isMinting ? available + rising : available
    const claim = { program, operator, cumulative, proof: tree.branch(line) }
    lines.push({ claim, isMinting, paidUnits: paid, payableUnits: left < limit ? left : limit })
  }
  return { accruable: isCapNeeded ? accruable : [], lines }
}
