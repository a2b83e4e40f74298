import type { Address, Hash, Store, StoreOperation } from '@stead/core'
import { defineSchema, fixedBytesField, hashField, type Schema, versionField } from '@stead/protocol'
import { agreementIdOf, agreementSchema, type SignedAgreement, signedAgreementSchema } from '../agreement/agreement.ts'
import { possessionField } from '../agreement/possession.ts'

/** What a payer keeps of a period that it paid for: from this and the receipts an auditor recomputes the bill. */
export interface PaidPeriod {
  readonly version: 1
  /** 16 bytes: under which name it is on the bill. */
  readonly delivery: Uint8Array
  readonly channel: Hash
  /** The revision before the one that billed. */
  readonly before: SignedAgreement
  /** The revision that billed; its time is the end of the period. */
  readonly after: SignedAgreement
  /** DAG-CBOR of the PossessionProof. */
  readonly proof: Uint8Array
}

const PERIOD_BYTES_MAX = 36_864

/** Encodings of {@link PaidPeriod}. */
export const paidPeriodSchema: Schema<PaidPeriod> = defineSchema<PaidPeriod>('PaidPeriod', PERIOD_BYTES_MAX, {
  version: [1, versionField(1)],
  delivery: [2, fixedBytesField(16)],
  channel: [3, hashField],
  before: [4, signedAgreementSchema.asField()],
  after: [5, signedAgreementSchema.asField()],
  proof: [6, possessionField],
})

/** node/agreement/revision -> PaidPeriod */
export const PAID_TABLE = 'storage-paid'

/** A month's bill can be recomputed, in whole seconds. */
export const EVIDENCE_SECONDS: number = 31 * 86_400
/** Of each agreement; more than come in, so that a backlog ends. */
const REMOVED_AT_ONCE = 4
/** After all keys that begin with the same node, or agreement. */
const PREFIX_END = '~'

/** What writes a period down. */
export function paidPeriodOperation(period: PaidPeriod): StoreOperation {
  const { node, revision, ...parties } = agreementSchema.decodeDocument(period.after.document)
  const id = agreementIdOf({ ...parties, node })
  const key = `${prefixOf(node, id)}${revision.toString(16).padStart(8, '0')}`
  return { kind: 'put', table: PAID_TABLE, key, value: paidPeriodSchema.encodeMessage(period) }
}

/**
 * Forgets the oldest periods of every agreement, ended ones included, that ended before a second: a few of each at a time, so
 * that a clock that is ahead for an hour costs little. @throws CoreError STORE_FAILED, STORE_CORRUPT, STORE_FULL
 */
export async function forgetPeriods(store: Store, beforeSecond: number): Promise<void> {
  for (let after = ''; ; ) {
    const rows = await store.scan(PAID_TABLE, { after, limit: REMOVED_AT_ONCE })
    const [first] = rows
    if (first === undefined) return
    const agreement = first.key.slice(0, first.key.lastIndexOf('/') + 1)
    const old = rows.filter(({ key, value }) => key.startsWith(agreement) && endSecondOf(value) < beforeSecond)
    const gone = old.map(({ key }): StoreOperation => ({ kind: 'delete', table: PAID_TABLE, key }))
    if (gone.length > 0) await store.write(gone, 'process')
    after = `${agreement}${PREFIX_END}`
  }
}

/** All periods of a node, by agreement and revision. @throws CoreError STORE_FAILED, STORE_CORRUPT */
export async function paidPeriodsOf(store: Store, node: Address): Promise<PaidPeriod[]> {
  const rows = await store.scan(PAID_TABLE, { prefix: `${node}/` })
  return rows.map(({ value }) => paidPeriodSchema.decodeMessage(value))
}

/** The first node after another one of which there are periods. @throws CoreError STORE_FAILED, STORE_CORRUPT */
export async function nextPaidNode(store: Store, after?: Address): Promise<Address | undefined> {
  const from = after === undefined ? {} : { after: `${after}/${PREFIX_END}` }
  const [row] = await store.scan(PAID_TABLE, { ...from, limit: 1 })
  return row === undefined ? undefined : (row.key.slice(0, row.key.indexOf('/')) as Address)
}

function endSecondOf(row: Uint8Array): number {
  return agreementSchema.decodeDocument(paidPeriodSchema.decodeMessage(row).after.document).atSecond
}

function prefixOf(node: Address, agreement: Hash): string {
  return `${node}/${agreement.slice(2)}/`
}
