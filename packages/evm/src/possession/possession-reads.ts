import { type Hash, hash, type PossessionAnnouncement, type PossessionChallenge, type PossessionEnd } from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer, unixMs } from '../answer.ts'
import type { ChainLog } from '../chain-rpc.ts'
import { fromLog } from '../contract-events.ts'
import { type ContractRead, question } from '../contract-reads.ts'
import { possessionAbi } from '../generated/possession.ts'

const challenge = AbiFunction.fromAbi(possessionAbi, 'challenge')
const deposit = AbiFunction.fromAbi(possessionAbi, 'deposit')
const answerSeconds = AbiFunction.fromAbi(possessionAbi, 'answerSeconds')
const announced = AbiEvent.fromAbi(possessionAbi, 'Announced')
const answered = AbiEvent.fromAbi(possessionAbi, 'Answered')
const missed = AbiEvent.fromAbi(possessionAbi, 'Missed')
const reclaimed = AbiEvent.fromAbi(possessionAbi, 'Reclaimed')

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
      root: hash(open.root),
      leaves: open.leaves,
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

/** Who was asked by whom, and about what. @throws ChainError CHAIN_BAD_ANSWER */
export function announcementIn(log: ChainLog): PossessionAnnouncement {
  const event = fromLog(log, (parts) => AbiEvent.decode(announced, parts))
  return {
    number: event.number,
    node: addressAnswer(event.node, 'Announced.node'),
    agreement: hash(event.agreement),
    revision: Number(event.revision),
    challenger: addressAnswer(event.challenger, 'Announced.challenger'),
    block: log.blockNumber,
  }
}

/** First topics of the events that end a challenge. */
export const endTopics: readonly Hash[] = [answered, missed, reclaimed].map((event) =>
  hash(AbiEvent.getSelector(event)),
)

/** A challenge's number as events index it. */
export function numberTopic(number: bigint): Hash {
  return hash(`0x${number.toString(16).padStart(64, '0')}`)
}

/** What an event says of a challenge's end. @throws ChainError CHAIN_BAD_ANSWER */
export function endIn(log: ChainLog): PossessionEnd {
  const { transaction } = log
  if (log.topics[0] === endTopics[0]) return { kind: 'answered', transaction }
  if (log.topics[0] === endTopics[2]) return { kind: 'reclaimed', transaction }
  const takenTokenUnits = fromLog(log, (parts) => AbiEvent.decode(missed, parts).taken)
  return { kind: 'missed', transaction, takenTokenUnits }
}
