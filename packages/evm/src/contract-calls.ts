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
  return AbiFunction.encodeData(escrow.claim, [batchesOf(claims).map(encodedBatch)])
}

interface Batch {
  readonly node: Address
  readonly operator: Address
  readonly claims: ChannelClaim[]
}

/** Neighbours of the same node and operator share a batch, so that the order stays, by which the Escrow names faults. */
function batchesOf(claims: readonly ChannelClaim[]): readonly Batch[] {
  const batches: Batch[] = []
  for (const claim of claims) {
    const { node, operator } = claim
    const last = batches.at(-1)
    if (last?.node === node && last.operator === operator) last.claims.push(claim)
    else batches.push({ node, operator, claims: [claim] })
  }
  return batches
}

function encodedBatch(batch: Batch) {
  const { node, operator, claims } = batch
  const openings = claims.flatMap(({ index, branch }, position) => {
    const siblings = branch.map((step) => ({ hash: step.sibling, sum: step.siblingMicroUsd }))
    return siblings.length === 0 ? [] : [{ claim: BigInt(position), index, branch: siblings }]
  })
  const encoded = claims.map(({ purse, allocationMicroUsd, cumulativeMicroUsd, signature }) => ({
    purse,
    allocation: allocationMicroUsd,
    cumulative: cumulativeMicroUsd,
    ...compactSignature(signature),
  }))
  return { node, operator, claims: encoded, openings }
}

/** EIP-2098: the recovery bit of 65 bytes lies in the highest bit of s. What is no signature becomes an invalid one. */
export function compactSignature(signature: Uint8Array): { readonly r: Hex; readonly vs: Hex } {
  const recovery = signature[64]
  if (signature.length !== 65 || (recovery !== 27 && recovery !== 28))
    return { r: bytesToHex(new Uint8Array(32)), vs: bytesToHex(new Uint8Array(32)) }
  const halves = signature.slice(0, 64)
  if (recovery === 28) halves[32] = (halves[32] ?? 0) | 0x80
  return { r: bytesToHex(halves.subarray(0, 32)), vs: bytesToHex(halves.subarray(32)) }
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
