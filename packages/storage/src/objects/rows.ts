import type { Address, UnixMs } from '@stead/core'
import {
  addressField,
  bytesField,
  defineSchema,
  fixedBytesField,
  flagField,
  listField,
  optionalField,
  type Schema,
  textField,
  timeField,
  uintField,
  versionField,
  wordField,
} from '@stead/protocol'
import { KEEPERS_BYTES_MAX } from '../register/quorum.ts'
import { SEGMENT_REFERENCE_BYTES_MAX, TREE_VALUE_BYTES_MAX, WRAPPED_KEY_BYTES } from '../tree/tree-node.ts'
import type { BucketInfo } from './object-store.ts'
import { ID_BYTES } from './row-keys.ts'
import { type StoredRow, storedSchema } from './stored.ts'

/** Metadata of an object, names and values together. */
export const METADATA_BYTES_MAX = 2048
/** Longest etag and longest content type, in bytes of UTF-8. */
export const WORD_BYTES_MAX = 512
/** Longest key of an object, in bytes of UTF-8. */
export const OBJECT_KEY_BYTES_MAX = 1024
const METADATA_ITEMS_MAX = 2048

interface MetadataItem {
  readonly name: string
  readonly value: string
}

const metadataItemSchema: Schema<MetadataItem> = defineSchema<MetadataItem>('MetadataItem', 4096, {
  name: [1, textField(METADATA_BYTES_MAX)],
  value: [2, textField(METADATA_BYTES_MAX)],
})

/** What a writer says of an object besides its bytes. */
export interface Description {
  readonly contentType?: string
  readonly metadata: readonly MetadataItem[]
}

/** objects: one version. */
export interface ObjectRow extends Description {
  readonly version: 1
  readonly modifiedAt: UnixMs
  readonly lengthBytes: number
  readonly etag: string
  /** It says that the object was deleted. */
  readonly isDeleted: boolean
  /** It was written while versioning was not on. */
  readonly isNull: boolean
  readonly stored: StoredRow
  /** The upload that became this version: who completes it again is told of this. */
  readonly upload?: Uint8Array
}

const description = {
  contentType: [8, optionalField(textField(WORD_BYTES_MAX))],
  metadata: [9, listField(metadataItemSchema.asField(), METADATA_ITEMS_MAX)],
} as const

export const objectRowSchema: Schema<ObjectRow> = defineSchema<ObjectRow>('ObjectRow', TREE_VALUE_BYTES_MAX, {
  version: [1, versionField(1)],
  modifiedAt: [2, timeField],
  lengthBytes: [3, uintField()],
  etag: [4, textField(WORD_BYTES_MAX)],
  isDeleted: [5, flagField],
  isNull: [6, flagField],
  stored: [7, storedSchema.asField()],
  ...description,
  upload: [10, optionalField(fixedBytesField(ID_BYTES))],
})

/** Who lent the segments of a content, and what it is to be given back by. */
export interface Lender {
  readonly bucket: string
  readonly generation: Uint8Array
  readonly hold: Uint8Array
}

const lenderSchema: Schema<Lender> = defineSchema<Lender>('Lender', 256, {
  bucket: [1, textField(63)],
  generation: [2, fixedBytesField(ID_BYTES)],
  hold: [3, fixedBytesField(ID_BYTES)],
})

/** holds: a content that another bucket has. */
export interface HoldRow {
  readonly version: 1
  readonly content: Uint8Array
  readonly lengthBytes: number
}

export const holdRowSchema: Schema<HoldRow> = defineSchema<HoldRow>('HoldRow', 128, {
  version: [1, versionField(1)],
  content: [2, fixedBytesField(ID_BYTES)],
  lengthBytes: [3, uintField()],
})

/** contents: bytes that objects share. */
export interface ContentRow {
  readonly version: 1
  /** Objects, parts and contents that have it; 0 for one that is let go. */
  readonly holders: number
  readonly lengthBytes: number
  /** When its writer last wrote to it; undefined once it is whole. */
  readonly unfinishedAt?: UnixMs
  /** Whose segments they are, when not this bucket's. */
  readonly lender?: Lender
}

export const contentRowSchema: Schema<ContentRow> = defineSchema<ContentRow>('ContentRow', 512, {
  version: [1, versionField(1)],
  holders: [2, uintField()],
  lengthBytes: [3, uintField()],
  unfinishedAt: [4, optionalField(timeField)],
  lender: [5, optionalField(lenderSchema.asField())],
})

/** extents: a run of a content's bytes, which ends where its key says. */
export interface ExtentRow {
  readonly version: 1
  readonly lengthBytes: number
  readonly stored: StoredRow
}

export const extentRowSchema: Schema<ExtentRow> = defineSchema<ExtentRow>('ExtentRow', TREE_VALUE_BYTES_MAX, {
  version: [1, versionField(1)],
  lengthBytes: [2, uintField()],
  stored: [3, storedSchema.asField()],
})

