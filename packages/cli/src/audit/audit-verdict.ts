/** What an audit came to: everything follows from the evidence, or the first thing that does not. */
export type AuditVerdict =
  | { readonly kind: 'match'; readonly tasks: number; readonly receipts: number; readonly amountMicroUsd: bigint }
  | { readonly kind: 'difference'; readonly what: string }

/** `match`, or the first difference in one line. */
export function auditVerdictText(verdict: AuditVerdict): string {
  return verdict.kind === 'match' ? 'match' : verdict.what
}
