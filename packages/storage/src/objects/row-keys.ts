import type { Address } from '@stead/core'
import { endOfPrefix, keyOfText, keyOfUint, type TreeKey, textOfKey, uintOfKey } from '../tree/tree-key.ts'
import { STAMP_BYTES } from './transaction.ts'

/**
 * Tables of a tree, by the first byte of their keys. In a bucket's: objects (key, stamp), null versions (key), contents
 * (id), extents (content, end), packs (id), uploads (id), uploads by key (key, id), parts (upload, number), segments of
 * pages (number), garbage (time, stamp), borrowed contents to be given back (time, stamp), holds of other buckets (id), settings,
 * shares (id), what changed that a share shows (share, key), and grants to write (id). In the catalogue: buckets (name), those that were deleted
 * (generation), and payers (address). In a share's tree: its head, entries (place of the folder, own place), extents (place),
 * contents that are to go (time, id), and packs, pages and garbage as in a bucket's.
 */
const TABLE = {
  objects: 'o',
  nulls: 'n',
  contents: 'c',
  extents: 'b',
  packs: 'k',
  uploads: 'u',
  uploadsByKey: 'v',
  parts: 'p',
  pages: 'g',
  garbage: 'r',
  borrowed: 'w',
  holds: 'h',
  settings: 's',
  shares: 'S',
  changes: 'd',
  grants: 'G',
  shareHead: 'H',
  entries: 'e',
  sharedExtents: 'x',
  oldContents: 'y',
  buckets: 'B',
  deleted: 'D',
  payers: 'P',
} as const

/** Names of {@link TABLE}. */
type TableName = keyof typeof TABLE

/** Bytes of ids of contents, packs, uploads and buckets' generations. */
export const ID_BYTES = 16
const OFFSET_BYTES = 7
const TIME_BYTES = 6

/** Text so that it may be followed by something: zeros are escaped, and what ends it sorts before all that goes on. */
function openText(text: string): TreeKey {
  return keyOfText(text).replaceAll('\u0000', '\u0000\u00ff')
}

function endedText(text: string): TreeKey {
  return `${openText(text)}\u0000\u0001`
}

/** The text at the beginning of a key, and where it ends. */
function textAt(key: TreeKey, from: number): { readonly text: string; readonly end: number } {
  const end = key.indexOf('\u0000\u0001', from)
  return { text: textOfKey(key.slice(from, end).replaceAll('\u0000\u00ff', '\u0000')), end: end + 2 }
}

/** Where a table begins, and what is behind its end. */
export function tableRange(table: TableName): { readonly from: TreeKey; readonly before: TreeKey } {
  const from = TABLE[table]
  return { from, before: endOfPrefix(from) ?? from }
}

/** All that begins like this. */
function rangeOf(from: TreeKey): { readonly from: TreeKey; readonly before: TreeKey | undefined } {
  return { from, before: endOfPrefix(from) }
}

/** A range of keys. */
export type KeyRange = ReturnType<typeof rangeOf>

/** All versions of an object, the newest first. */
export const versionsRange = (key: string): KeyRange => rangeOf(TABLE.objects + endedText(key))
/** All objects whose keys begin with a prefix. */
export const prefixRange = (prefix: string): KeyRange => rangeOf(TABLE.objects + openText(prefix))
export const versionKey = (key: string, stamp: TreeKey): TreeKey => TABLE.objects + endedText(key) + stamp
export const nullKey = (key: string): TreeKey => TABLE.nulls + endedText(key)
export const contentKey = (id: TreeKey): TreeKey => TABLE.contents + id
export const extentKey = (content: TreeKey, endByte: number): TreeKey =>
  TABLE.extents + content + keyOfUint(endByte, OFFSET_BYTES)
