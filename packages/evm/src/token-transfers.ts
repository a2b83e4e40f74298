import type { Address } from '@stead/core'
import * as AbiEvent from 'ox/AbiEvent'
import type { Receipt } from './chain-rpc.ts'
import { addressTopic } from './contract-events.ts'
import { ChainError } from './errors.ts'
import { steadTokenAbi } from './generated/stead-token.ts'

const transfer = AbiEvent.fromAbi(steadTokenAbi, 'Transfer')
const TRANSFER_TOPIC = AbiEvent.getSelector(transfer)

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
