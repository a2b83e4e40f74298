import {
  type Address,
  type BondState,
  type EpochTerms,
  type FinalRoot,
  type Hash,
  hash,
  type LotForSale,
  type MicroUsd,
  microUsd,
  type RewardState,
  type RootProposal,
  type RootResult,
  type UnixMs,
} from '@stead/core'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer, type Hex, unixMs } from '../answer.ts'
import { type ContractRead, operatorOfRead, question } from '../contract-reads.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { rewardsAbi } from '../generated/rewards.ts'
import { stakeAbi } from '../generated/stake.ts'
import { sourceOf } from './reward-source.ts'

const escrow = {
  genesisAt: AbiFunction.fromAbi(escrowAbi, 'genesisAt'),
  epochSeconds: AbiFunction.fromAbi(escrowAbi, 'epochSeconds'),
  lotForSale: AbiFunction.fromAbi(escrowAbi, 'lotForSale'),
  saleOf: AbiFunction.fromAbi(escrowAbi, 'saleOf'),
  halvingSeconds: AbiFunction.fromAbi(escrowAbi, 'halvingSeconds'),
  minimumLot: AbiFunction.fromAbi(escrowAbi, 'minimumLot'),
}
const stake = {
  bonded: AbiFunction.fromAbi(stakeAbi, 'bonded'),
  unbondings: AbiFunction.fromAbi(stakeAbi, 'unbondings'),
  expelled: AbiFunction.fromAbi(stakeAbi, 'expelled'),
  bondedAt: AbiFunction.fromAbi(stakeAbi, 'bondedAt'),
  totalBondedAt: AbiFunction.fromAbi(stakeAbi, 'totalBondedAt'),
}
const rewards = {
  proposal: AbiFunction.fromAbi(rewardsAbi, 'proposal'),
  decisionSlot: AbiFunction.fromAbi(rewardsAbi, 'decisionSlot'),
  anyFinal: AbiFunction.fromAbi(rewardsAbi, 'anyFinal'),
  finalEpoch: AbiFunction.fromAbi(rewardsAbi, 'finalEpoch'),
  finalResult: AbiFunction.fromAbi(rewardsAbi, 'finalResult'),
  kappaBpsAt: AbiFunction.fromAbi(rewardsAbi, 'kappaBpsAt'),
  deposit: AbiFunction.fromAbi(rewardsAbi, 'deposit'),
  challengeSeconds: AbiFunction.fromAbi(rewardsAbi, 'challengeSeconds'),
  decisionSeconds: AbiFunction.fromAbi(rewardsAbi, 'decisionSeconds'),
  minimumStake: AbiFunction.fromAbi(rewardsAbi, 'minimumStake'),
  accruable: AbiFunction.fromAbi(rewardsAbi, 'accruable'),
  sourceOf: AbiFunction.fromAbi(rewardsAbi, 'sourceOf'),
  sponsored: AbiFunction.fromAbi(rewardsAbi, 'sponsored'),
  spent: AbiFunction.fromAbi(rewardsAbi, 'spent'),
  paid: AbiFunction.fromAbi(rewardsAbi, 'paid'),
  cap: AbiFunction.fromAbi(rewardsAbi, 'cap'),
  minted: AbiFunction.fromAbi(rewardsAbi, 'minted'),
}
const isZero = (hex: string): boolean => /^0x0+$/.test(hex)

/** A read, and the contract that answers it. */
export interface EconomyRead<Value> extends ContractRead<Value> {
  readonly of: 'escrow' | 'stake' | 'rewards'
}

function number(
  of: EconomyRead<bigint>['of'],
  what: AbiFunction.AbiFunction,
  args: readonly unknown[],
): EconomyRead<bigint> {
  const data = AbiFunction.encodeData(what, args as never)
  return { of, ...question(what.name, data, (answer) => BigInt(AbiFunction.decodeResult(what, answer) as bigint)) }
}

const resultOf = (value: { root: Hex; evidence: Hex }): RootResult => ({
  root: hash(value.root),
  evidence: hash(value.evidence),
})

/** First moment and length of epochs, one read each. */
export const genesisRead: EconomyRead<EpochTerms['genesisAt']> = {
  of: 'escrow',
  ...question('genesisAt', AbiFunction.encodeData(escrow.genesisAt), (answer) =>
    unixMs(AbiFunction.decodeResult(escrow.genesisAt, answer)),
  ),
}
export const epochSecondsRead: EconomyRead<number> = {
  of: 'escrow',
  ...question('epochSeconds', AbiFunction.encodeData(escrow.epochSeconds), (answer) =>
    Number(AbiFunction.decodeResult(escrow.epochSeconds, answer)),
  ),
}

export const lotForSaleRead: EconomyRead<LotForSale> = {
  of: 'escrow',
  ...question('lotForSale', AbiFunction.encodeData(escrow.lotForSale), (answer) => {
    const [lot, fees, price, tokens] = AbiFunction.decodeResult(escrow.lotForSale, answer)
    return { lot, feesMicroUsd: microUsd(fees), priceTokenUnits: price, costTokenUnits: tokens }
  }),
}

export const halvingSecondsRead: EconomyRead<bigint> = number('escrow', escrow.halvingSeconds, [])
export const minimumLotRead: EconomyRead<bigint> = number('escrow', escrow.minimumLot, [])

