import type { Address, EventPlace } from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import { addressAnswer, type Hex } from './answer.ts'
import type { ChainLog, Receipt } from './chain-rpc.ts'
import { addressTopic, fromLog } from './contract-events.ts'
import { ChainError } from './errors.ts'
import { steadTokenAbi } from './generated/stead-token.ts'

const transfer = AbiEvent.fromAbi(steadTokenAbi, 'Transfer')
/** First topic of a transfer. */
export const TRANSFER_TOPIC: Hex = AbiEvent.getSelector(transfer)

/** Units of a token that went from one account to another; from or to `NOBODY` they were made or burned. */
export interface TokenTransfer extends EventPlace {
  readonly from: Address
  readonly to: Address
  readonly units: bigint
}

/** What a `Transfer` event says. @throws ChainError CHAIN_BAD_ANSWER */
export function transferOf(log: ChainLog): TokenTransfer {
  return fromLog(log, (parts) => {
    const { from, to, value } = AbiEvent.decode(transfer, parts)
    const { blockNumber, logIndex, transaction } = log
    return {
      ...{ blockNumber, logIndex, transaction },
      from: addressAnswer(from, 'Transfer.from'),
      to: addressAnswer(to, 'Transfer.to'),
      units: value,
    }
  })
}

/** What an account was sent of an ERC-20 by another in one transaction. @throws ChainError CHAIN_BAD_ANSWER for none */
export function receivedOf(
  receipt: Receipt,
  { token, from, to }: { readonly token: Address; readonly from: Address; readonly to: Address },
): bigint {
  const topics = [TRANSFER_TOPIC, addressTopic(from), addressTopic(to)]
  const log = receipt.logs.find(
    ({ contract, topics: have }) => contract === token && topics.every((topic, index) => topic === have[index]),
  )
  if (log !== undefined) return BigInt(log.data)
  throw new ChainError('CHAIN_BAD_ANSWER', `the receipt of ${receipt.transaction} shows no payment to ${to}`, {
    details: { transaction: receipt.transaction, token },
  })
}
