import { type Address, type Hash, hash, type UnixMs } from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer, unixMs } from '../answer.ts'
import type { ChainLog } from '../chain-rpc.ts'
import { fromLog } from '../contract-events.ts'
import { type ContractRead, question } from '../contract-reads.ts'
import { possessionAbi } from '../generated/possession.ts'

/** An open challenge. */
export interface PossessionChallenge {
  readonly number: bigint
  readonly challenger: Address
  /** Who has to answer. */
  readonly node: Address
  /** Name of the agreement, and which of its revisions it is about. */
  readonly agreement: Hash
  readonly revision: number
  /** The block whose hash is the seed. */
  readonly seedBlock: number
  /** The seed, and the last moment for an answer; undefined while the seed is not drawn. */
  readonly drawn: { readonly seed: Hash; readonly endsAt: UnixMs } | undefined
}

/** What never changes about challenges. */
export interface PossessionTerms {
  readonly answerSeconds: number
  readonly depositTokenUnits: bigint
}

const challenge = AbiFunction.fromAbi(possessionAbi, 'challenge')
const deposit = AbiFunction.fromAbi(possessionAbi, 'deposit')
const answerSeconds = AbiFunction.fromAbi(possessionAbi, 'answerSeconds')
const announced = AbiEvent.fromAbi(possessionAbi, 'Announced')

/** Of the event that says that a node was asked. */
export const announcedTopic: Hash = hash(AbiEvent.getSelector(announced))

/** A challenge; undefined when it is over or never was. */
export function challengeRead(number: bigint): ContractRead<PossessionChallenge | undefined> {
  return question('challenge', AbiFunction.encodeData(challenge, [number]), (answer) => {
    const open = AbiFunction.decodeResult(challenge, answer)
    if (/^0x0+$/.test(open.challenger)) return undefined
    return {
      number,
      challenger: addressAnswer(open.challenger, 'challenge.challenger'),
      node: addressAnswer(open.node, 'challenge.node'),
      agreement: hash(open.agreement),
      revision: open.revision,
      seedBlock: open.seedBlock,
      drawn: open.endsAt === 0 ? undefined : { seed: hash(open.seed), endsAt: unixMs(open.endsAt) },
    }
  })
}

/** What who asks puts in, in token units. */
export const depositRead: ContractRead<bigint> = question('deposit', AbiFunction.encodeData(deposit), (answer) =>
  AbiFunction.decodeResult(deposit, answer),
)

/** Time to answer in. */
export const answerSecondsRead: ContractRead<number> = question(
  'answerSeconds',
  AbiFunction.encodeData(answerSeconds),
  (answer) => AbiFunction.decodeResult(answerSeconds, answer),
)

/** The number of the challenge that an event is about. @throws ChainError CHAIN_BAD_ANSWER */
export function announcedNumber(log: ChainLog): bigint {
  return fromLog(log, (parts) => AbiEvent.decode(announced, parts).number)
}
