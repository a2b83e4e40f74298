import type { Address, BranchStep, Hash, MicroUsd, UnixMs } from '@stead/core'
import {
  addressField,
  type BillEntry,
  bytesField,
  contentIdField,
  defineSchema,
  fixedBytesField,
  hashField,
  INCREMENT_BYTES_MAX,
  listField,
  microUsdField,
  optionalField,
  PURSE_DEPTH_MAX,
  PURSE_LEAVES_MAX,
  type PurseSeed,
  type Schema,
  textField,
  timeField,
  uint64Field,
  uintField,
  versionField,
  wordField,
} from '@stead/protocol'

/** Encodings of a purse's seed. */
export const purseSeedSchema: Schema<PurseSeed> = defineSchema<PurseSeed>('PurseSeed', 256, {
  payer: [1, addressField],
  voucherSigner: [2, addressField],
  root: [3, hashField],
  totalMicroUsd: [4, microUsdField],
  salt: [5, hashField],
})

/** Encodings of one step of a branch. */
export const branchStepSchema: Schema<BranchStep> = defineSchema<BranchStep>('BranchStep', 64, {
  sibling: [1, hashField],
  siblingMicroUsd: [2, microUsdField],
})

/** Encodings of a bill's entry in a row of its own. */
export const entryRowSchema: Schema<BillEntry> = defineSchema<BillEntry>('EntryRow', 256, {
  delivery: [1, fixedBytesField(16)],
  item: [2, contentIdField],
  evidence: [3, contentIdField],
  quantity: [4, uint64Field()],
  amountMicroUsd: [5, microUsdField],
})

/** What a channel's row says of its life; `open`, `thawing` and `closed` on both sides, `broken` on the provider's. */
export type ChannelStage = 'open' | 'thawing' | 'broken' | 'closed'

/** A channel as both sides keep it; its head is its last receipt. */
export interface ChannelRow {
  readonly version: 1
  readonly seed: PurseSeed
  readonly node: Address
  readonly operator: Address
  readonly allocationMicroUsd: MicroUsd
  readonly branchIndex: number
  readonly branch: readonly BranchStep[]
  /** The other side. */
  readonly peer: string
  readonly stage: ChannelStage
  readonly openedAt: UnixMs
  /** Known to be claimed on chain; the provider's side keeps it. */
  readonly claimedMicroUsd: MicroUsd
  /** A voucher above the last receipt, from a channel whose books could not be brought together. */
  readonly voucherMicroUsd?: MicroUsd
  readonly voucherSignature?: Uint8Array
  /** End of the thaw by the chain's clock. */
  readonly thawEndsAt?: UnixMs
  /** It is paid and claimed, and in the journal alone until it is used again. */
  readonly restingSince?: UnixMs
  /** What the payer pays ahead with the first voucher, and never later: receipts allow no other; its own side keeps it. */
  readonly prepayMicroUsd?: MicroUsd
}

/** Encodings of {@link ChannelRow}. */
export const channelRowSchema: Schema<ChannelRow> = defineSchema<ChannelRow>('ChannelRow', 8192, {
  version: [1, versionField(1)],
  seed: [2, purseSeedSchema.asField()],
  node: [3, addressField],
  operator: [4, addressField],
  allocationMicroUsd: [5, microUsdField],
  branchIndex: [6, uintField(0xffff_ffff)],
  branch: [7, listField(branchStepSchema.asField(), PURSE_DEPTH_MAX)],
  peer: [8, textField(128)],
  stage: [9, wordField(['open', 'thawing', 'broken', 'closed'])],
  openedAt: [10, timeField],
  claimedMicroUsd: [11, microUsdField],
  voucherMicroUsd: [12, optionalField(microUsdField)],
  voucherSignature: [13, optionalField(fixedBytesField(65))],
  thawEndsAt: [14, optionalField(timeField)],
  restingSince: [15, optionalField(timeField)],
  prepayMicroUsd: [16, optionalField(microUsdField)],
})

/** One increment with its signatures. */
export interface ReceiptRow {
  readonly version: 1
  readonly increment: Uint8Array
  readonly voucherSignature: Uint8Array
  readonly providerSignature?: Uint8Array
  readonly at: UnixMs
}

/** Encodings of {@link ReceiptRow}. */
export const receiptRowSchema: Schema<ReceiptRow> = defineSchema<ReceiptRow>('ReceiptRow', INCREMENT_BYTES_MAX + 512, {
  version: [1, versionField(1)],
  increment: [2, bytesField(INCREMENT_BYTES_MAX)],
  voucherSignature: [3, fixedBytesField(65)],
  providerSignature: [4, optionalField(fixedBytesField(65))],
  at: [5, timeField],
})

/** What a provider knows of one payer. */
export interface PayerRow {
  readonly version: 1
  readonly windowMicroUsd: MicroUsd
  readonly growthMicroUsd: MicroUsd
  readonly paidMicroUsd: MicroUsd
  readonly writtenOffMicroUsd: MicroUsd
}

/** Encodings of {@link PayerRow}. */
export const payerRowSchema: Schema<PayerRow> = defineSchema<PayerRow>('PayerRow', 256, {
  version: [1, versionField(1)],
  windowMicroUsd: [2, microUsdField],
  growthMicroUsd: [3, microUsdField],
  paidMicroUsd: [4, microUsdField],
  writtenOffMicroUsd: [5, microUsdField],
})

/** A purse as its payer keeps it; written before the money is locked. */
export interface PurseRow {
  readonly version: 1
  readonly seed: PurseSeed
  readonly stage: 'funding' | 'funded' | 'thawing' | 'closed'
  readonly createdAt: UnixMs
  readonly transactions: readonly Hash[]
  readonly channels: readonly Hash[]
  readonly thawEndsAt?: UnixMs
  readonly refundMicroUsd?: MicroUsd
  /** When this payer closed it: another fork may undo that. */
  readonly closedAt?: UnixMs
}

/** Encodings of {@link PurseRow}. */
export const purseRowSchema: Schema<PurseRow> = defineSchema<PurseRow>('PurseRow', 64 * PURSE_LEAVES_MAX, {
  version: [1, versionField(1)],
  seed: [2, purseSeedSchema.asField()],
  stage: [3, wordField(['funding', 'funded', 'thawing', 'closed'])],
  createdAt: [4, timeField],
  transactions: [5, listField(hashField, 16)],
  channels: [6, listField(hashField, PURSE_LEAVES_MAX)],
  thawEndsAt: [7, optionalField(timeField)],
  refundMicroUsd: [8, optionalField(microUsdField)],
  closedAt: [9, optionalField(timeField)],
})
