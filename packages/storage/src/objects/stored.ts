import {
  bytesField,
  defineSchema,
  fixedBytesField,
  flagField,
  optionalField,
  ProtocolError,
  type Schema,
  uintField,
} from '@stead/protocol'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { SEGMENT_REFERENCE_BYTES_MAX, WRAPPED_KEY_BYTES } from '../tree/tree-node.ts'
import { ID_BYTES } from './row-keys.ts'

/** Longest bytes that lie in a row. */
export const INLINE_BYTES_MAX = 4096

/** A segment that was kept. */
export interface KeptSegment {
  readonly reference: Uint8Array
  /** 40 bytes. */
  readonly wrappedKey: Uint8Array
}

/** Bytes in a segment that a content has. */
export interface SegmentPart {
  readonly kind: 'segment'
  readonly segment: KeptSegment
  readonly fromByte: number
  /** The segment belongs to another bucket, which lets it go when it gets back what it lent. */
  readonly isLent: boolean
}

/**
 * Where bytes are: in the row itself; in a segment that small objects share; in a content, which objects share that are
 * copies of each other; or, of contents only, in a segment of their own.
 */
export type Stored =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'pack'; readonly pack: TreeKey; readonly fromByte: number }
  | { readonly kind: 'content'; readonly content: TreeKey }
  | SegmentPart

/** As it is spelled in a row; one of the first four is there. */
export interface StoredRow {
  readonly inline?: Uint8Array
  readonly pack?: Uint8Array
  readonly content?: Uint8Array
  readonly reference?: Uint8Array
  /** In the pack or the segment. */
  readonly fromByte?: number
  readonly wrappedKey?: Uint8Array
  readonly isLent?: boolean
}

/** Encodings of {@link StoredRow}. */
export const storedSchema: Schema<StoredRow> = defineSchema<StoredRow>('StoredRow', SEGMENT_REFERENCE_BYTES_MAX + 256, {
  inline: [1, optionalField(bytesField(INLINE_BYTES_MAX))],
  pack: [2, optionalField(fixedBytesField(ID_BYTES))],
  content: [3, optionalField(fixedBytesField(ID_BYTES))],
  reference: [4, optionalField(bytesField(SEGMENT_REFERENCE_BYTES_MAX, 1))],
  fromByte: [5, optionalField(uintField())],
  wrappedKey: [6, optionalField(fixedBytesField(WRAPPED_KEY_BYTES))],
  isLent: [7, optionalField(flagField)],
})

/** Spells it for a row. */
export function rowOfStored(stored: Stored): StoredRow {
  switch (stored.kind) {
    case 'inline':
      return { inline: stored.bytes }
    case 'pack':
      return { pack: bytesOfKey(stored.pack), fromByte: stored.fromByte }
    case 'content':
      return { content: bytesOfKey(stored.content) }
    case 'segment':
      return {
        reference: stored.segment.reference,
        wrappedKey: stored.segment.wrappedKey,
        fromByte: stored.fromByte,
        isLent: stored.isLent,
      }
  }
}

/** What a row spells. @throws ProtocolError PROTOCOL_MALFORMED */
export function storedOfRow(row: StoredRow): Stored {
  const { inline, pack, content, reference, fromByte = 0, wrappedKey, isLent = false } = row
  if (inline !== undefined) return { kind: 'inline', bytes: inline }
  if (pack !== undefined) return { kind: 'pack', pack: keyOfBytes(pack), fromByte }
  if (content !== undefined) return { kind: 'content', content: keyOfBytes(content) }
  if (reference !== undefined && wrappedKey !== undefined)
    return { kind: 'segment', segment: { reference, wrappedKey }, fromByte, isLent }
  throw new ProtocolError('PROTOCOL_MALFORMED', 'a row does not say where its bytes are')
}
