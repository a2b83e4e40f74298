import type { Hash, Store } from '@stead/core'
import { defineSchema, fixedBytesField, hashField, type Schema, uintField } from '@stead/protocol'
import { PieceSet, type SetPiece } from './piece-set.ts'

const PAGE_ROWS = 512
const SLOT_DIGITS = 5

/** Encodings of a slot's piece. */
export const setPieceSchema: Schema<SetPiece> = defineSchema<SetPiece>('SetPiece', 128, {
  piece: [1, hashField],
  root: [2, fixedBytesField(32)],
  lengthBytes: [3, uintField(0xffff_ffff)],
})

/** `agreement/slot`. */
export function slotKey(agreement: Hash, slot: number): string {
  return `${agreement.slice(2)}/${slot.toString(16).padStart(SLOT_DIGITS, '0')}`
}

/** Reads what is in the slots of an agreement. @param slots as the last revision says @throws CoreError STORE_FAILED, STORE_CORRUPT */
export async function loadSet(store: Store, table: string, agreement: Hash, slots = 1): Promise<PieceSet> {
  const set = new PieceSet(slots)
  const prefix = `${agreement.slice(2)}/`
  for (let after = prefix; ; ) {
    const rows = await store.scan(table, { prefix, after, limit: PAGE_ROWS })
    set.apply(
      rows.map(({ key, value }) => ({
        slot: Number.parseInt(key.slice(prefix.length), 16),
        piece: setPieceSchema.decodeMessage(value),
      })),
    )
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_ROWS) return set
    after = last.key
  }
}
