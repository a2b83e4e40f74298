import { bytesToHex, hexToBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { markChanged } from '../shares/share-marks.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import type { TreeEntry } from '../tree/tree-node.ts'
import { type OpenBucket, settingsOf } from './bucket-catalogue.ts'
import { drop, type GarbageTerms } from './holdings.ts'
import type { ObjectInfo, WriteCondition } from './object-store.ts'
import { nullKey, objectOfKey, versionKey, versionsRange } from './row-keys.ts'
import { type Description, type ObjectRow, objectRowSchema, type SettingsRow } from './rows.ts'
import { rowOfStored, type Stored, storedOfRow } from './stored.ts'
import { type Rows, STAMP_BYTES, type Transaction } from './transaction.ts'

/** The version of what was written while versioning was not on. */
export const NULL_VERSION = 'null'

/** A version that was found. */
export interface FoundVersion {
  readonly rowKey: TreeKey
  readonly stamp: TreeKey
  readonly row: ObjectRow
  readonly isLatest: boolean
}

/** The version of an entry. */
export function versionOfEntry({ key, value }: TreeEntry, isLatest: boolean): FoundVersion {
  return { rowKey: key, stamp: objectOfKey(key).stamp, row: objectRowSchema.decodeMessage(value), isLatest }
}

/** What callers are told of a version. */
export function infoOf(key: string, { stamp, row, isLatest }: FoundVersion): ObjectInfo {
  const { isDeleted, lengthBytes, modifiedAt, etag, contentType, metadata } = row
  return {
    key,
    version: row.isNull ? NULL_VERSION : versionOfStamp(stamp),
    isLatest,
    isDeleted,
    lengthBytes,
    modifiedAt,
    etag,
    contentType,
    metadata: Object.fromEntries(metadata.map(({ name, value }) => [name, value])),
  }
}

/** What a version and its copies are described by. */
export function descriptionOfRow({ contentType, metadata }: Description): Description {
  return { ...(contentType === undefined ? {} : { contentType }), metadata }
}

/** A stamp as text: what is newer sorts first. */
export function versionOfStamp(stamp: TreeKey): string {
  return bytesToHex(bytesOfKey(stamp)).slice(2)
}

/** The stamp of a version; undefined for what is none. */
export function stampOfVersion(version: string): TreeKey | undefined {
  return /^[0-9a-f]+$/.test(version) && version.length === 2 * STAMP_BYTES ? keyOfBytes(hexToBytes(version)) : undefined
}

/** The newest version, also one that says that the object was deleted. */
export async function latestVersion(rows: Rows, key: string): Promise<FoundVersion | undefined> {
  const { from, before } = versionsRange(key)
  const entry = await rows.first(from, before)
  return entry === undefined ? undefined : versionOfEntry(entry, true)
}

/** A version by its name; without one the latest, unless that says that the object was deleted. */
export async function findVersion(rows: Rows, key: string, version?: string): Promise<FoundVersion | undefined> {
  if (version !== undefined) return await namedVersion(rows, key, version)
  const latest = await latestVersion(rows, key)
  return latest?.row.isDeleted === true ? undefined : latest
}

/** As {@link findVersion}, of an object that has bytes. @throws StorageError STORAGE_OBJECT_UNKNOWN */
export async function objectVersion(rows: Rows, key: string, version?: string): Promise<FoundVersion> {
  const found = await findVersion(rows, key, version)
  if (found !== undefined && !found.row.isDeleted) return found
  throw new StorageError('STORAGE_OBJECT_UNKNOWN', `there is no object ${key}`, { details: { key, version } })
}

/** As {@link objectVersion}, in the newest rows of a bucket. @throws StorageError STORAGE_BUCKET_UNKNOWN; as the tree */
export async function objectIn({ row, tree }: OpenBucket, key: string, version?: string): Promise<FoundVersion> {
  return await tree.read(async (rows) => {
    await settingsOf(rows, row.name)
    return await objectVersion(rows, key, version)
  })
}

/** A version by its name. */
export async function namedVersion(rows: Rows, key: string, version: string): Promise<FoundVersion | undefined> {
  const latest = await latestVersion(rows, key)
  if (latest === undefined || version === NULL_VERSION) return await nullVersion(rows, key, latest)
  const stamp = stampOfVersion(version)
  if (stamp === undefined) return undefined
  const rowKey = versionKey(key, stamp)
  const value = await rows.get(rowKey)
  if (value === undefined) return undefined
  const found = versionOfEntry({ key: rowKey, value }, rowKey === latest.rowKey)
  return found.row.isNull ? undefined : found
}

/** Where the null version is: it is the latest, or a row says it. */
async function nullVersion(
  rows: Rows,
  key: string,
  latest: FoundVersion | undefined,
): Promise<FoundVersion | undefined> {
  if (latest === undefined || latest.row.isNull) return latest
  const stamp = await rows.get(nullKey(key))
  if (stamp === undefined) return undefined
  const rowKey = versionKey(key, keyOfBytes(stamp))
  const value = await rows.get(rowKey)
  return value === undefined ? undefined : versionOfEntry({ key: rowKey, value }, false)
}

/** @throws StorageError STORAGE_CONDITION */
export async function checkCondition(rows: Rows, key: string, condition: WriteCondition | undefined): Promise<void> {
  if (condition === undefined) return
  const latest = await latestVersion(rows, key)
  const etag = latest === undefined || latest.row.isDeleted ? undefined : latest.row.etag
  const holds = condition.is === 'absent' ? etag === undefined : etag === condition.etag
  if (holds) return
  throw new StorageError('STORAGE_CONDITION', `the object ${key} is not what the write was to replace`, {
    details: { key, need: condition.is === 'absent' ? 'none' : condition.etag, have: etag ?? 'none' },
  })
}

/** What a new version is made of. */
export interface NewVersion {
  readonly key: string
  readonly description: Description
  readonly lengthBytes: number
  readonly etag: string
  readonly isDeleted: boolean
  /** Held by this version from now on. */
  readonly stored: Stored
  /** The upload that becomes this version. */
  readonly upload?: Uint8Array
}

/** Writes a version on top: in place of the null version where versioning is not on. */
export async function addVersion(
  rows: Transaction,
  { versioning }: Pick<SettingsRow, 'versioning'>,
  { version, terms }: { readonly version: NewVersion; readonly terms: Pick<GarbageTerms, 'graceMs'> },
): Promise<ObjectInfo> {
  const { key, description, lengthBytes, etag, isDeleted, stored, upload } = version
  const isNull = versioning !== 'on'
  const latest = await latestVersion(rows, key)
  if (isNull) {
    const replaced = await nullVersion(rows, key, latest)
    if (replaced !== undefined) await removeVersion(rows, key, { found: replaced, terms })
  } else if (latest?.row.isNull === true) rows.put(nullKey(key), bytesOfKey(latest.stamp))
  const stamp = rows.stamp()
  const row: ObjectRow = {
    version: 1,
    modifiedAt: rows.now,
    lengthBytes,
    etag,
    isDeleted,
    isNull,
    stored: rowOfStored(stored),
    ...description,
    ...(upload === undefined ? {} : { upload }),
  }
  rows.put(versionKey(key, stamp), objectRowSchema.encodeMessage(row))
  await markChanged(rows, key)
  return infoOf(key, { rowKey: '', stamp, row, isLatest: true })
}

/** Takes a version away for good. */
export async function removeVersion(
  rows: Transaction,
  key: string,
  { found, terms }: { readonly found: FoundVersion; readonly terms: Pick<GarbageTerms, 'graceMs'> },
): Promise<void> {
  rows.delete(found.rowKey)
  if (found.row.isNull) rows.delete(nullKey(key))
  await markChanged(rows, key)
  const { stored, lengthBytes } = found.row
  await drop(rows, { stored: storedOfRow(stored), lengthBytes }, terms)
}