/** packs: a segment that small objects share. */
export interface PackRow {
  readonly version: 1
  readonly holders: number
  /** Bytes that are held, those of copies each time. */
  readonly liveBytes: number
  readonly lengthBytes: number
  readonly reference: Uint8Array
  readonly wrappedKey: Uint8Array
}

export const packRowSchema: Schema<PackRow> = defineSchema<PackRow>('PackRow', SEGMENT_REFERENCE_BYTES_MAX + 256, {
  version: [1, versionField(1)],
  holders: [2, uintField()],
  reference: [3, bytesField(SEGMENT_REFERENCE_BYTES_MAX, 1)],
  wrappedKey: [4, fixedBytesField(WRAPPED_KEY_BYTES)],
  liveBytes: [5, uintField()],
  lengthBytes: [6, uintField()],
})

/** uploads, and uploads by key. */
export interface UploadRow extends Description {
  readonly version: 1
  readonly key: string
  readonly begunAt: UnixMs
  /** The grant that it is written with: it ends when that does. */
  readonly grant?: Uint8Array
}

export const uploadRowSchema: Schema<UploadRow> = defineSchema<UploadRow>('UploadRow', TREE_VALUE_BYTES_MAX, {
  version: [1, versionField(1)],
  key: [2, textField(OBJECT_KEY_BYTES_MAX)],
  begunAt: [3, timeField],
  ...description,
  grant: [10, optionalField(fixedBytesField(ID_BYTES))],
})

/** parts */
export interface PartRow {
  readonly version: 1
  readonly lengthBytes: number
  readonly etag: string
  readonly modifiedAt: UnixMs
  readonly stored: StoredRow
}

export const partRowSchema: Schema<PartRow> = defineSchema<PartRow>('PartRow', TREE_VALUE_BYTES_MAX, {
  version: [1, versionField(1)],
  lengthBytes: [2, uintField()],
  etag: [3, textField(WORD_BYTES_MAX)],
  modifiedAt: [4, timeField],
  stored: [5, storedSchema.asField()],
})

/** garbage: what is let go at a time; one of the three is there. */
export interface GarbageRow {
  readonly version: 1
  readonly content?: Uint8Array
  readonly upload?: Uint8Array
  readonly pack?: Uint8Array
}

const optionalId = optionalField(fixedBytesField(ID_BYTES))

export const garbageRowSchema: Schema<GarbageRow> = defineSchema<GarbageRow>('GarbageRow', 128, {
  version: [1, versionField(1)],
  content: [2, optionalId],
  upload: [3, optionalId],
  pack: [4, optionalId],
})

/** settings of a bucket. */
export interface SettingsRow {
  readonly version: 1
  readonly versioning: BucketInfo['versioning']
  /** The bucket was deleted: nothing may be written any more. */
  readonly isDeleted: boolean
  /** Whoever writes looks whether a share shows what changed. */
  readonly hasShares?: boolean
}

export const settingsRowSchema: Schema<SettingsRow> = defineSchema<SettingsRow>('SettingsRow', 128, {
  version: [1, versionField(1)],
  versioning: [2, wordField(['off', 'on', 'suspended'])],
  isDeleted: [3, flagField],
  hasShares: [4, optionalField(flagField)],
})

/** buckets, and deleted buckets of the catalogue. */
export interface BucketRow {
  readonly version: 1
  readonly name: string
  /** Drawn for each making of a bucket of that name: the tree of a deleted one is never used again. */
  readonly generation: Uint8Array
  readonly createdAt: UnixMs
  /** Who keeps the pointer of its tree at first; what came of them since is told by themselves. */
  readonly keepers?: Uint8Array
  /** Its tree had a root before this row was written: whoever finds none there does not believe it. */
  readonly hasRoot?: boolean
}

/** A machine that keeps segments, and what another one needs to pay for them in its place. */
export interface Payer {
  readonly payer: Address
  /** 32 bytes. */
  readonly privateKey: Uint8Array
}

/** payers of the catalogue; its root tells the same without any page. */
export interface PayerRow extends Payer {
  readonly version: 1
  readonly since: UnixMs
}

export const payerRowSchema: Schema<PayerRow> = defineSchema<PayerRow>('PayerRow', 128, {
  version: [1, versionField(1)],
  payer: [2, addressField],
  privateKey: [3, fixedBytesField(32)],
  since: [4, timeField],
})

export const bucketRowSchema: Schema<BucketRow> = defineSchema<BucketRow>('BucketRow', 1024, {
  version: [1, versionField(1)],
  name: [2, textField(63)],
  generation: [3, fixedBytesField(ID_BYTES)],
  createdAt: [4, timeField],
  keepers: [5, optionalField(bytesField(KEEPERS_BYTES_MAX, 1))],
  hasRoot: [6, optionalField(flagField)],
})
