import type { Address, Hash } from '@stead/core'
import { type BillEntry, contentIdOf } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  careAmountOfPeriods,
  decodePossession,
  isCareNumber,
  type PaidPeriod,
  verifyPossession,
} from '@stead/storage'
import { readable } from './storage-witness.ts'

/** A period as a caretaker bills it. */
export interface BilledPeriod {
  readonly period: PaidPeriod
  readonly after: Agreement
  /** Of the document of the revision that it ends with. */
  readonly item: string
  /** When it ended by the documents, in milliseconds since 1970. */
  readonly endMs: number
  /** Names of the pieces of which leaves were drawn; none where the proof cannot be read. */
  readonly pieces: readonly Hash[]
}

/** @throws typed errors for what is no bill */
export function readBill(periods: readonly PaidPeriod[]): readonly BilledPeriod[] {
  return periods.map((period) => {
    const after = agreementSchema.decodeDocument(period.after.document)
    const item = String(contentIdOf('dag-cbor', period.after.document))
    const proof = readable(() => decodePossession(period.proof))
    const pieces = (proof?.leaves ?? []).map(({ piece }) => piece.piece)
    return { period, after, item, endMs: after.atSecond * 1000, pieces }
  })
}

/** What is wrong with a bill of a caretaker's, `node`, by its documents alone. */
export function billFault(
  bill: readonly BilledPeriod[],
  { payer, node }: { readonly payer: Address; readonly node: Address },
): string | undefined {
  for (const { period, after, item } of bill) {
    if (after.payer !== node || !isCareNumber(after.number, payer)) return `${item} is between others`
    const isProven = readable(() => {
      const proof = decodePossession(period.proof)
      return verifyPossession(after, proof.seed, proof)
    })
    if (isProven !== true) return `nobody proved the revision ${item} that is billed`
  }
  return undefined
}

/**
 * What a bill is about that no node ever showed: bytes that came and went between two proofs may never have been there.
 * @param shown bytes of each agreement when it was billed last
 */
export function unshownFault(bill: readonly BilledPeriod[], shown: ReadonlyMap<Hash, number>): string | undefined {
  const known = new Map(shown)
  for (const { period, after, item } of bill) {
    const agreement = agreementIdOf(after)
    const before = agreementSchema.decodeDocument(period.before.document)
    const bytes = Math.max(known.get(agreement) ?? 0, after.bytes)
    // With nothing there any more, all that is due is of bytes before the first proof.
    const isAllGone = !known.has(agreement) && after.bytes === 0
    if (isAllGone || before.bytes > bytes) return `${item} is about bytes that nobody showed`
    known.set(agreement, after.bytes)
  }
  return undefined
}

/** Whether a bill comes to what is accepted for it. */
export function sumFault(
  bill: readonly BilledPeriod[],
  { amountMicroUsd }: BillEntry,
  sharePpm: number,
): string | undefined {
  const periods = bill.map(({ period }) => period)
  const costs = careAmountOfPeriods(periods, sharePpm)
  return costs === amountMicroUsd ? undefined : `${amountMicroUsd} micro-dollars are accepted for what costs ${costs}`
}
