import { type Address, type ClaimedChannel, type Hash, hash, type MicroUsd, microUsd, type UnixMs } from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import { addressAnswer, type Hex, hashAnswer, unixMs } from './answer.ts'
import type { ChainLog } from './chain-rpc.ts'
import { ChainError } from './errors.ts'
import { escrowAbi } from './generated/escrow.ts'

const claimed = AbiEvent.fromAbi(escrowAbi, 'Claimed')
const funded = AbiEvent.fromAbi(escrowAbi, 'PurseFunded')
const thawing = AbiEvent.fromAbi(escrowAbi, 'PurseThawing')
const closed = AbiEvent.fromAbi(escrowAbi, 'PurseClosed')

/** First topic of each of the Escrow's events that Stead reads. */
export const eventTopics: { readonly [Name in 'claimed' | 'funded' | 'thawing' | 'closed']: Hex } = {
  claimed: AbiEvent.getSelector(claimed),
  funded: AbiEvent.getSelector(funded),
  thawing: AbiEvent.getSelector(thawing),
  closed: AbiEvent.getSelector(closed),
}

/** Runs a decoder over a log that the Escrow wrote; it fails only for an endpoint that makes logs up. */
export function fromLog<Value>(log: ChainLog, decode: (parts: { topics: readonly Hex[]; data: Hex }) => Value): Value {
  try {
    return decode({ topics: log.topics, data: log.data })
  } catch (cause) {
    throw new ChainError('CHAIN_BAD_ANSWER', `an event in transaction ${log.transaction} cannot be read`, {
      details: { transaction: log.transaction },
      cause,
    })
  }
}

/** A claim as the event has it; the purse is part of the channel's id. */
export type ClaimedEntry = Omit<ClaimedChannel, 'purse'>

const AMOUNT_BITS = 72n
const AMOUNT_MASK = (1n << AMOUNT_BITS) - 1n

/**
 * What a `Claimed` event says, one entry for each claim: two words, the channel's id and
 * cumulative << 144 | gross << 72 | fee. @throws ChainError CHAIN_BAD_ANSWER
 */
export function claimedOf(log: ChainLog): readonly ClaimedEntry[] {
  return fromLog(log, (parts) => {
    const event = AbiEvent.decode(claimed, parts)
    const [node, operator] = [
      addressAnswer(event.node, 'Claimed.node'),
      addressAnswer(event.operator, 'Claimed.operator'),
    ]
    if (event.settled.length % 2 === 1) throw new RangeError('Claimed.settled is no list of pairs')
    return Array.from({ length: event.settled.length / 2 }, (_, entry): ClaimedEntry => {
      const [channel = 0n, amounts = 0n] = event.settled.slice(2 * entry, 2 * entry + 2)
      return {
        channel: hash(`0x${channel.toString(16).padStart(64, '0')}`),
        node,
        operator,
        cumulativeMicroUsd: microUsd(amounts >> (2n * AMOUNT_BITS)),
        grossMicroUsd: microUsd((amounts >> AMOUNT_BITS) & AMOUNT_MASK),
        feeMicroUsd: microUsd(amounts & AMOUNT_MASK),
      }
    })
  })
}

/** The topic that stands for an address in an indexed place. */
export function addressTopic(address: Address): Hex {
  return `0x${address.slice(2).padStart(64, '0')}`
}

/** What a `PurseThawing` event says. @throws ChainError CHAIN_BAD_ANSWER */
export function thawOf(log: ChainLog): { readonly purse: Hash; readonly endsAt: UnixMs } {
  return fromLog(log, (parts) => {
    const event = AbiEvent.decode(thawing, parts)
    return { purse: hashAnswer(event.purse, 'PurseThawing.purse'), endsAt: unixMs(event.thawEndsAt) }
  })
}

/** What a `PurseClosed` event gave back. @throws ChainError CHAIN_BAD_ANSWER */
export function refundOf(log: ChainLog): MicroUsd {
  return fromLog(log, (parts) => microUsd(AbiEvent.decode(closed, parts).refund))
}
