import { type Address, isSteadError, type MicroUsd, messageOf, microUsd } from '@stead/core'
import {
  bytesToHex,
  channelIdOf,
  checkIncrementFollows,
  checkIncrementSignature,
  checkPurseBranch,
  type DomainSeparator,
  escrowSeparator,
  type Increment,
  type IncrementBefore,
  incrementId,
  incrementSchema,
  openQuote,
  purseIdOf,
  type Receipt,
  type Secp256k1,
  voucherSigner,
} from '@stead/protocol'
import type { ReceiptChain } from './receipt-store.ts'
import type { ChannelEvidence, ReceiptSums } from './stored-receipt.ts'

/** All that there is about one channel: its evidence and its receipts from the first on, in order. */
export interface ReceiptChainEvidence extends ChannelEvidence {
  readonly receipts: readonly Receipt[]
}

/** The first thing that is not as it must be. */
export interface ReceiptDifference {
  /** Number of the receipt, from 0; undefined when it is the channel itself. */
  readonly index: number | undefined
  /** What is wrong: `purse`, `channel`, `branch`, `quote`, `increment`, `voucher`, `receipt`, `allocation`, `delivery`. */
  readonly what: string
  readonly need: string
  readonly have: string
}

/** What checking a channel's receipts comes to. */
export type ReceiptChainVerdict =
  | { readonly ok: true; readonly sums: ReceiptSums; readonly increments: readonly Increment[] }
  | { readonly ok: false; readonly difference: ReceiptDifference }

class Difference extends Error {
  readonly difference: ReceiptDifference

  constructor(difference: ReceiptDifference) {
    super(difference.what)
    this.difference = difference
  }
}

/**
 * Checks a channel's whole chain of receipts from bytes alone: that the purse holds the channel, that the provider
 * quoted to this payer, that every increment follows the one before, that both sides signed it, that no delivery is
 * billed twice and that the debt is the sum of the entries (or a prepayment that they consume).
 */
export function verifyReceiptChain(
  secp256k1: Secp256k1,
  chain: ReceiptChain,
  evidence: ReceiptChainEvidence,
): ReceiptChainVerdict {
  try {
    checkChannel(secp256k1, chain, evidence)
    return { ok: true, ...checkReceipts(secp256k1, escrowSeparator(chain), evidence) }
  } catch (error) {
    if (error instanceof Difference) return { ok: false, difference: error.difference }
    throw error
  }
}

function require(what: string, index: number | undefined, need: unknown, have: unknown): void {
  if (need !== have) throw new Difference({ index, what, need: String(need), have: String(have) })
}

/** Turns a typed error of a check into the difference that it found. */
function attempt<Result>(what: string, index: number | undefined, check: () => Result): Result {
  try {
    return check()
  } catch (error) {
    if (!isSteadError(error) && !(error instanceof RangeError)) throw error
    const details = isSteadError(error) ? error.details : {}
    const need = String(details.need ?? details.needMicroUsd ?? 'valid')
    throw new Difference({ index, what, need, have: String(details.have ?? details.haveMicroUsd ?? messageOf(error)) })
  }
}

function checkChannel(secp256k1: Secp256k1, chain: ReceiptChain, evidence: ReceiptChainEvidence): void {
  const { terms, seed, branch, quotes, channel } = evidence
  require('purse', undefined, purseIdOf(chain, seed), terms.purse)
  require('channel', undefined, channelIdOf(terms), channel)
  attempt('branch', undefined, () => checkPurseBranch(seed, terms, branch))
  require('quotes', undefined, true, quotes.length > 0)
  for (const signed of quotes) {
    const quote = attempt('quote', undefined, () => openQuote(secp256k1, signed))
    require('quote node', undefined, terms.node, quote.node)
    require('quote operator', undefined, terms.operator, quote.operator)
    require('quote payer', undefined, seed.voucherSigner, quote.payer)
    require('quote chain', undefined, chain.chainId, quote.chainId)
    require('quote escrow', undefined, chain.escrow, quote.escrow)
  }
}

interface Position {
  readonly index: number
  readonly before: IncrementBefore | undefined
}

function checkReceipts(
  secp256k1: Secp256k1,
  separator: DomainSeparator,
  evidence: ReceiptChainEvidence,
): { readonly sums: ReceiptSums; readonly increments: readonly Increment[] } {
  const billed = new Set<string>()
  const increments: Increment[] = []
  let before: IncrementBefore | undefined
  let quantity = 0n
  for (const [index, receipt] of evidence.receipts.entries()) {
    const increment = attempt('increment', index, () => incrementSchema.decodeDocument(receipt.increment))
    checkOne(evidence, increment, { index, before })
    checkSignatures({ secp256k1, separator, evidence, node: evidence.terms.node }, receipt, increment)
    for (const entry of increment.entries) {
      const delivery = bytesToHex(entry.delivery)
      if (billed.has(delivery)) throw new Difference({ index, what: 'delivery', need: 'billed once', have: delivery })
      billed.add(delivery)
      quantity += entry.quantity
    }
    const { deliveredMicroUsd, cumulativeMicroUsd } = increment
    before = { id: incrementId(receipt.increment), index, deliveredMicroUsd, cumulativeMicroUsd }
    increments.push(increment)
  }
  const zero: MicroUsd = microUsd(0n)
  const sums = {
    receipts: evidence.receipts.length,
    entries: billed.size,
    quantity,
    deliveredMicroUsd: before?.deliveredMicroUsd ?? zero,
    cumulativeMicroUsd: before?.cumulativeMicroUsd ?? zero,
  }
  return { sums, increments }
}

function checkOne(evidence: ReceiptChainEvidence, increment: Increment, { index, before }: Position): void {
  require('channel', index, evidence.channel, increment.channel)
  attempt('increment', index, () => checkIncrementFollows(increment, before))
  const { cumulativeMicroUsd, deliveredMicroUsd } = increment
  const { allocationMicroUsd } = evidence.terms
  if (cumulativeMicroUsd < deliveredMicroUsd) require('voucher', index, deliveredMicroUsd, cumulativeMicroUsd)
  if (cumulativeMicroUsd > allocationMicroUsd) require('allocation', index, allocationMicroUsd, cumulativeMicroUsd)
  // Beyond what is delivered only what was paid ahead at the beginning may stand; it never grows later.
  const ahead = before?.cumulativeMicroUsd ?? 0n
  if (before !== undefined && cumulativeMicroUsd > deliveredMicroUsd)
    require('voucher', index, ahead, cumulativeMicroUsd)
}

function checkSignatures(
  by: {
    readonly secp256k1: Secp256k1
    readonly separator: DomainSeparator
    readonly evidence: ReceiptChainEvidence
    readonly node: Address
  },
  receipt: Receipt,
  increment: Increment,
): void {
  const { secp256k1, separator, evidence, node } = by
  const { index, cumulativeMicroUsd } = increment
  attempt('receipt', index, () =>
    checkIncrementSignature(secp256k1, node, increment, {
      bytes: receipt.increment,
      signature: receipt.providerSignature,
    }),
  )
  const voucher = { terms: evidence.terms, cumulativeMicroUsd, signature: receipt.voucherSignature }
  require('voucher', index, evidence.seed.voucherSigner, voucherSigner(secp256k1, separator, voucher) ?? 'nobody')
}
