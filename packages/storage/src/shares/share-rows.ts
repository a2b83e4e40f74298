import type { UnixMs } from '@stead/core'
import {
  bytesField,
  defineSchema,
  fixedBytesField,
  flagField,
  optionalField,
  ProtocolError,
  type Schema,
  textField,
  timeField,
  uintField,
  versionField,
} from '@stead/protocol'
import { ID_BYTES } from '../objects/row-keys.ts'
import { OBJECT_KEY_BYTES_MAX, WORD_BYTES_MAX } from '../objects/rows.ts'
import { INLINE_BYTES_MAX } from '../objects/stored.ts'
import { KEEPERS_BYTES_MAX } from '../register/quorum.ts'
import { SEGMENT_REFERENCE_BYTES_MAX, TREE_VALUE_BYTES_MAX } from '../tree/tree-node.ts'

const SECRET_BYTES = 32

/** shares, of a bucket. */
export interface ShareRow {
  readonly version: 1
  /** A folder with its delimiter, the empty text for all of the bucket, or the key of one object. */
  readonly prefix: string
  readonly createdAt: UnixMs
  readonly expiresAt?: UnixMs
  /** It was taken back: nothing is shown any more. */
  readonly endedAt?: UnixMs
  /** The share's tree has been begun. */
  readonly isBegun: boolean
  /** Objects up to this key are shown, or marked to be. */
  readonly filledTo: string
  /** All that was there when it was shared is shown, or marked to be. */
  readonly isWalked: boolean
  /** Nothing is left that could not be shown. */
  readonly isFilled: boolean
  /** Who keeps the pointer of its tree at first. */
  readonly keepers?: Uint8Array
}

export const shareRowSchema: Schema<ShareRow> = defineSchema<ShareRow>('ShareRow', 2048, {
  version: [1, versionField(1)],
  prefix: [2, textField(OBJECT_KEY_BYTES_MAX)],
  createdAt: [3, timeField],
  expiresAt: [4, optionalField(timeField)],
  endedAt: [5, optionalField(timeField)],
  isBegun: [6, flagField],
  filledTo: [7, textField(OBJECT_KEY_BYTES_MAX)],
  isWalked: [8, flagField],
  isFilled: [9, flagField],
  keepers: [10, optionalField(bytesField(KEEPERS_BYTES_MAX, 1))],
})

/** The head of a share's tree: without one the share has ended. */
export interface ShareHeadRow {
  readonly version: 1
  /** Which process writes: another one that takes over is not written over. */
  readonly publisher: Uint8Array
  readonly expiresAt?: UnixMs
  /** As the share's row says it, to whoever reads: all is shown, but for changes of the last seconds. */
  readonly isFilled: boolean
}

export const shareHeadSchema: Schema<ShareHeadRow> = defineSchema<ShareHeadRow>('ShareHeadRow', 128, {
  version: [1, versionField(1)],
  publisher: [2, fixedBytesField(ID_BYTES)],
  expiresAt: [3, optionalField(timeField)],
  isFilled: [4, flagField],
})

/** entries: a name sealed for the folder, and what it names sealed for that place alone. */
export interface EntryRow {
  readonly version: 1
  readonly name: Uint8Array
  readonly entry: Uint8Array
}

export const entryRowSchema: Schema<EntryRow> = defineSchema<EntryRow>('EntryRow', TREE_VALUE_BYTES_MAX, {
  version: [1, versionField(1)],
  name: [2, bytesField(OBJECT_KEY_BYTES_MAX + 64)],
  entry: [3, bytesField(TREE_VALUE_BYTES_MAX - OBJECT_KEY_BYTES_MAX - 128)],
})

/** Where bytes are that a share shows; one of the first four is there. */
export interface SharedStored {
  readonly inline?: Uint8Array
  /** In a segment with others of the share, sealed under `key` there. */
  readonly pack?: Uint8Array
  /** In a segment of the bucket, sealed under `key`. */
  readonly reference?: Uint8Array
  /** The secret from which places and keys of so many extents follow. */
  readonly content?: Uint8Array
  readonly extents?: number
  readonly fromByte?: number
  readonly key?: Uint8Array
}

