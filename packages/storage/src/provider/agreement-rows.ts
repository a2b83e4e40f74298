import type { Hash, PeerId } from '@stead/core'
import {
  type BillEntry,
  contentIdField,
  defineSchema,
  fixedBytesField,
  hashField,
  microUsdField,
  optionalField,
  type Schema,
  textField,
  uint64Field,
  uintField,
  versionField,
} from '@stead/protocol'
import { type SignedAgreement, signedAgreementSchema } from '../agreement/agreement.ts'

/** What a revision put on the bill of a channel. */
export interface BilledPeriod extends BillEntry {
  readonly channel: Hash
}

const billSchema: Schema<BilledPeriod> = defineSchema<BilledPeriod>('BilledPeriod', 256, {
  channel: [1, hashField],
  delivery: [2, fixedBytesField(16)],
  item: [3, contentIdField],
  evidence: [4, contentIdField],
  quantity: [5, uint64Field()],
  amountMicroUsd: [6, microUsdField],
})

/** An agreement as the node keeps it. */
export interface AgreementRow {
  readonly version: 1
  readonly signed: SignedAgreement
  readonly peer: PeerId
  /** The last second that was billed; the agreement's first one at the beginning. */
  readonly paidToSecond: number
  /** Missing when the last revision billed nothing. */
  readonly bill?: BilledPeriod
}

const rowSchema: Schema<Omit<AgreementRow, 'peer'> & { readonly peer: string }> = defineSchema('AgreementRow', 1280, {
  version: [1, versionField(1)],
  signed: [2, signedAgreementSchema.asField()],
  peer: [3, textField(128)],
  paidToSecond: [4, uintField(0xffff_ffff)],
  bill: [5, optionalField(billSchema.asField())],
})

export function encodeAgreementRow(row: AgreementRow): Uint8Array {
  return rowSchema.encodeMessage(row)
}

/** @throws ProtocolError when it is damaged */
export function decodeAgreementRow(bytes: Uint8Array): AgreementRow {
  const row = rowSchema.decodeMessage(bytes)
  return { ...row, peer: row.peer as PeerId }
}

/** What is left of an agreement that ended. */
export interface EndedRow {
  readonly version: 1
  /** The last one that was signed. */
  readonly revision: number
}

const endedSchema: Schema<EndedRow> = defineSchema<EndedRow>('EndedRow', 32, {
  version: [1, versionField(1)],
  revision: [2, uintField(0xffff_ffff)],
})

export function encodeEndedRow(row: EndedRow): Uint8Array {
  return endedSchema.encodeMessage(row)
}

/** agreement -> EndedRow, for good: an agreement of the same name must never begin again */
export const ENDED_TABLE = 'storage-ended'
/** agreement -> AgreementRow */
export const AGREEMENTS_TABLE = 'storage-agreements'
/** agreement/slot, five digits -> SetPiece */
export const SLOTS_TABLE = 'storage-slots'