/** One operator's fees in an epoch, and the lot that they were sold in; `soldAt` 0 while they are not. */
export function saleRead(
  epoch: number,
  operator: Address,
): EconomyRead<{ fees: MicroUsd; lot: { lastEpoch: bigint; soldAt: bigint; fees: bigint; burned: bigint } }> {
  const data = AbiFunction.encodeData(escrow.saleOf, [BigInt(epoch), operator])
  const read = (answer: Hex) => {
    const [fees, lot] = AbiFunction.decodeResult(escrow.saleOf, answer)
    return { fees: microUsd(fees), lot }
  }
  return { of: 'escrow', ...question('saleOf', data, read) }
}

/** A node's bond, in four reads. */
export function bondReads(node: Address): {
  readonly operator: EconomyRead<BondState['operator']>
  readonly bonded: EconomyRead<bigint>
  readonly unbondings: EconomyRead<BondState['unbondings']>
  readonly expelled: EconomyRead<boolean>
} {
  return {
    operator: { of: 'stake', ...operatorOfRead(node) },
    bonded: number('stake', stake.bonded, [node]),
    unbondings: {
      of: 'stake',
      ...question('unbondings', AbiFunction.encodeData(stake.unbondings, [node]), (answer) =>
        AbiFunction.decodeResult(stake.unbondings, answer).map(({ amount, endsAt }) => ({
          tokenUnits: amount,
          endsAt: unixMs(endsAt),
        })),
      ),
    },
    expelled: {
      of: 'stake',
      ...question('expelled', AbiFunction.encodeData(stake.expelled, [node]), (answer) =>
        AbiFunction.decodeResult(stake.expelled, answer),
      ),
    },
  }
}

const secondsOf = (at: UnixMs): bigint => BigInt(Math.floor(at / 1000))
export const bondedAtRead = (node: Address, at: UnixMs): EconomyRead<bigint> =>
  number('stake', stake.bondedAt, [node, secondsOf(at)])
export const totalBondedAtRead = (at: UnixMs): EconomyRead<bigint> =>
  number('stake', stake.totalBondedAt, [secondsOf(at)])
export const kappaRead = (soldAt: bigint): EconomyRead<bigint> => number('rewards', rewards.kappaBpsAt, [soldAt])
export const depositRead: EconomyRead<bigint> = number('rewards', rewards.deposit, [])
export const challengeSecondsRead: EconomyRead<bigint> = number('rewards', rewards.challengeSeconds, [])
export const decisionSecondsRead: EconomyRead<bigint> = number('rewards', rewards.decisionSeconds, [])
export const minimumStakeRead: EconomyRead<bigint> = number('rewards', rewards.minimumStake, [])
export const accruableRead = (operator: Address, epoch: number): EconomyRead<bigint> =>
  number('rewards', rewards.accruable, [operator, BigInt(epoch)])

/** The open proposal but for its slot, which is another read. */
export const proposalRead: EconomyRead<Omit<RootProposal, 'decisionSlot'> | undefined> = {
  of: 'rewards',
  ...question('proposal', AbiFunction.encodeData(rewards.proposal), (answer) => {
    const open = AbiFunction.decodeResult(rewards.proposal, answer)
    if (isZero(open.proposer)) return undefined
    const challenger = addressAnswer(open.challenger, 'proposal.challenger')
    return {
      epoch: Number(open.epoch),
      attempt: Number(open.attempt),
      endsAt: unixMs(open.endsAt),
      proposer: addressAnswer(open.proposer, 'proposal.proposer'),
      proposed: resultOf(open.proposed),
      challenge: isZero(challenger) ? undefined : { challenger, other: resultOf(open.other) },
    }
  }),
}

export function decisionSlotRead(epoch: number, attempt: number): EconomyRead<Hash> {
  const data = AbiFunction.encodeData(rewards.decisionSlot, [BigInt(epoch), BigInt(attempt)])
  const read = (answer: Hex): Hash => hash(AbiFunction.decodeResult(rewards.decisionSlot, answer))
  return { of: 'rewards', ...question('decisionSlot', data, read) }
}

export const anyFinalRead: EconomyRead<boolean> = {
  of: 'rewards',
  ...question('anyFinal', AbiFunction.encodeData(rewards.anyFinal), (answer) =>
    AbiFunction.decodeResult(rewards.anyFinal, answer),
  ),
}
export const finalEpochRead: EconomyRead<bigint> = number('rewards', rewards.finalEpoch, [])
export const finalResultRead: EconomyRead<Omit<FinalRoot, 'epoch'>> = {
  of: 'rewards',
  ...question('finalResult', AbiFunction.encodeData(rewards.finalResult), (answer) =>
    resultOf(AbiFunction.decodeResult(rewards.finalResult, answer)),
  ),
}

/** What bounds an operator's claim on a program. */
export function rewardReads(
  program: Hash,
  operator: Address,
): {
  readonly source: EconomyRead<RewardState['source']>
  readonly paid: EconomyRead<bigint>
  readonly minted: readonly [EconomyRead<bigint>, EconomyRead<bigint>]
  readonly sponsored: readonly [EconomyRead<bigint>, EconomyRead<bigint>]
} {
  return {
    source: {
      of: 'rewards',
      ...question('sourceOf', AbiFunction.encodeData(rewards.sourceOf, [program]), (answer) => {
        return sourceOf(AbiFunction.decodeResult(rewards.sourceOf, answer))
      }),
    },
    paid: number('rewards', rewards.paid, [program, operator]),
    minted: [number('rewards', rewards.cap, [operator]), number('rewards', rewards.minted, [operator])],
    sponsored: [number('rewards', rewards.sponsored, [program]), number('rewards', rewards.spent, [program])],
  }
}
