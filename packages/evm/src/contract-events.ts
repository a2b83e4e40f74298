import { type ClaimedChannel, type Hash, type MicroUsd, microUsd, type UnixMs } from '@stead/core'
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
function fromLog<Value>(log: ChainLog, decode: (parts: { topics: readonly Hex[]; data: Hex }) => Value): Value {
  try {
    return decode({ topics: log.topics, data: log.data })
  } catch (cause) {
    throw new ChainError('CHAIN_BAD_ANSWER', `an event in transaction ${log.transaction} cannot be read`, {
      details: { transaction: log.transaction },
      cause,
    })
  }
}

/** What a `Claimed` event says. @throws ChainError CHAIN_BAD_ANSWER */
export function claimedOf(log: ChainLog): ClaimedChannel {
  return fromLog(log, (parts) => {
    const event = AbiEvent.decode(claimed, parts)
    return {
      channel: hashAnswer(event.channel, 'Claimed.channel'),
      purse: hashAnswer(event.purse, 'Claimed.purse'),
      node: addressAnswer(event.node, 'Claimed.node'),
      operator: addressAnswer(event.operator, 'Claimed.operator'),
      cumulativeMicroUsd: microUsd(event.cumulative),
      grossMicroUsd: microUsd(event.gross),
      feeMicroUsd: microUsd(event.fee),
    }
  })
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
