import type { Address, Hash, MicroUsd, PeerId, UnixMs, Wei } from '@stead/core'

/** Why a claim was sent. */
export type ClaimReason = 'worth-it' | 'asked' | 'thaw-ending' | 'stopping' | 'found-on-chain'

/** Why nothing is claimed now. */
export type ClaimWaitReason =
  | 'nothing-to-claim'
  | 'below-minimum'
  | 'gas-too-dear'
  | 'gas-missing'
  | 'chain-unreachable'
  | 'chain-refused'
  | 'claiming'

/** What one channel got in a settlement; nothing in one that a reorganisation of the chain undid. `net = gross - fee`; gas is paid by the transaction as a whole. */
export interface SettledChannel {
  readonly channel: Hash
  readonly purse: Hash
  readonly payer: Address
  readonly cumulativeMicroUsd: MicroUsd
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

/** One claim transaction and what it brought. `net = gross - fee - gas`, below zero where gas cost more. */
export interface SettlementRecord {
  /** When this node saw the block that has it; of one that another fork moved, the block that has it now. */
  readonly at: UnixMs
  readonly transaction: Hash
  readonly reason: ClaimReason
  readonly channels: readonly SettledChannel[]
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  /** 0 where somebody else, or this node before a crash, sent the transaction. */
  readonly gasUsed: bigint
  readonly gasCostWei: Wei
  readonly gasMicroUsd: MicroUsd
  readonly netMicroUsd: bigint
  /** The block that has it; undefined for one that was undone, and for those of versions that did not note it. */
  readonly blockNumber: bigint | undefined
}

/** What `settle` did. */
export interface SettlementReport {
  readonly settlements: readonly SettlementRecord[]
  /** Channels that could not be claimed, each with the reason. */
  readonly failed: readonly { readonly channel: Hash; readonly claimableMicroUsd: MicroUsd; readonly reason: string }[]
}

/** What the claim policy thinks now, with its numbers. */
export interface ClaimState {
  readonly at: UnixMs
  readonly decision: 'claim' | 'wait'
  readonly reason: ClaimReason | ClaimWaitReason
  readonly claimableMicroUsd: MicroUsd
  /** Estimated; undefined while the chain does not answer. */
  readonly gasMicroUsd: MicroUsd | undefined
  readonly feeMicroUsd: MicroUsd | undefined
  /** When it is tried again after a failure. */
  readonly retryAt: UnixMs | undefined
  /** The last failure's text, until a claim succeeds. */
  readonly error: string | undefined
}

/** How a channel stands, as its provider sees it; `missing` while the chain does not have its purse any more. */
export type ProviderChannelState = 'open' | 'resting' | 'thawing' | 'missing' | 'broken' | 'closed'

/** One channel in the earnings. */
export interface ProviderChannelReport {
  readonly channel: Hash
  readonly payer: Address
  readonly peer: PeerId
  readonly state: ProviderChannelState
  readonly allocationMicroUsd: MicroUsd
  /** Delivered and on a receipt. */
  readonly billedMicroUsd: MicroUsd
  /** Delivered, not on a receipt yet. */
  readonly outstandingMicroUsd: MicroUsd
  /** The best voucher. */
  readonly paidMicroUsd: MicroUsd
  readonly claimedMicroUsd: MicroUsd
  readonly deliveries: number
}

/** What this node earned, where it is, and why what is not claimed is not. */
export interface EarningsReport {
  /** Delivered since this store began, without what was written off. */
  readonly deliveredMicroUsd: MicroUsd
  /** Vouchers hold so much. */
  readonly paidMicroUsd: MicroUsd
  /** Delivered and not paid yet. */
  readonly unpaidMicroUsd: MicroUsd
  /** Rejected by payers; never paid. */
  readonly writtenOffMicroUsd: MicroUsd
  /** On vouchers, not claimed yet. */
  readonly claimableMicroUsd: MicroUsd
  /** Claims so far. */
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  readonly gasMicroUsd: MicroUsd
  readonly netMicroUsd: bigint
  readonly settlements: readonly SettlementRecord[]
  readonly channels: readonly ProviderChannelReport[]
  readonly claim: ClaimState
}