/** All extents of a content. */
export const extentsRange = (content: TreeKey): KeyRange => rangeOf(TABLE.extents + content)
export const packKey = (id: TreeKey): TreeKey => TABLE.packs + id
export const uploadKey = (id: TreeKey): TreeKey => TABLE.uploads + id
export const uploadByKey = (key: string, id: TreeKey): TreeKey => TABLE.uploadsByKey + endedText(key) + id
/** Uploads to all keys that begin with a prefix. */
export const uploadsRange = (prefix: string): KeyRange => rangeOf(TABLE.uploadsByKey + openText(prefix))
export const partKey = (upload: TreeKey, number: number): TreeKey => TABLE.parts + upload + keyOfUint(number, 2)
/** All parts of an upload. */
export const partsRange = (upload: TreeKey): KeyRange => rangeOf(TABLE.parts + upload)
export const pageSegmentKey = (number: number): TreeKey => TABLE.pages + keyOfUint(number, TIME_BYTES)
export const garbageKey = (dueAtMs: number, stamp: TreeKey): TreeKey =>
  TABLE.garbage + keyOfUint(dueAtMs, TIME_BYTES) + stamp
export const borrowedKey = (dueAtMs: number, stamp: TreeKey): TreeKey =>
  TABLE.borrowed + keyOfUint(dueAtMs, TIME_BYTES) + stamp
export const holdKey = (id: TreeKey): TreeKey => TABLE.holds + id
export const settingsKey: TreeKey = TABLE.settings
export const bucketKey = (name: string): TreeKey => TABLE.buckets + keyOfText(name)
export const payerKey = (payer: Address): TreeKey => TABLE.payers + payer
export const deletedBucketKey = (generation: TreeKey): TreeKey => TABLE.deleted + generation

export const shareKey = (id: TreeKey): TreeKey => TABLE.shares + id
export const changeKey = (share: TreeKey, key: string): TreeKey => TABLE.changes + share + keyOfText(key)
/** All that changed and a share does not show yet. */
export const changesRange = (share: TreeKey): KeyRange => rangeOf(TABLE.changes + share)
export const grantKey = (id: TreeKey): TreeKey => TABLE.grants + id
export const shareHeadKey: TreeKey = TABLE.shareHead
export const entryKey = (folder: TreeKey, place: TreeKey): TreeKey => TABLE.entries + folder + place
/** All that lies right in a folder of a share. */
export const entriesRange = (folder: TreeKey): KeyRange => rangeOf(TABLE.entries + folder)
export const sharedExtentKey = (place: TreeKey): TreeKey => TABLE.sharedExtents + place
export const oldContentKey = (dueAtMs: number, id: TreeKey): TreeKey =>
  TABLE.oldContents + keyOfUint(dueAtMs, TIME_BYTES) + id

/** The object of a {@link changeKey}. */
export function objectOfChange(key: TreeKey): string {
  return textOfKey(key.slice(TABLE.changes.length + ID_BYTES))
}

/** Object and stamp of a {@link versionKey}. */
export function objectOfKey(key: TreeKey): { readonly key: string; readonly stamp: TreeKey } {
  const { text, end } = textAt(key, TABLE.objects.length)
  return { key: text, stamp: key.slice(end, end + STAMP_BYTES) }
}

/** Object and id of an {@link uploadByKey}. */
export function uploadOfKey(key: TreeKey): { readonly key: string; readonly id: TreeKey } {
  const { text, end } = textAt(key, TABLE.uploadsByKey.length)
  return { key: text, id: key.slice(end) }
}

/** Where an extent ends in its content. */
export function endOfExtent(key: TreeKey): number {
  return uintOfKey(key.slice(TABLE.extents.length + ID_BYTES))
}

/** The number of a part. */
export function numberOfPart(key: TreeKey): number {
  return uintOfKey(key.slice(TABLE.parts.length + ID_BYTES))
}

/** The id in a key of contents, packs, uploads, shares, grants or deleted buckets. */
export function idOfKey(key: TreeKey): TreeKey {
  return key.slice(1, 1 + ID_BYTES)
}
