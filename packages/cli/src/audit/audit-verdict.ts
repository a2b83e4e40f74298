import type { BilledChannel } from '@stead/compute'
import { isSteadError } from '@stead/core'

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
export function auditVerdictText(
  verdict: { readonly kind: 'match' } | { readonly kind: 'difference'; readonly what: string },
): string {
  return verdict.kind === 'match' ? 'match' : verdict.what
}

/** Errors which say that evidence contradicts itself; anything else kept the audit from being made. */
const EVIDENCE_CODES: readonly string[] = [
  'MARKET_RECEIPT_INVALID',
  'PROTOCOL_BRANCH',
  'PROTOCOL_CONTENT',
  'PROTOCOL_MALFORMED',
  'PROTOCOL_SIGNATURE',
]

/** The difference that an error of reading evidence stands for, also one that the node gave; any other is thrown on. */
export function differenceOfError(error: unknown): AuditVerdict & { readonly kind: 'difference' } {
  if (!isSteadError(error) || !EVIDENCE_CODES.includes(error.code)) throw error
  const details: Record<string, string> = { code: error.code }
  for (const [key, value] of Object.entries(error.details)) if (value !== undefined) details[key] = String(value)
  return { kind: 'difference', what: error.message, details }
}
