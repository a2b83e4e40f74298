import {
  bytesField,
  defineSchema,
  fixedBytesField,
  listField,
  optionalField,
  type Schema,
  uintField,
  versionField,
} from '@stead/protocol'
import { type PageRef, SEGMENT_REFERENCE_BYTES_MAX, WRAPPED_KEY_BYTES } from '../tree/tree-node.ts'
import { POINTER_VALUE_BYTES_MAX } from './root-pointer.ts'
import { type PayerRow, payerRowSchema } from './rows.ts'

/** Bytes that a commit is known by. */
export const COMMIT_ID_BYTES = 16
/** Commits that a root remembers: who does not know whether its own was the one before the newest finds it here. */
export const COMMITS_REMEMBERED = 32
/** Segments of pages that one commit may write: their references must fit into a pointer. */
export const COMMIT_SEGMENTS_MAX = 12
/** Machines that a root tells; of more, those that began last. */
export const PAYERS_MAX = 32

/** A segment of pages, as a row or a root knows it. */
export interface PageSegmentRow {
  readonly number: number
  readonly reference: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly lengthBytes: number
}

/** Encodings of {@link PageSegmentRow}. */
export const pageSegmentSchema: Schema<PageSegmentRow> = defineSchema<PageSegmentRow>(
  'PageSegmentRow',
  SEGMENT_REFERENCE_BYTES_MAX + 128,
  {
    number: [1, uintField()],
    reference: [2, bytesField(SEGMENT_REFERENCE_BYTES_MAX, 1)],
    wrappedKey: [3, fixedBytesField(WRAPPED_KEY_BYTES)],
    lengthBytes: [4, uintField()],
  },
)

/** Where the root page is. */
interface RootPage {
  readonly segment: PageSegmentRow
  readonly fromByte: number
  readonly lengthBytes: number
  readonly oldest: number
}

const rootPageSchema: Schema<RootPage> = defineSchema<RootPage>('RootPage', SEGMENT_REFERENCE_BYTES_MAX + 256, {
  segment: [1, pageSegmentSchema.asField()],
  fromByte: [2, uintField()],
  lengthBytes: [3, uintField()],
  oldest: [4, uintField()],
})

/** What a pointer holds, sealed: a tree at one moment. */
export interface RootRecord {
  readonly version: 1
  /** Undefined for a tree without rows. */
  readonly root?: RootPage
  /** Ids of the last commits, the newest first. */
  readonly commits: readonly Uint8Array[]
  /** Bytes of pages that the root reaches. */
  readonly liveBytes: number
  /** Bytes of the segments of pages that have rows in the tree. */
  readonly windowBytes: number
  /** Segments that the last commit wrote, which are not yet rows in the tree. */
  readonly written: readonly PageSegmentRow[]
  /** Of the catalogue: who pays for segments, told without reading any. */
  readonly payers: readonly PayerRow[]
}

/** Encodings of {@link RootRecord}. */
export const rootRecordSchema: Schema<RootRecord> = defineSchema<RootRecord>(
  'RootRecord',
  POINTER_VALUE_BYTES_MAX - 16,
  {
    version: [1, versionField(1)],
    root: [2, optionalField(rootPageSchema.asField())],
    commits: [3, listField(fixedBytesField(COMMIT_ID_BYTES), COMMITS_REMEMBERED)],
    liveBytes: [4, uintField()],
    windowBytes: [5, uintField()],
    written: [6, listField(pageSegmentSchema.asField(), COMMIT_SEGMENTS_MAX)],
    payers: [7, listField(payerRowSchema.asField(), PAYERS_MAX)],
  },
)

/** The root of a tree without rows. */
export const EMPTY_ROOT: RootRecord = { version: 1, commits: [], liveBytes: 0, windowBytes: 0, written: [], payers: [] }

/** The root page as trees know it. */
export function pageOfRecord({ root }: RootRecord): PageRef | undefined {
  if (root === undefined) return undefined
  const { segment, fromByte, lengthBytes, oldest } = root
  const { number, reference, wrappedKey } = segment
  return { segment: { number, reference, wrappedKey }, fromByte, lengthBytes, oldest }
}

/** The root page as a record keeps it; its segment has been written. */
export function recordOfPage(page: PageRef | undefined): Pick<RootRecord, 'root'> {
  if (page === undefined) return {}
  const { number, reference, wrappedKey } = page.segment
  if (reference === undefined) throw new TypeError('the root page is in a segment that was not written')
  const { fromByte, lengthBytes, oldest } = page
  return { root: { segment: { number, reference, wrappedKey, lengthBytes: 0 }, fromByte, lengthBytes, oldest } }
}