const sharedStoredSchema: Schema<SharedStored> = defineSchema<SharedStored>(
  'SharedStored',
  SEGMENT_REFERENCE_BYTES_MAX + 256,
  {
    inline: [1, optionalField(bytesField(INLINE_BYTES_MAX))],
    pack: [2, optionalField(fixedBytesField(ID_BYTES))],
    reference: [3, optionalField(bytesField(SEGMENT_REFERENCE_BYTES_MAX, 1))],
    content: [4, optionalField(fixedBytesField(SECRET_BYTES))],
    extents: [5, optionalField(uintField())],
    fromByte: [6, optionalField(uintField())],
    key: [7, optionalField(fixedBytesField(SECRET_BYTES))],
  },
)

/** An object that a share shows; without `file` a folder. */
export interface SharedEntry {
  readonly version: 1
  readonly file?: SharedFile
}

/** What a share says of an object: neither its versions nor its metadata. */
export interface SharedFile {
  readonly lengthBytes: number
  readonly modifiedAt: UnixMs
  readonly etag: string
  readonly contentType?: string
  readonly stored: SharedStored
}

const sharedFileSchema: Schema<SharedFile> = defineSchema<SharedFile>('SharedFile', 8192, {
  lengthBytes: [1, uintField()],
  modifiedAt: [2, timeField],
  etag: [3, textField(WORD_BYTES_MAX)],
  contentType: [4, optionalField(textField(WORD_BYTES_MAX))],
  stored: [5, sharedStoredSchema.asField()],
})

export const sharedEntrySchema: Schema<SharedEntry> = defineSchema<SharedEntry>('SharedEntry', 8192, {
  version: [1, versionField(1)],
  file: [2, optionalField(sharedFileSchema.asField())],
})

/** extents of a share: sealed, each at a place that follows from its content's secret. */
export interface SharedExtent {
  readonly version: 1
  readonly endByte: number
  readonly lengthBytes: number
  readonly stored: SharedStored
}

export const sharedExtentSchema: Schema<SharedExtent> = defineSchema<SharedExtent>('SharedExtent', 8192, {
  version: [1, versionField(1)],
  endByte: [2, uintField()],
  lengthBytes: [3, uintField()],
  stored: [4, sharedStoredSchema.asField()],
})

/** old contents of a share, sealed for its owner: extents that go. */
export interface OldContent {
  readonly version: 1
  readonly secret: Uint8Array
  readonly extents: number
}

export const oldContentSchema: Schema<OldContent> = defineSchema<OldContent>('OldContent', 128, {
  version: [1, versionField(1)],
  secret: [2, fixedBytesField(SECRET_BYTES)],
  extents: [3, uintField()],
})

/** Lengths of rows in a share: those between look alike to who cannot open them. */
const PADDED_BYTES = [256, 512, 1024, 2048, 4096, 6144, 8192]
const NAME_STEP_BYTES = 32
const LENGTH_BYTES = 2

/** A row with nothing behind it, so that its length says little. */
export function padRow(row: Uint8Array): Uint8Array {
  const bytes = PADDED_BYTES.find((size) => size >= row.length + LENGTH_BYTES) ?? row.length + LENGTH_BYTES
  return padded(row, bytes)
}

/** A name with nothing behind it. */
export function padName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name)
  return padded(bytes, Math.ceil((bytes.length + LENGTH_BYTES) / NAME_STEP_BYTES) * NAME_STEP_BYTES)
}

/** What was padded. @throws ProtocolError PROTOCOL_MALFORMED */
export function unpad(bytes: Uint8Array): Uint8Array {
  const length = bytes.length < LENGTH_BYTES ? bytes.length : ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  if (length + LENGTH_BYTES > bytes.length)
    throw new ProtocolError('PROTOCOL_MALFORMED', 'a row of a share is shorter than it says')
  return bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
}

/** The name that was padded. @throws ProtocolError PROTOCOL_MALFORMED; TypeError for what is no UTF-8 */
export function unpadName(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(unpad(bytes))
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  out[0] = bytes.length >> 8
  out[1] = bytes.length & 0xff
  out.set(bytes, LENGTH_BYTES)
  return out
}
