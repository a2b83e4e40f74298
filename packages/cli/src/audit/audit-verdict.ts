import type { BilledChannel } from '@stead/compute'

/** One channel's part of a bill that was found right. */
export interface AuditedChannel extends BilledChannel {
  /** Claimed from the chain so far, for all jobs that the channel paid. */
  readonly claimedMicroUsd: bigint
}

/** What an audit came to: everything follows from the evidence, or the first thing that does not. */
export type AuditVerdict =
  | {
      readonly kind: 'match'
      /** Tasks that were run again. */
      readonly tasks: number
      /** Billed deliveries. */
      readonly entries: number
      readonly fuel: bigint
      readonly amountMicroUsd: bigint
      readonly channels: readonly AuditedChannel[]
    }
  | { readonly kind: 'difference'; readonly what: string; readonly details?: Readonly<Record<string, string>> }

/** `match`, or the first difference in one line. */
export function auditVerdictText(verdict: AuditVerdict): string {
  return verdict.kind === 'match' ? 'match' : verdict.what
}
