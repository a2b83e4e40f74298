import type { Hash, MicroUsd, PeerId } from '@stead/core'
import type { BillEntry } from '@stead/protocol'

/** A delivery that a payer asks for. */
export interface AdmissionRequest {
  readonly peer: PeerId
  readonly channel: Hash
  /** 16 bytes that the payer chose; each id is delivered once. */
  readonly delivery: Uint8Array
  /** The most that it can cost. */
  readonly maximumMicroUsd: MicroUsd
}

/** A delivery that credit and allocation cover; exactly one of the two methods ends it, later calls do nothing. */
export interface Admission {
  /**
   * Puts the delivery on the books; the result may leave when this resolves.
   * @throws MarketError MARKET_DELIVERY_REJECTED when the payer gave it up meanwhile: the result must not leave
   * @throws MarketError MARKET_OVER_MAXIMUM, CoreError STORE_FULL, STORE_FAILED: nothing is billed
   */
  deliver(entry: BillEntry): Promise<void>
  /** Nothing is billed. */
  release(): void
}
