import type { Address, ChannelClaim, FundRequest, Hash, MicroUsd } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import * as AbiFunction from 'ox/AbiFunction'
import type { Hex } from './answer.ts'
import { escrowAbi } from './generated/escrow.ts'
import { testDollarAbi } from './generated/test-dollar.ts'

const escrow = {
  fund: AbiFunction.fromAbi(escrowAbi, 'fund'),
  claim: AbiFunction.fromAbi(escrowAbi, 'claim'),
  payout: AbiFunction.fromAbi(escrowAbi, 'payout'),
  thaw: AbiFunction.fromAbi(escrowAbi, 'thaw'),
  close: AbiFunction.fromAbi(escrowAbi, 'close'),
}
const approve = AbiFunction.fromAbi(testDollarAbi, 'approve')
const mint = AbiFunction.fromAbi(testDollarAbi, 'mint')

/** Calldata that lets `spender` draw up to `amount` of the sender's dollars. */
export function approveData(spender: Address, amount: bigint): Hex {
  return AbiFunction.encodeData(approve, [spender, amount])
}

/** Calldata that makes test dollars out of nothing. */
export function mintData(to: Address, amount: MicroUsd): Hex {
  return AbiFunction.encodeData(mint, [to, amount])
}

/** Calldata that opens a purse. */
export function fundData(request: FundRequest): Hex {
  const { root, totalMicroUsd, voucherSigner, salt } = request
  return AbiFunction.encodeData(escrow.fund, [root, totalMicroUsd, voucherSigner, salt])
}

/** Calldata that settles vouchers. */
export function claimData(claims: readonly ChannelClaim[]): Hex {
  const encoded = claims.map((claim) => ({
    purse: claim.purse,
    node: claim.node,
    operator: claim.operator,
    allocation: claim.allocationMicroUsd,
    cumulative: claim.cumulativeMicroUsd,
    signature: bytesToHex(claim.signature),
    index: claim.index,
    branch: claim.branch.map((step) => ({ hash: step.sibling, sum: step.siblingMicroUsd })),
  }))
  return AbiFunction.encodeData(escrow.claim, [encoded])
}

/** Calldata that sends an operator what it is owed. */
export function payoutData(operator: Address): Hex {
  return AbiFunction.encodeData(escrow.payout, [operator])
}

/** Calldata that starts the thaw of a purse. */
export function thawData(purse: Hash): Hex {
  return AbiFunction.encodeData(escrow.thaw, [purse])
}

/** Calldata that gives the rest of a thawed purse back. */
export function closeData(purse: Hash): Hex {
  return AbiFunction.encodeData(escrow.close, [purse])
}
