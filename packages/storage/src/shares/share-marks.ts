import type { UnixMs } from '@stead/core'
import { changeKey, changesRange, idOfKey, settingsKey, shareKey, tableRange } from '../objects/row-keys.ts'
import { settingsRowSchema } from '../objects/rows.ts'
import type { Rows, Transaction } from '../objects/transaction.ts'
import { bytesOfKey, type TreeKey } from '../tree/tree-key.ts'
import { type ShareRow, shareRowSchema } from './share-rows.ts'
import { stepsOf } from './share-secrets.ts'

/** A share of a bucket. */
export interface KnownShare {
  readonly id: TreeKey
  readonly row: ShareRow
}

/** Marks that are taken away in one commit. */
const MARKS_AT_ONCE = 256

/** Whether a prefix means all that is under it, or one object. */
export function isFolder(prefix: string): boolean {
  return prefix === '' || prefix.endsWith('/')
}

/** Where an object is in a share; undefined when the share does not show it. */
export function pathIn(prefix: string, key: string): string | undefined {
  // The marker that some programs keep for an empty folder is the folder itself.
  if (isFolder(prefix)) return key.startsWith(prefix) && key !== prefix ? key.slice(prefix.length) : undefined
  return key === prefix ? stepsOf(key).name : undefined
}

/** Whether nothing is to be shown any more. */
export function isOver({ endedAt, expiresAt }: ShareRow, now: UnixMs): boolean {
  return endedAt !== undefined || (expiresAt !== undefined && expiresAt <= now)
}

/** All shares of a bucket, those included that have ended and are not forgotten. */
export async function sharesIn(rows: Rows): Promise<readonly KnownShare[]> {
  const found: KnownShare[] = []
  let { from, before } = tableRange('shares')
  for (let entry = await rows.first(from, before); entry !== undefined; entry = await rows.first(from, before)) {
    found.push({ id: idOfKey(entry.key), row: shareRowSchema.decodeMessage(entry.value) })
    from = `${entry.key}\u0000`
  }
  return found
}

export function putShare(rows: Transaction, id: TreeKey, row: ShareRow): void {
  rows.put(shareKey(id), shareRowSchema.encodeMessage(row))
}

/** A share, unless it has ended. */
export async function liveShare(rows: Rows, id: TreeKey): Promise<ShareRow | undefined> {
  const value = await rows.get(shareKey(id))
  const row = value === undefined ? undefined : shareRowSchema.decodeMessage(value)
  return row?.endedAt === undefined ? row : undefined
}

/** Notes that a share has ended; its tree is still to be erased. */
export async function endShare(rows: Transaction, id: TreeKey): Promise<void> {
  const row = await liveShare(rows, id)
  if (row === undefined) return
  putShare(rows, id, { ...row, endedAt: rows.now })
  const isLast = (await sharesIn(rows)).every((other) => other.row.endedAt !== undefined)
  const value = await rows.get(settingsKey)
  if (!isLast || value === undefined) return
  const settings = settingsRowSchema.decodeMessage(value)
  rows.put(settingsKey, settingsRowSchema.encodeMessage({ ...settings, hasShares: false }))
}

/** Notes in the change of an object that shares must show it; says nothing where a bucket has none. */
export async function markChanged(rows: Transaction, key: string): Promise<void> {
  const settings = await rows.get(settingsKey)
  if (settings === undefined || settingsRowSchema.decodeMessage(settings).hasShares !== true) return
  for (const { id, row } of await sharesIn(rows))
    if (row.endedAt === undefined && pathIn(row.prefix, key) !== undefined) mark(rows, id, key)
}

/** Notes that a share is to show an object as it is. */
export function mark(rows: Transaction, share: TreeKey, key: string): void {
  rows.put(changeKey(share, key), bytesOfKey(rows.stamp()))
}

/** Takes some marks of a share away. @returns whether there are more */
export async function dropMarks(rows: Transaction, share: TreeKey): Promise<boolean> {
  const { from, before } = changesRange(share)
  for (let count = 0; count < MARKS_AT_ONCE; count++) {
    const entry = await rows.first(from, before)
    if (entry === undefined) return false
    rows.delete(entry.key)
  }
  return true
}
