import type { TransactionOutcome } from '@stead/core'
import { formatWei } from './amounts.ts'

/** A transaction in one line: what it was, and what it cost. */
export function outcomeText({ transaction, gasUsed, gasCostWei }: TransactionOutcome): string {
  return `transaction ${transaction}, gas ${gasUsed} (${formatWei(gasCostWei)})`
}
