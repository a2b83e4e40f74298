import {
  type CapAccrued,
  type ClaimsCredited,
  type EventPlace,
  hash,
  type LotBought,
  microUsd,
  type OperatorPaid,
  type RewardPaid,
  type RootEvent,
} from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import { addressAnswer, type Hex } from '../answer.ts'
import type { ChainLog } from '../chain-rpc.ts'
import { claimedOf, eventTopics, fromLog } from '../contract-events.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { rewardsAbi } from '../generated/rewards.ts'

const lotSold = AbiEvent.fromAbi(escrowAbi, 'LotSold')
const paidOut = AbiEvent.fromAbi(escrowAbi, 'PaidOut')
const rewardPaid = AbiEvent.fromAbi(rewardsAbi, 'RewardPaid')
const accrued = AbiEvent.fromAbi(rewardsAbi, 'Accrued')
const rootProposed = AbiEvent.fromAbi(rewardsAbi, 'RootProposed')
const rootFinal = AbiEvent.fromAbi(rewardsAbi, 'RootFinal')

/** An event: whose, its first topic, and what it says. */
export interface EconomyEvent<Value> {
  readonly of: 'escrow' | 'rewards'
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
export const claimsEvent: EconomyEvent<ClaimsCredited | undefined> = {
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
    return { ...placeOf(log), node, operator, grossMicroUsd: sum('grossMicroUsd'), feeMicroUsd: sum('feeMicroUsd') }
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
