import type { Address, Hash, RewardClaim, RootResult, SignedPayload } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import * as AbiFunction from 'ox/AbiFunction'
import type { Hex } from '../answer.ts'
import { compactSignature } from '../contract-calls.ts'
import { equivocationAbi } from '../generated/equivocation.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { rewardsAbi } from '../generated/rewards.ts'
import { stakeAbi } from '../generated/stake.ts'
import { steadTokenAbi } from '../generated/stead-token.ts'

const buy = AbiFunction.fromAbi(escrowAbi, 'buy')
const bond = AbiFunction.fromAbi(stakeAbi, 'bond')
const unbond = AbiFunction.fromAbi(stakeAbi, 'unbond')
const withdraw = AbiFunction.fromAbi(stakeAbi, 'withdraw')
const report = AbiFunction.fromAbi(equivocationAbi, 'report')
const propose = AbiFunction.fromAbi(rewardsAbi, 'propose')
const challenge = AbiFunction.fromAbi(rewardsAbi, 'challenge')
const decide = AbiFunction.fromAbi(rewardsAbi, 'decide')
const finalize = AbiFunction.fromAbi(rewardsAbi, 'finalize')
const drop = AbiFunction.fromAbi(rewardsAbi, 'drop')
const accrue = AbiFunction.fromAbi(rewardsAbi, 'accrue')
const claim = AbiFunction.fromAbi(rewardsAbi, 'claim')
const sponsor = AbiFunction.fromAbi(rewardsAbi, 'sponsor')
const transfer = AbiFunction.fromAbi(steadTokenAbi, 'transfer')

/** A node's signature for a result. */
export interface RootVote {
  readonly node: Address
  readonly signature: Uint8Array
}

const said = ({ payload, signature }: SignedPayload) => ({ payload, ...compactSignature(signature) })
/** Addresses are in lower case, so that their text sorts as their numbers do. */
const byNode = (a: RootVote, b: RootVote): number => (a.node < b.node ? -1 : 1)

/** Calldata of the economy's transactions. */
export const economyData: {
  readonly buy: (lot: bigint, maximumTokenUnits: bigint) => Hex
  readonly bond: (node: Address, tokenUnits: bigint, consent: Uint8Array) => Hex
  readonly unbond: (node: Address, tokenUnits: bigint) => Hex
  readonly withdraw: (node: Address) => Hex
  readonly report: (slot: Hash, first: SignedPayload, second: SignedPayload) => Hex
  readonly propose: (epoch: number, result: RootResult, node: Address) => Hex
  readonly challenge: (attempt: number, result: RootResult, node: Address) => Hex
  readonly decide: (attempt: number, result: RootResult, votes: readonly RootVote[]) => Hex
  readonly finalize: (attempt: number) => Hex
  readonly drop: (attempt: number) => Hex
  readonly accrue: (operator: Address, epochs: readonly number[]) => Hex
  readonly claim: (line: RewardClaim) => Hex
  readonly sponsor: (program: Hash, amount: bigint) => Hex
  readonly transfer: (to: Address, tokenUnits: bigint) => Hex
} = {
  buy: (lot, maximumTokenUnits) => AbiFunction.encodeData(buy, [lot, maximumTokenUnits]),
  bond: (node, tokenUnits, consent) => AbiFunction.encodeData(bond, [node, tokenUnits, bytesToHex(consent)]),
  unbond: (node, tokenUnits) => AbiFunction.encodeData(unbond, [node, tokenUnits]),
  withdraw: (node) => AbiFunction.encodeData(withdraw, [node]),
  report: (slot, first, second) => AbiFunction.encodeData(report, [slot, said(first), said(second)]),
  propose: (epoch, result, node) => AbiFunction.encodeData(propose, [BigInt(epoch), { ...result }, node]),
  challenge: (attempt, result, node) => AbiFunction.encodeData(challenge, [BigInt(attempt), { ...result }, node]),
  decide: (attempt, result, votes) => {
    const sorted = votes.toSorted(byNode).map(({ signature }) => compactSignature(signature))
    return AbiFunction.encodeData(decide, [BigInt(attempt), { ...result }, sorted])
  },
  finalize: (attempt) => AbiFunction.encodeData(finalize, [BigInt(attempt)]),
  drop: (attempt) => AbiFunction.encodeData(drop, [BigInt(attempt)]),
  accrue: (operator, epochs) => AbiFunction.encodeData(accrue, [operator, epochs.map(BigInt)]),
  claim: ({ program, operator, cumulative, proof }) =>
    AbiFunction.encodeData(claim, [program, operator, cumulative, [...proof]]),
  sponsor: (program, amount) => AbiFunction.encodeData(sponsor, [program, amount]),
  transfer: (to, tokenUnits) => AbiFunction.encodeData(transfer, [to, tokenUnits]),
}
