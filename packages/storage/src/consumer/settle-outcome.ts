import type { Hash, MicroUsd } from '@stead/core'

/** What came of asking for a proof and paying it. */
export type SettleOutcome =
  /** Proven and paid, 0 where it is kept for nothing; `isWhole` when nothing more is due until this second. */
  | {
      readonly kind: 'paid'
      readonly amountMicroUsd: MicroUsd
      readonly paidToSecond: number
      readonly isWhole: boolean
      /** Pieces of which the node says that they rotted. */
      readonly damaged: readonly Hash[]
    }
  /** No time is due: nothing is kept, or all of it is paid. */
  | { readonly kind: 'nothing-due' }
  /** The channel has no room for it now. */
  | { readonly kind: 'no-room'; readonly needMicroUsd: MicroUsd; readonly haveMicroUsd: MicroUsd }
  /** No answer, or none that says anything about the pieces. */
  | { readonly kind: 'offline'; readonly error: unknown }
  /** The node says itself that it does not have this piece any more. */
  | { readonly kind: 'lost'; readonly piece: Hash }
  /** The node knows of no agreement: what it kept is gone, and it may be agreed with anew. */
  | { readonly kind: 'ended' }
  /** What it showed is not what it signed for. */
  | { readonly kind: 'lied'; readonly proof: Uint8Array; readonly seed: Uint8Array }
