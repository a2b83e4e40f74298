import { PathSecret } from '../keys/path-secret.ts'
import type { GarbageTerms } from '../objects/holdings.ts'
import { drop, hold } from '../objects/holdings.ts'
import { entriesRange, entryKey, oldContentKey, sharedExtentKey, tableRange } from '../objects/row-keys.ts'
import type { Rows, Transaction } from '../objects/transaction.ts'
import { sealedBytesOf } from '../segment/segment-layout.ts'
import { keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import {
  entryRowSchema,
  type OldContent,
  oldContentSchema,
  padName,
  padRow,
  type SharedEntry,
  type SharedExtent,
  type SharedFile,
  type SharedStored,
  sharedEntrySchema,
  sharedExtentSchema,
  unpad,
} from './share-rows.ts'
import { fileIn, placeOf, type ShareSecrets, stepsOf } from './share-secrets.ts'

type Terms = Pick<GarbageTerms, 'graceMs'>

/** Rows of old contents that are taken away in one commit. */
const DROPS_MAX = 128

/** Shows a file at a path, in place of what was there; folders on the way are shown as well. */
export async function putFile(
  rows: Transaction,
  secrets: ShareSecrets,
  { path, file, terms }: { readonly path: string; readonly file: SharedFile; readonly terms: Terms },
): Promise<void> {
  const { folders, name } = stepsOf(path)
  let { folder } = secrets
  for (const step of folders) {
    const below = folder.below(step)
    const key = entryKey(placeOf(folder), placeOf(below))
    if ((await rows.get(key)) === undefined) rows.put(key, sealedEntry({ folder, secret: below }, step, { version: 1 }))
    folder = below
  }
  const secret = fileIn(folder, name)
  const key = entryKey(placeOf(folder), placeOf(secret))
  await letGoOf(rows, secrets, { value: await rows.get(key), secret, terms })
  await holdPack(rows, file)
  rows.put(key, sealedEntry({ folder, secret }, name, { version: 1, file }))
}

/** Shows nothing at a path any more, nor the folders that are empty now. */
export async function removeFile(
  rows: Transaction,
  secrets: ShareSecrets,
  { path, terms }: { readonly path: string; readonly terms: Terms },
): Promise<void> {
  const { folders, name } = stepsOf(path)
  const chain = [secrets.folder]
  for (const step of folders) chain.push((chain.at(-1) ?? secrets.folder).below(step))
  const last = chain.at(-1) ?? secrets.folder
  const secret = fileIn(last, name)
  const key = entryKey(placeOf(last), placeOf(secret))
  const value = await rows.get(key)
  if (value === undefined) return
  await letGoOf(rows, secrets, { value, secret, terms })
  rows.delete(key)
  for (let depth = chain.length - 1; depth > 0; depth--) {
    const [folder, above] = [chain[depth] ?? last, chain[depth - 1] ?? secrets.folder]
    const { from, before } = entriesRange(placeOf(folder))
    if ((await rows.first(from, before)) !== undefined) return
    rows.delete(entryKey(placeOf(above), placeOf(folder)))
  }
}

/** What lies at a place. @throws StorageError STORAGE_NOT_AUTHENTIC */
export function openEntry(secret: PathSecret, value: Uint8Array): SharedEntry {
  return sharedEntrySchema.decodeMessage(unpad(secret.openRow(entryRowSchema.decodeMessage(value).entry)))
}

function sealedEntry(
  { folder, secret }: { readonly folder: PathSecret; readonly secret: PathSecret },
  name: string,
  entry: SharedEntry,
): Uint8Array {
  return entryRowSchema.encodeMessage({
    version: 1,
    name: folder.sealRow(padName(name)),
    entry: secret.sealRow(padRow(sharedEntrySchema.encodeMessage(entry))),
  })
}

/** The secret of an extent of a content. */
function extentSecret(content: Uint8Array, index: number): PathSecret {
  return new PathSecret(content).below(String(index))
}

/** Notes an extent of a content that no file has yet. */
export async function putExtent(
  rows: Transaction,
  { content, index, extent }: { readonly content: Uint8Array; readonly index: number; readonly extent: SharedExtent },
): Promise<void> {
  const secret = extentSecret(content, index)
  await holdPack(rows, extent)
  rows.put(sharedExtentKey(placeOf(secret)), secret.sealRow(padRow(sharedExtentSchema.encodeMessage(extent))))
}

/** An extent of a content; undefined when it is gone. @throws StorageError STORAGE_NOT_AUTHENTIC */
export async function extentOf(
  rows: Pick<Rows, 'get'>,
  content: Uint8Array,
  index: number,
): Promise<SharedExtent | undefined> {
  const secret = extentSecret(content, index)
  const value = await rows.get(sharedExtentKey(placeOf(secret)))
  return value === undefined ? undefined : sharedExtentSchema.decodeMessage(unpad(secret.openRow(value)))
}

/** Notes a content whose extents go from a time on. */
export function noteOldContent(
  rows: Transaction,
  { own }: Pick<ShareSecrets, 'own'>,
  {
    dueAtMs,
    id,
    content,
  }: { readonly dueAtMs: number; readonly id: TreeKey; readonly content: Omit<OldContent, 'version'> },
): void {
  const row = oldContentSchema.encodeMessage({ version: 1, ...content })
  rows.put(oldContentKey(dueAtMs, id), own.sealRow(row))
}

/** Takes some extents of contents away that are due. @returns whether there may be more */
export async function dropOldContents(
  rows: Transaction,
  { own }: Pick<ShareSecrets, 'own'>,
  terms: Terms,
): Promise<boolean> {
  const before = oldContentKey(rows.now + 1, '')
  const entry = await rows.first(tableRange('oldContents').from, before)
  if (entry === undefined) return false
  const { secret, extents } = oldContentSchema.decodeMessage(own.openRow(entry.value))
  const left = Math.max(0, extents - DROPS_MAX)
  for (let index = left; index < extents; index++) {
    const extent = await extentOf(rows, secret, index)
    if (extent === undefined) continue
    await dropPack(rows, extent, terms)
    rows.delete(sharedExtentKey(placeOf(extentSecret(secret, index))))
  }
  if (left === 0) rows.delete(entry.key)
  else rows.put(entry.key, own.sealRow(oldContentSchema.encodeMessage({ version: 1, secret, extents: left })))
  return true
}

async function letGoOf(
  rows: Transaction,
  secrets: ShareSecrets,
  {
    value,
    secret,
    terms,
  }: { readonly value: Uint8Array | undefined; readonly secret: PathSecret; readonly terms: Terms },
): Promise<void> {
  const file = value === undefined ? undefined : openEntry(secret, value).file
  if (file === undefined) return
  await dropPack(rows, file, terms)
  const { content, extents = 0 } = file.stored
  if (content === undefined) return
  const dueAtMs = rows.now + terms.graceMs
  noteOldContent(rows, secrets, { dueAtMs, id: rows.stamp(), content: { secret: content, extents } })
}

interface Packed {
  readonly lengthBytes: number
  readonly stored: SharedStored
}

async function holdPack(rows: Transaction, { lengthBytes, stored: { pack, fromByte = 0 } }: Packed): Promise<void> {
  if (pack === undefined) return
  await hold(rows, {
    stored: { kind: 'pack', pack: keyOfBytes(pack), fromByte },
    lengthBytes: sealedBytesOf(lengthBytes),
  })
}

async function dropPack(
  rows: Transaction,
  { lengthBytes, stored: { pack, fromByte = 0 } }: Packed,
  terms: Terms,
): Promise<void> {
  if (pack === undefined) return
  const stored = { kind: 'pack', pack: keyOfBytes(pack), fromByte } as const
  await drop(rows, { stored, lengthBytes: sealedBytesOf(lengthBytes) }, terms)
}
