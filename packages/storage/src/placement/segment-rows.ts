import type { Address, UnixMs } from '@stead/core'
import {
  addressField,
  bytesField,
  bytesToHex,
  defineSchema,
  flagField,
  listField,
  optionalField,
  type Schema,
  timeField,
  uintField,
  versionField,
} from '@stead/protocol'

/** Which node has which piece of a segment now. */
export interface PlacedNumber {
  readonly number: number
  readonly node: Address
}

/** A segment as its payer keeps it; with a recovery phrase alone the reference says where its pieces were first. */
export interface SegmentRow {
  readonly version: 1
  readonly reference: Uint8Array
  readonly keptAt: UnixMs
  readonly placed: readonly PlacedNumber[]
  /** Nobody reads it any more; the row stays until no node keeps a piece of it. @default false */
  readonly isReleased?: boolean
  /** Its pieces are being sent, or were when this machine stopped: nothing refers to it yet. @default false */
  readonly isPlanned?: boolean
}

const placedSchema: Schema<PlacedNumber> = defineSchema<PlacedNumber>('PlacedNumber', 64, {
  number: [1, uintField(255)],
  node: [2, addressField],
})

/** Encodings of {@link SegmentRow}. */
export const segmentRowSchema: Schema<SegmentRow> = defineSchema<SegmentRow>('SegmentRow', 8192, {
  version: [1, versionField(1)],
  reference: [2, bytesField(4096)],
  keptAt: [3, timeField],
  placed: [4, listField(placedSchema.asField(), 256)],
  isReleased: [5, optionalField(flagField)],
  isPlanned: [6, optionalField(flagField)],
})

/** segment -> SegmentRow */
export const SEGMENTS_TABLE = 'storage-segments'

export function segmentKey(segment: Uint8Array): string {
  return bytesToHex(segment).slice(2)
}

/** The key of a row about pieces that are not of the segment any more; other rows of the segment are besides it. */
export function leftoverKey(key: string, random: Uint8Array): string {
  return `${key}-${bytesToHex(random).slice(2)}`
}

/** Those of some places that are not among others. */
export function notIn(places: readonly PlacedNumber[], others: readonly PlacedNumber[]): readonly PlacedNumber[] {
  return places.filter(({ number, node }) => !others.some((other) => other.number === number && other.node === node))
}
