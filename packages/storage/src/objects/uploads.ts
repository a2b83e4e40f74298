import { bytesToHex, hexToBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { drop, type GarbageTerms, letGo } from './holdings.ts'
import { checkLimit } from './list-objects.ts'
import type { ObjectInfo, PartInfo, UploadInfo, WriteCondition } from './object-store.ts'
import { addVersion, checkCondition, infoOf, latestVersion } from './object-versions.ts'
import {
  contentKey,
  extentKey,
  ID_BYTES,
  numberOfPart,
  partKey,
  partsRange,
  uploadByKey,
  uploadKey,
  uploadOfKey,
  uploadsRange,
} from './row-keys.ts'
import {
  contentRowSchema,
  type Description,
  extentRowSchema,
  type PartRow,
  partRowSchema,
  type SettingsRow,
  type UploadRow,
  uploadRowSchema,
} from './rows.ts'
import { rowOfStored, type Stored, storedOfRow } from './stored.ts'
import type { Rows, Transaction } from './transaction.ts'

/** Parts of one upload. */
export const PARTS_MAX = 10_000

/** An upload's id as callers know it. */
export function uploadName(id: TreeKey): string {
  return bytesToHex(bytesOfKey(id)).slice(2)
}

/** The id of a name; undefined for what is none. */
function uploadId(name: string): TreeKey | undefined {
  return /^[0-9a-f]+$/.test(name) && name.length === 2 * ID_BYTES ? keyOfBytes(hexToBytes(name)) : undefined
}

/** Most uploads that are listed at once. */
const UPLOADS_LISTED_MAX = 10_000
/** Behind every id of a key. */
const ALL_IDS: TreeKey = '\u00ff'.repeat(ID_BYTES)

/** Begins an upload. @param id that no other has */
export function beginUpload(rows: Transaction, id: TreeKey, { key, description, grant }: NewUpload): UploadInfo {
  const row: UploadRow = {
    version: 1,
    key,
    begunAt: rows.now,
    ...description,
    ...(grant === undefined ? {} : { grant }),
  }
  const value = uploadRowSchema.encodeMessage(row)
  rows.put(uploadKey(id), value)
  rows.put(uploadByKey(key, id), value)
  return { id: uploadName(id), key, begunAt: rows.now }
}

/** What an upload is begun with. */
export interface NewUpload {
  readonly key: string
  readonly description: Description
  /** The grant that it is written with. @default none: it is its owner's */
  readonly grant?: Uint8Array
}

interface OpenUpload {
  readonly id: TreeKey
  readonly row: UploadRow
}

/** An upload that is there. @throws StorageError STORAGE_UPLOAD_UNKNOWN */
export async function openUpload(rows: Rows, name: string): Promise<OpenUpload> {
  const open = await findUpload(rows, name)
  if (open !== undefined) return open
  throw new StorageError('STORAGE_UPLOAD_UNKNOWN', 'there is no such upload', { details: { upload: name } })
}

/** An upload, if it is there. */
export async function findUpload(rows: Rows, name: string): Promise<OpenUpload | undefined> {
  const id = uploadId(name)
  const value = id === undefined ? undefined : await rows.get(uploadKey(id))
  return id === undefined || value === undefined ? undefined : { id, row: uploadRowSchema.decodeMessage(value) }
}

/** @throws RangeError */
export function checkPartNumber(number: number): void {
  if (!Number.isInteger(number) || number < 1 || number > PARTS_MAX)
    throw new RangeError(`a part has a number of 1 to ${PARTS_MAX}, not ${number}`)
}

/** Puts a part in its place. @throws StorageError STORAGE_UPLOAD_UNKNOWN */
export async function addPart(
  rows: Transaction,
  {
    upload,
    number,
    terms,
  }: { readonly upload: string; readonly number: number; readonly terms: Pick<GarbageTerms, 'graceMs'> },
  part: { readonly lengthBytes: number; readonly etag: string; readonly stored: Stored },
): Promise<PartInfo> {
  const { id } = await openUpload(rows, upload)
  const key = partKey(id, number)
  const before = await rows.get(key)
  if (before !== undefined) await dropPart(rows, before, terms)
  const { lengthBytes, etag, stored } = part
  const row: PartRow = { version: 1, lengthBytes, etag, modifiedAt: rows.now, stored: rowOfStored(stored) }
  rows.put(key, partRowSchema.encodeMessage(row))
  return { number, lengthBytes, etag, modifiedAt: rows.now }
}

async function dropPart(rows: Transaction, value: Uint8Array, terms: Pick<GarbageTerms, 'graceMs'>): Promise<void> {
  const { stored, lengthBytes } = partRowSchema.decodeMessage(value)
  await drop(rows, { stored: storedOfRow(stored), lengthBytes }, terms)
}

/** @throws StorageError STORAGE_UPLOAD_UNKNOWN; RangeError */
export async function listParts(
  rows: Rows,
  upload: string,
  { after = 0, limit }: { readonly after?: number; readonly limit: number },
): Promise<readonly PartInfo[]> {
  checkLimit(limit, PARTS_MAX)
  const { id } = await openUpload(rows, upload)
  const { before } = partsRange(id)
  const parts: PartInfo[] = []
  if (after >= PARTS_MAX) return parts
  let from = partKey(id, after + 1)
  while (parts.length < limit) {
    const entry = await rows.first(from, before)
    if (entry === undefined) break
    const { lengthBytes, etag, modifiedAt } = partRowSchema.decodeMessage(entry.value)
    parts.push({ number: numberOfPart(entry.key), lengthBytes, etag, modifiedAt })
    from = `${entry.key}\u0000`
  }
  return parts
}

/** @throws RangeError */
export async function listUploads(
  rows: Rows,
  options: {
    readonly prefix?: string
    readonly after?: { readonly key: string; readonly id?: string }
    readonly limit: number
  },
): Promise<readonly UploadInfo[]> {
  checkLimit(options.limit, UPLOADS_LISTED_MAX)
  const { from: first, before } = uploadsRange(options.prefix ?? '')
  const { after } = options
  const start = after === undefined ? first : `${uploadByKey(after.key, uploadId(after.id ?? '') ?? ALL_IDS)}\u0000`
  const uploads: UploadInfo[] = []
  let from: TreeKey = start
  if (from < first) from = first
  while (uploads.length < options.limit && (before === undefined || from < before)) {
    const entry = await rows.first(from, before)
    if (entry === undefined) break
    const { key, id } = uploadOfKey(entry.key)
    uploads.push({ id: uploadName(id), key, begunAt: uploadRowSchema.decodeMessage(entry.value).begunAt })
    from = `${entry.key}\u0000`
  }
  return uploads
}

/** What an upload becomes. */
export interface Completion {
  readonly upload: string
  /** Where what it has become is looked for; undefined: nowhere. */
  readonly key: string | undefined
  readonly parts: readonly { readonly number: number; readonly etag: string }[]
  readonly etag: string
  readonly condition: WriteCondition | undefined
  /** An id that no other content has. */
  readonly content: TreeKey
}

/**
 * Makes a version of an upload's parts, which become the extents of one content. Parts that were left out are garbage. Said
 * again, because the first answer was lost, it gives the version that was made, if that is the latest one still.
 * @throws StorageError STORAGE_UPLOAD_UNKNOWN, STORAGE_PART_UNKNOWN, STORAGE_CONDITION
 */
export async function completeUpload(
  rows: Transaction,
  settings: SettingsRow,
  { completion, terms }: { readonly completion: Completion; readonly terms: Pick<GarbageTerms, 'graceMs'> },
): Promise<ObjectInfo> {
  const made = await versionMadeOf(rows, completion)
  if (made !== undefined) return made
  const { id, row } = await openUpload(rows, completion.upload)
  await checkCondition(rows, row.key, completion.condition)
  const parts = await takeParts(rows, id, completion.parts)
  const lengthBytes = parts.reduce((sum, part) => sum + part.lengthBytes, 0)
  const [only] = parts
  const stored =
    only !== undefined && parts.length === 1 ? storedOfRow(only.stored) : joinParts(rows, completion.content, parts)
  endUpload(rows, id, row.key)
  const { key, contentType, metadata } = row
  const description = { ...(contentType === undefined ? {} : { contentType }), metadata }
  const { etag } = completion
  const version = { key, description, lengthBytes, etag, isDeleted: false, stored, upload: bytesOfKey(id) }
  return await addVersion(rows, settings, { version, terms })
}

/** The latest version, if it is what an upload that ended has become. */
async function versionMadeOf(
  rows: Rows,
  { upload, key, etag }: Pick<Completion, 'upload' | 'key' | 'etag'>,
): Promise<ObjectInfo | undefined> {
  if (key === undefined || (await findUpload(rows, upload)) !== undefined) return undefined
  const made = await versionOfUpload(rows, key, upload)
  return made?.etag === etag ? made : undefined
}

/** The latest version of an object, if an upload became it. */
export async function versionOfUpload(rows: Rows, key: string, upload: string): Promise<ObjectInfo | undefined> {
  const latest = await latestVersion(rows, key)
  const made = latest?.row.upload
  if (latest === undefined || latest.row.isDeleted || made === undefined) return undefined
  return keyOfBytes(made) === uploadId(upload) ? infoOf(key, latest) : undefined
}

/** Gives an upload up; nothing when it is not there. */
export async function abortUpload(rows: Transaction, upload: string): Promise<void> {
  const id = uploadId(upload)
  const value = id === undefined ? undefined : await rows.get(uploadKey(id))
  if (id === undefined || value === undefined) return
  endUpload(rows, id, uploadRowSchema.decodeMessage(value).key)
}

function endUpload(rows: Transaction, id: TreeKey, key: string): void {
  rows.delete(uploadKey(id))
  rows.delete(uploadByKey(key, id))
  letGo(rows, rows.now, { upload: bytesOfKey(id) })
}

/** The parts that were asked for, whose bytes the caller holds from now on. */
async function takeParts(rows: Transaction, id: TreeKey, wanted: Completion['parts']): Promise<readonly PartRow[]> {
  const parts: PartRow[] = []
  let last = 0
  for (const { number, etag } of wanted) {
    const isNext = Number.isInteger(number) && number > last && number <= PARTS_MAX
    const value = isNext ? await rows.get(partKey(id, number)) : undefined
    const row = value === undefined ? undefined : partRowSchema.decodeMessage(value)
    if (row?.etag !== etag)
      throw new StorageError('STORAGE_PART_UNKNOWN', `part ${number} is not there, is another one, or out of order`, {
        details: { number, need: etag, have: row?.etag ?? 'none' },
      })
    rows.delete(partKey(id, number))
    parts.push(row)
    last = number
  }
  return parts
}

function joinParts(rows: Transaction, content: TreeKey, parts: readonly PartRow[]): Stored {
  let endByte = 0
  for (const { lengthBytes, stored } of parts) {
    // Nothing to read, and nothing to find it by.
    if (lengthBytes === 0) continue
    endByte += lengthBytes
    rows.put(extentKey(content, endByte), extentRowSchema.encodeMessage({ version: 1, lengthBytes, stored }))
  }
  rows.put(contentKey(content), contentRowSchema.encodeMessage({ version: 1, holders: 1, lengthBytes: endByte }))
  return { kind: 'content', content }
}
