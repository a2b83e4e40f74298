import type { UnixMs } from '@stead/core'
import {
  bytesToHex,
  defineSchema,
  flagField,
  optionalField,
  type Schema,
  textField,
  timeField,
  uintField,
  versionField,
} from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { grantKey, idOfKey, tableRange } from '../objects/row-keys.ts'
import { OBJECT_KEY_BYTES_MAX } from '../objects/rows.ts'
import type { Rows, Transaction } from '../objects/transaction.ts'
import { bytesOfKey, type TreeKey } from '../tree/tree-key.ts'

/** grants, of a bucket: who has its link may write there. */
export interface GrantRow {
  readonly version: 1
  /** A folder with its delimiter, the empty text for all of the bucket, or the key of one object. */
  readonly prefix: string
  readonly createdAt: UnixMs
  readonly expiresAt?: UnixMs
  /** It was taken back. */
  readonly endedAt?: UnixMs
  readonly mayReplace: boolean
  /** Bytes that may be written with it in all. */
  readonly limitBytes: number
  /** Those that were, whether they are still there or not. */
  readonly usedBytes: number
  /** Objects that were written. */
  readonly objects: number
}

const grantRowSchema: Schema<GrantRow> = defineSchema<GrantRow>('WriteGrantRow', 2048, {
  version: [1, versionField(1)],
  prefix: [2, textField(OBJECT_KEY_BYTES_MAX)],
  createdAt: [3, timeField],
  expiresAt: [4, optionalField(timeField)],
  endedAt: [5, optionalField(timeField)],
  mayReplace: [6, flagField],
  limitBytes: [7, uintField()],
  usedBytes: [8, uintField()],
  objects: [9, uintField()],
})

/** A grant of a bucket. */
export interface KnownGrant {
  readonly id: TreeKey
  readonly row: GrantRow
}

/** What the smallest object, and the smallest part of one, counts as: its row is not free either. */
export const GIVEN_BYTES_MIN = 4096

/** All grants of a bucket, those included that are over and not forgotten. */
export async function grantsIn(rows: Rows): Promise<readonly KnownGrant[]> {
  const found: KnownGrant[] = []
  let { from, before } = tableRange('grants')
  for (let entry = await rows.first(from, before); entry !== undefined; entry = await rows.first(from, before)) {
    found.push({ id: idOfKey(entry.key), row: grantRowSchema.decodeMessage(entry.value) })
    from = `${entry.key}\u0000`
  }
  return found
}

/** A grant, also one that is over. */
export async function grantIn(rows: Rows, id: TreeKey): Promise<GrantRow | undefined> {
  const value = await rows.get(grantKey(id))
  return value === undefined ? undefined : grantRowSchema.decodeMessage(value)
}

export function putGrant(rows: Transaction, { id, row }: KnownGrant): void {
  rows.put(grantKey(id), grantRowSchema.encodeMessage(row))
}

/** Whether nothing may be written with it any more. */
export function isGrantOver({ endedAt, expiresAt }: GrantRow, now: UnixMs): boolean {
  return endedAt !== undefined || (expiresAt !== undefined && expiresAt <= now)
}

/** A grant that may be written with now. @throws StorageError STORAGE_GRANT_ENDED */
export async function openGrant(rows: Rows, id: TreeKey, now: UnixMs): Promise<GrantRow> {
  const row = await grantIn(rows, id)
  if (row !== undefined && !isGrantOver(row, now)) return row
  const why =
    row === undefined || row.endedAt !== undefined ? 'was taken back by its owner' : 'is over: its time has come'
  throw new StorageError('STORAGE_GRANT_ENDED', `the link ${why}`)
}

/** What some bytes count as. */
export function chargeOf(lengthBytes: number): number {
  return Math.max(lengthBytes, GIVEN_BYTES_MIN)
}

/** Whether there is room for some bytes. @throws StorageError STORAGE_GRANT_SPENT */
export function checkRoom({ limitBytes, usedBytes }: GrantRow, needBytes: number): void {
  const leftBytes = limitBytes - usedBytes
  if (needBytes <= leftBytes) return
  throw new StorageError(
    'STORAGE_GRANT_SPENT',
    `the link takes ${leftBytes} bytes more of its ${limitBytes}, and this counts as ${needBytes}`,
    { details: { needBytes, leftBytes, limitBytes } },
  )
}

/** Counts bytes, and an object, as written. @throws StorageError STORAGE_GRANT_ENDED, STORAGE_GRANT_SPENT */
export async function charge(
  rows: Transaction,
  id: TreeKey,
  more: { readonly bytes: number; readonly objects: number },
): Promise<void> {
  const row = await openGrant(rows, id, rows.now)
  checkRoom(row, more.bytes)
  const usedBytes = row.usedBytes + more.bytes
  putGrant(rows, { id, row: { ...row, usedBytes, objects: row.objects + more.objects } })
}

/** A grant's id as people see it. */
export function nameOfGrant(id: TreeKey): string {
  return bytesToHex(bytesOfKey(id)).slice(2)
}
