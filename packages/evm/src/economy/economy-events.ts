import {
  type CapAccrued,
  type ClaimBatch,
  type ClaimsCredited,
  type EventPlace,
  hash,
  type LotBought,
  microUsd,
  type NodeBonded,
  type OperatorPaid,
  type ProgramChanged,
  type ProgramSponsored,
  type RewardPaid,
  type RootEvent,
} from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import { addressAnswer, type Hex } from '../answer.ts'
import type { ChainLog } from '../chain-rpc.ts'
import { claimedOf, eventTopics, fromLog } from '../contract-events.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { rewardsAbi } from '../generated/rewards.ts'
import { stakeAbi } from '../generated/stake.ts'
import { sourceOf } from './reward-source.ts'

const lotSold = AbiEvent.fromAbi(escrowAbi, 'LotSold')
const paidOut = AbiEvent.fromAbi(escrowAbi, 'PaidOut')
const rewardPaid = AbiEvent.fromAbi(rewardsAbi, 'RewardPaid')
const accrued = AbiEvent.fromAbi(rewardsAbi, 'Accrued')
const rootProposed = AbiEvent.fromAbi(rewardsAbi, 'RootProposed')
const rootFinal = AbiEvent.fromAbi(rewardsAbi, 'RootFinal')
const programChanged = AbiEvent.fromAbi(rewardsAbi, 'ProgramChanged')
const sponsored = AbiEvent.fromAbi(rewardsAbi, 'Sponsored')
const bonded = AbiEvent.fromAbi(stakeAbi, 'Bonded')

/** An event: whose, its first topic, and what it says. */
export interface EconomyEvent<Value> {
  readonly of: 'escrow' | 'rewards' | 'stake'
  readonly topic: Hex
  /** @throws ChainError CHAIN_BAD_ANSWER for an endpoint that makes logs up */
  readonly read: (log: ChainLog) => Value
}

const placeOf = ({ blockNumber, logIndex, transaction }: ChainLog): EventPlace => ({
  blockNumber,
  logIndex,
  transaction,
})

/** The claims of one event are of one node and operator, and count together. */
export const claimsEvent: EconomyEvent<(ClaimsCredited & ClaimBatch) | undefined> = {
  of: 'escrow',
  topic: eventTopics.claimed,
  read: (log) => {
    const entries = claimedOf(log)
    const [first] = entries
    // Only stale claims: nothing was credited.
    if (first === undefined) return undefined
    const sum = (field: 'grossMicroUsd' | 'feeMicroUsd') =>
      microUsd(entries.reduce((total, entry) => total + entry[field], 0n))
    const { node, operator } = first
    const parts = entries.map(({ channel, grossMicroUsd }) => ({ channel, grossMicroUsd }))
    const sums = { grossMicroUsd: sum('grossMicroUsd'), feeMicroUsd: sum('feeMicroUsd') }
    return { ...placeOf(log), node, operator, ...sums, parts }
  },
}

export const paidOutEvent: EconomyEvent<OperatorPaid> = {
  of: 'escrow',
  topic: AbiEvent.getSelector(paidOut),
  read: (log) =>
    fromLog(log, (parts) => {
      const { operator, amount } = AbiEvent.decode(paidOut, parts)
      return {
        ...placeOf(log),
        operator: addressAnswer(operator, 'PaidOut.operator'),
        amountMicroUsd: microUsd(amount),
      }
    }),
}

export const lotBoughtEvent: EconomyEvent<LotBought> = {
  of: 'escrow',
  topic: AbiEvent.getSelector(lotSold),
  read: (log) =>
    fromLog(log, (parts) => {
      const { lot, buyer, lastEpoch, fees, burned } = AbiEvent.decode(lotSold, parts)
      return {
        ...placeOf(log),
        lot,
        buyer: addressAnswer(buyer, 'LotSold.buyer'),
        lastEpoch: Number(lastEpoch),
        feesMicroUsd: microUsd(fees),
        burnedTokenUnits: burned,
      }
    }),
}

export const rewardPaidEvent: EconomyEvent<RewardPaid> = {
  of: 'rewards',
  topic: AbiEvent.getSelector(rewardPaid),
  read: (log) =>
    fromLog(log, (parts) => {
      const { program, operator, amount, cumulative } = AbiEvent.decode(rewardPaid, parts)
      return {
        ...placeOf(log),
        program: hash(program),
        operator: addressAnswer(operator, 'RewardPaid.operator'),
        amountUnits: amount,
        cumulativeUnits: cumulative,
      }
    }),
}

export const accruedEvent: EconomyEvent<CapAccrued> = {
  of: 'rewards',
  topic: AbiEvent.getSelector(accrued),
  read: (log) =>
    fromLog(log, (parts) => {
      const { operator, epoch, amount } = AbiEvent.decode(accrued, parts)
      const place = placeOf(log)
      return {
        ...place,
        operator: addressAnswer(operator, 'Accrued.operator'),
        epoch: Number(epoch),
        tokenUnits: amount,
      }
    }),
}

function rootOf(
  log: ChainLog,
  event: { readonly epoch: bigint; readonly attempt: bigint; readonly root: Hex; readonly evidence: Hex },
): RootEvent {
  const { epoch, attempt, root, evidence } = event
  return { ...placeOf(log), epoch: Number(epoch), attempt: Number(attempt), root: hash(root), evidence: hash(evidence) }
}

export const rootProposedEvent: EconomyEvent<RootEvent> = {
  of: 'rewards',
  topic: AbiEvent.getSelector(rootProposed),
  read: (log) => fromLog(log, (parts) => rootOf(log, AbiEvent.decode(rootProposed, parts))),
}

export const rootFinalEvent: EconomyEvent<RootEvent> = {
  of: 'rewards',
  topic: AbiEvent.getSelector(rootFinal),
  read: (log) => fromLog(log, (parts) => rootOf(log, AbiEvent.decode(rootFinal, parts))),
}

export const bondedEvent: EconomyEvent<NodeBonded> = {
  of: 'stake',
  topic: AbiEvent.getSelector(bonded),
  read: (log) =>
    fromLog(log, (parts) => {
      const { node, operator } = AbiEvent.decode(bonded, parts)
      return {
        blockNumber: log.blockNumber,
        node: addressAnswer(node, 'Bonded.node'),
        operator: addressAnswer(operator, 'Bonded.operator'),
      }
    }),
}

export const programChangedEvent: EconomyEvent<ProgramChanged> = {
  of: 'rewards',
  topic: AbiEvent.getSelector(programChanged),
  read: (log) =>
    fromLog(log, (parts) => {
      const { program, source, enabled } = AbiEvent.decode(programChanged, parts)
      return {
        blockNumber: log.blockNumber,
        program: hash(program),
        source: sourceOf(source),
        isEnabled: enabled,
      }
    }),
}

export const sponsoredEvent: EconomyEvent<ProgramSponsored> = {
  of: 'rewards',
  topic: AbiEvent.getSelector(sponsored),
  read: (log) =>
    fromLog(log, (parts) => {
      const { program, amount } = AbiEvent.decode(sponsored, parts)
      return { blockNumber: log.blockNumber, program: hash(program), amountMicroUsd: microUsd(amount) }
    }),
}
