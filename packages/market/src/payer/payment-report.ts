import type { Address, Hash, MicroUsd, SteadError } from '@stead/core'

/** What is still unpaid after a settlement. */
export interface UnsettledChannel {
  readonly channel: Hash
  readonly node: Address
  /** Accepted and without a receipt. */
  readonly unreceiptedMicroUsd: MicroUsd
  readonly error: SteadError
}

/** What came of paying everything. */
export interface PaymentReport {
  /** These channels' vouchers. */
  readonly paidMicroUsd: MicroUsd
  readonly receiptedMicroUsd: MicroUsd
  readonly unsettled: readonly UnsettledChannel[]
}

/** Which channels to settle, and how long that may take. */
export interface SettleOptions {
  /** @default all */
  readonly channels?: readonly Hash[]
  /** @default 30 seconds */
  readonly timeoutMs?: number
}
