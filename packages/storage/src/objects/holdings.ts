import { ProtocolError } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { borrowedKey, contentKey, extentsRange, garbageKey, packKey, partsRange, tableRange } from './row-keys.ts'
import {
  type ContentRow,
  contentRowSchema,
  extentRowSchema,
  type GarbageRow,
  garbageRowSchema,
  packRowSchema,
  partRowSchema,
} from './rows.ts'
import { type KeptSegment, type Stored, storedOfRow } from './stored.ts'
import type { Transaction } from './transaction.ts'

/** How garbage is let go. */
export interface GarbageTerms {
  /** Milliseconds that bytes stay after the last object that had them. */
  readonly graceMs: number
  /** Contents and packs that are being read here, which must stay. */
  readonly isPinned: (id: TreeKey) => boolean
}

/** Garbage rows looked at in one commit, and rows below them that are let go. */
const [GARBAGE_ROWS_MAX, DROPS_MAX] = [64, 256]

/** Bytes that somebody holds. */
export interface Held {
  readonly stored: Stored
  readonly lengthBytes: number
}

/** Counts one holder more. @throws StorageError STORAGE_OBJECT_UNKNOWN when the bytes are let go already */
export async function hold(rows: Transaction, { stored, lengthBytes }: Held): Promise<void> {
  if (stored.kind === 'content') {
    const key = contentKey(stored.content)
    const content = contentRowSchema.decodeMessage((await rows.get(key)) ?? gone())
    rows.put(key, contentRowSchema.encodeMessage({ ...content, holders: content.holders + 1 }))
  }
  if (stored.kind === 'pack') {
    const key = packKey(stored.pack)
    const pack = packRowSchema.decodeMessage((await rows.get(key)) ?? gone())
    const liveBytes = pack.liveBytes + lengthBytes
    rows.put(key, packRowSchema.encodeMessage({ ...pack, holders: pack.holders + 1, liveBytes }))
  }
}

/** Counts one holder less; what nobody holds becomes garbage. */
export async function drop(
  rows: Transaction,
  { stored, lengthBytes }: Held,
  { graceMs }: Pick<GarbageTerms, 'graceMs'>,
): Promise<void> {
  const dueAtMs = rows.now + graceMs
  if (stored.kind === 'segment' && !stored.isLent) rows.release(stored.segment.reference)
  if (stored.kind === 'content') {
    const key = contentKey(stored.content)
    const content = contentRowSchema.decodeMessage((await rows.get(key)) ?? gone())
    const holders = content.holders - 1
    rows.put(key, contentRowSchema.encodeMessage({ ...content, holders }))
    if (holders === 0) letContentGo(rows, dueAtMs, { id: stored.content, content })
  }
  if (stored.kind === 'pack') {
    const key = packKey(stored.pack)
    const pack = packRowSchema.decodeMessage((await rows.get(key)) ?? gone())
    const holders = pack.holders - 1
    const liveBytes = pack.liveBytes - lengthBytes
    rows.put(key, packRowSchema.encodeMessage({ ...pack, holders, liveBytes }))
    if (holders === 0) letGo(rows, dueAtMs, { pack: bytesOfKey(stored.pack) })
  }
}

/** Notes that a content is garbage from a time on; one that was lent is given back by a sweep first. */
export function letContentGo(
  rows: Transaction,
  dueAtMs: number,
  { id, content }: { readonly id: TreeKey; readonly content: Pick<ContentRow, 'lender'> },
): void {
  const what = { content: bytesOfKey(id) }
  if (content.lender === undefined) letGo(rows, dueAtMs, what)
  else rows.put(borrowedKey(dueAtMs, rows.stamp()), garbageRowSchema.encodeMessage({ version: 1, ...what }))
}

/** Notes what is garbage from a time on. */
export function letGo(rows: Transaction, dueAtMs: number, what: Omit<GarbageRow, 'version'>): void {
  rows.put(garbageKey(dueAtMs, rows.stamp()), garbageRowSchema.encodeMessage({ version: 1, ...what }))
}

/** A pack's segment, kept before any object in it. */
export function addPack(
  rows: Transaction,
  pack: TreeKey,
  { segment, lengthBytes }: { readonly segment: KeptSegment; readonly lengthBytes: number },
): void {
  const row = { version: 1, holders: 0, liveBytes: 0, lengthBytes, ...segment } as const
  rows.put(packKey(pack), packRowSchema.encodeMessage(row))
}

/**
 * Lets go of garbage that is due, some of it: extents, parts and counts go with it, whose segments are released.
 * @returns whether anything was let go, so that there may be more
 */
export async function dropGarbage(rows: Transaction, terms: GarbageTerms): Promise<boolean> {
  const before = garbageKey(rows.now + 1, '')
  let { from } = tableRange('garbage')
  let drops = DROPS_MAX
  let isDropped = false
  for (let looked = 0; looked < GARBAGE_ROWS_MAX && drops > 0; looked++) {
    const entry = await rows.first(from, before)
    if (entry === undefined) break
    from = `${entry.key}\u0000`
    const garbage = garbageRowSchema.decodeMessage(entry.value)
    const id = keyOfBytes(garbage.content ?? garbage.pack ?? new Uint8Array(0))
    if (terms.isPinned(id)) continue
    isDropped = true
    drops = await dropOne(rows, { terms, drops }, garbage)
    if (drops > 0) rows.delete(entry.key)
  }
  return isDropped
}

interface DropBudget {
  readonly terms: GarbageTerms
  readonly drops: number
}

/** Lets one thing go as far as the budget goes. @returns what is left of it, 0 when the thing is not done */
async function dropOne(
  rows: Transaction,
  { terms, drops }: DropBudget,
  { content, upload, pack }: GarbageRow,
): Promise<number> {
  if (pack !== undefined) {
    const key = packKey(keyOfBytes(pack))
    const row = await rows.get(key)
    // Objects of one batch that replaced each other may have emptied it twice.
    if (row === undefined) return drops - 1
    const { holders, reference } = packRowSchema.decodeMessage(row)
    if (holders > 0) return drops - 1
    rows.release(reference)
    rows.delete(key)
    return drops - 1
  }
  if (upload !== undefined) return await dropRange(rows, { terms, drops }, partsRange(keyOfBytes(upload)))
  if (content === undefined) throw new ProtocolError('PROTOCOL_MALFORMED', 'a row of garbage does not say what it is')
  const key = contentKey(keyOfBytes(content))
  const row = await rows.get(key)
  if (row === undefined || contentRowSchema.decodeMessage(row).holders > 0) return drops - 1
  const left = await dropRange(rows, { terms, drops }, extentsRange(keyOfBytes(content)))
  if (left > 0) rows.delete(key)
  return left
}

async function dropRange(
  rows: Transaction,
  { terms, drops }: DropBudget,
  { from, before }: { readonly from: TreeKey; readonly before: TreeKey | undefined },
): Promise<number> {
  const schema = from.startsWith(tableRange('parts').from) ? partRowSchema : extentRowSchema
  for (let left = drops - 1; left > 0; left--) {
    const entry = await rows.first(from, before)
    if (entry === undefined) return left
    const { stored, lengthBytes } = schema.decodeMessage(entry.value)
    await drop(rows, { stored: storedOfRow(stored), lengthBytes }, terms)
    rows.delete(entry.key)
  }
  return 0
}

function gone(): never {
  throw new StorageError('STORAGE_OBJECT_UNKNOWN', 'the bytes of this object are not kept any more')
}
