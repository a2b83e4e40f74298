import { type Hash, hash, type PeerId, type StoreOperation } from '@stead/core'
import {
  bytesField,
  defineSchema,
  fixedBytesField,
  flagField,
  hashField,
  listField,
  optionalField,
  type Schema,
  textField,
  versionField,
} from '@stead/protocol'
import { type SignedAgreement, signedAgreementSchema } from '../agreement/agreement.ts'
import { CHANGES_MAX, type SlotMessage, slotSchema } from '../messages.ts'

/** A revision that was signed here, and of which it is not known whether the node signed it too. */
export interface PendingRevision {
  readonly document: Uint8Array
  readonly payerSignature: Uint8Array
  readonly changes: readonly SlotMessage[]
  /** It puts what is due on the bill. */
  readonly isBilled: boolean
}

/** An agreement as the payer keeps it. */
export interface BoughtRow {
  readonly version: 1
  readonly peer: PeerId
  /** Missing before the first answer. */
  readonly signed?: SignedAgreement
  readonly pending?: PendingRevision
  /** The channel that paid last. */
  readonly channel: Hash
}

const pendingSchema: Schema<PendingRevision> = defineSchema<PendingRevision>('PendingRevision', 96 * 1024, {
  document: [1, bytesField(512)],
  payerSignature: [2, fixedBytesField(65)],
  changes: [3, listField(slotSchema.asField(), CHANGES_MAX)],
  isBilled: [4, flagField],
})

const rowSchema: Schema<Omit<BoughtRow, 'peer'> & { readonly peer: string }> = defineSchema('BoughtRow', 98 * 1024, {
  version: [1, versionField(1)],
  peer: [2, textField(128)],
  signed: [3, optionalField(signedAgreementSchema.asField())],
  pending: [4, optionalField(pendingSchema.asField())],
  channel: [5, hashField],
})

/** What writes an agreement down. */
export function boughtOperation(id: Hash, row: BoughtRow): StoreOperation {
  return { kind: 'put', table: BOUGHT_TABLE, key: id.slice(2), value: rowSchema.encodeMessage(row) }
}

/** @throws ProtocolError when it is damaged */
export function decodeBoughtRow(bytes: Uint8Array): BoughtRow {
  const row = rowSchema.decodeMessage(bytes)
  return { ...row, peer: row.peer as PeerId }
}

/** agreement -> BoughtRow */
export const BOUGHT_TABLE = 'storage-bought'
/** agreement/slot -> SetPiece */
export const BOUGHT_SLOTS_TABLE = 'storage-bought-slots'

/** The agreement of a key of {@link BOUGHT_TABLE}. */
export function agreementOfKey(key: string): Hash {
  return hash(`0x${key}`)
}
