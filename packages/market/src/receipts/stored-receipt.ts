import type { Address, ContentId, Hash, MicroUsd, PeerId, UnixMs } from '@stead/core'
import type { ChannelTerms, Increment, PurseBranch, PurseSeed, SignedDocument } from '@stead/protocol'

/** Everything about one channel that a stranger needs to check its receipts, besides the chain. */
export interface ChannelEvidence {
  readonly channel: Hash
  readonly terms: ChannelTerms
  /** What the purse's id commits to. */
  readonly seed: PurseSeed
  readonly branch: PurseBranch
  /** The quote that the channel was opened with and its renewals, oldest first. */
  readonly quotes: readonly SignedDocument[]
}

/** One increment of a channel with its signatures, as the store keeps it. */
export interface StoredReceipt {
  readonly evidence: ChannelEvidence
  /** The other side's peer id. */
  readonly peer: PeerId
  readonly increment: Increment
  /** The increment's DAG-CBOR bytes as signed. */
  readonly incrementBytes: Uint8Array
  /** The payer's signature over the cumulative amount, 65 bytes. */
  readonly voucherSignature: Uint8Array
  /** The provider's signature, 65 bytes; undefined while it has not answered. */
  readonly providerSignature: Uint8Array | undefined
  /** When this side journaled it. */
  readonly at: UnixMs
}

/** Which receipts to list; conditions are joined by "and". */
export interface ReceiptFilter {
  readonly channel?: Hash
  readonly purse?: Hash
  readonly node?: Address
  /** Receipts with an entry for this item (a task's content id). */
  readonly item?: ContentId
  /** Journaled at this time or later. */
  readonly from?: UnixMs
  /** Journaled before this time. */
  readonly until?: UnixMs
  /** Only receipts with the provider's signature. @default false */
  readonly completeOnly?: boolean
  /** At most so many, oldest first. @default no limit */
  readonly limit?: number
}

/** What a channel's receipts sum up to. */
export interface ReceiptSums {
  readonly receipts: number
  readonly entries: number
  /** Metered units. */
  readonly quantity: bigint
  readonly deliveredMicroUsd: MicroUsd
  /** What the last voucher says. */
  readonly cumulativeMicroUsd: MicroUsd
}
