import type { Address, BranchStep, MicroUsd } from '@stead/core'
import {
  addressField,
  channelIdOf,
  defineSchema,
  listField,
  microUsdField,
  PURSE_DEPTH_MAX,
  type PurseSeed,
  purseIdOf,
  type Receipt,
  receiptSchema,
  type Schema,
  type SignedDocument,
  signedDocumentSchema,
  uintField,
  versionField,
} from '@stead/protocol'
import { MarketError } from '../errors.ts'
import { branchStepSchema, purseSeedSchema } from '../journal/rows.ts'
import type { ReceiptChain } from './receipt-store.ts'
import type { StoredReceipt } from './stored-receipt.ts'
import type { ReceiptChainEvidence } from './verify-receipt-chain.ts'

/** Channels with all their receipts, as a file: what an auditor needs besides the chain. */
export interface ReceiptBundle {
  readonly chainId: number
  readonly escrow: Address
  readonly channels: readonly ReceiptChainEvidence[]
}

interface ChannelDocument {
  readonly seed: PurseSeed
  readonly node: Address
  readonly operator: Address
  readonly allocationMicroUsd: MicroUsd
  readonly branchIndex: number
  readonly branch: readonly BranchStep[]
  readonly quotes: readonly SignedDocument[]
  readonly receipts: readonly Receipt[]
}

interface BundleDocument {
  readonly version: 1
  readonly chainId: number
  readonly escrow: Address
  readonly channels: readonly ChannelDocument[]
}

/** Largest bundle in bytes. */
export const RECEIPT_BUNDLE_BYTES_MAX = 268_435_456

const channelSchema: Schema<ChannelDocument> = defineSchema<ChannelDocument>(
  'ReceiptBundleChannel',
  RECEIPT_BUNDLE_BYTES_MAX,
  {
    seed: [1, purseSeedSchema.asField()],
    node: [2, addressField],
    operator: [3, addressField],
    allocationMicroUsd: [4, microUsdField],
    branchIndex: [5, uintField(0xffff_ffff)],
    branch: [6, listField(branchStepSchema.asField(), PURSE_DEPTH_MAX)],
    quotes: [7, listField(signedDocumentSchema.asField(), 4_096)],
    receipts: [8, listField(receiptSchema.asField(), 1_048_576)],
  },
)

const bundleSchema: Schema<BundleDocument> = defineSchema<BundleDocument>('ReceiptBundle', RECEIPT_BUNDLE_BYTES_MAX, {
  version: [1, versionField(1)],
  chainId: [2, uintField()],
  escrow: [3, addressField],
  channels: [4, listField(channelSchema.asField(), 65_536)],
})

/**
 * Groups stored receipts into whole chains, one per channel; a last increment that has no receipt yet is left out.
 * @throws MarketError MARKET_RECEIPT_INVALID when receipts in the middle of a channel are missing
 */
export function bundleReceipts(chain: ReceiptChain, receipts: readonly StoredReceipt[]): ReceiptBundle {
  const channels = new Map<string, StoredReceipt[]>()
  for (const receipt of receipts) {
    const known = channels.get(receipt.evidence.channel)
    if (known === undefined) channels.set(receipt.evidence.channel, [receipt])
    else known.push(receipt)
  }
  const { chainId, escrow } = chain
  return { chainId, escrow, channels: Array.from(channels.values(), chainOf) }
}

/** The bytes of a bundle (protobuf). @throws ProtocolError PROTOCOL_TOO_LARGE */
export function encodeReceiptBundle(bundle: ReceiptBundle): Uint8Array {
  const channels = bundle.channels.map(({ seed, terms, branch, quotes, receipts }): ChannelDocument => {
    const { node, operator, allocationMicroUsd } = terms
    const branchIndex = Number(branch.index)
    return { seed, node, operator, allocationMicroUsd, branchIndex, branch: branch.steps, quotes, receipts }
  })
  return bundleSchema.encodeMessage({ version: 1, chainId: bundle.chainId, escrow: bundle.escrow, channels })
}

/** Reads a bundle; that it is true is for {@link verifyReceiptChain} to say. @throws ProtocolError */
export function decodeReceiptBundle(bytes: Uint8Array): ReceiptBundle {
  const { chainId, escrow, channels } = bundleSchema.decodeMessage(bytes)
  return {
    chainId,
    escrow,
    channels: channels.map(({ seed, node, operator, allocationMicroUsd, branchIndex, branch, quotes, receipts }) => {
      const terms = { purse: purseIdOf({ chainId, escrow }, seed), node, operator, allocationMicroUsd }
      const proof = { index: BigInt(branchIndex), steps: branch }
      return { channel: channelIdOf(terms), terms, seed, branch: proof, quotes, receipts }
    }),
  }
}

function chainOf(stored: readonly StoredReceipt[]): ReceiptChainEvidence {
  const ordered = stored.toSorted((left, right) => left.increment.index - right.increment.index)
  const [first] = ordered
  if (first === undefined) throw new RangeError('a channel in a bundle has receipts')
  const receipts: Receipt[] = []
  for (const { increment, incrementBytes, voucherSignature, providerSignature } of ordered) {
    if (increment.index !== receipts.length) {
      throw new MarketError(
        'MARKET_RECEIPT_INVALID',
        `channel ${first.evidence.channel} lacks receipt ${receipts.length}; the next one here is ${increment.index}`,
        { details: { channel: first.evidence.channel, need: receipts.length, have: increment.index } },
      )
    }
    if (providerSignature === undefined) break
    receipts.push({ increment: incrementBytes, providerSignature, voucherSignature })
  }
  return { ...first.evidence, receipts }
}
