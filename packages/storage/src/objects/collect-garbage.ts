import type { Clock, Logger } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import type { WriteGrants } from '../grants/write-grants.ts'
import type { ObjectStoreOptions } from '../options.ts'
import type { ObjectShares } from '../shares/object-shares.ts'
import { sharesIn } from '../shares/share-marks.ts'
import { keyOfBytes } from '../tree/tree-key.ts'
import { returnHold } from './borrow-content.ts'
import type { BucketCatalogue } from './bucket-catalogue.ts'
import { dropGarbage, letContentGo, letGo } from './holdings.ts'
import { repackObjects } from './repack-objects.ts'
import { borrowedKey, contentKey, idOfKey, tableRange } from './row-keys.ts'
import { contentRowSchema, garbageRowSchema } from './rows.ts'
import { NEWEST, type SealedTree } from './sealed-tree.ts'
import type { ListedSegment, SegmentStore } from './segment-store.ts'
import { forEachReferenceOf } from './tree-references.ts'

/** What a sweep works with. */
export interface CollectComponents {
  readonly catalogue: BucketCatalogue
  readonly shares: ObjectShares
  readonly grants: WriteGrants
  readonly segments: SegmentStore
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/** What a sweep found. */
export interface CollectReport {
  /** Segments that no tree knew. */
  readonly releasedSegments: number
  /** Writes that got nowhere. */
  readonly expiredWrites: number
  /** Small objects that were written again, because most of what they shared a segment with is gone. */
  readonly repackedObjects: number
}

/** Segments that are looked for in the trees at once: some megabytes of memory. */
const SEGMENTS_AT_ONCE = 20_000
const LIST_LIMIT = 1000

/** Lets go of what is due, then of segments that nothing refers to and that are too old to be just being written. */
export async function collectGarbage(
  { catalogue, shares, grants, segments, clock, logger }: CollectComponents,
  { graceMs, keepUnfinishedMs }: Pick<ObjectStoreOptions, 'graceMs' | 'keepUnfinishedMs'>,
): Promise<CollectReport> {
  let [expiredWrites, repackedObjects] = [0, 0]
  const deleted = await catalogue.deletedRows()
  const all = [...(await catalogue.rows()), ...deleted]
  // Whoever borrowed knows the name of the lender's tree, and not who keeps its pointer.
  for (const row of all) catalogue.treeOf(row)
  for (const row of all) {
    const tree = catalogue.treeOf(row)
    await shares.sweep({ row, tree }, deleted.includes(row))
    await grants.sweep({ row, tree })
    for (const share of await shares.treesOf({ row, tree })) await dropDue(share, graceMs)
    expiredWrites += await expireWrites(tree, keepUnfinishedMs)
    repackedObjects += await repackObjects(tree, { graceMs, logger })
    await giveBack(catalogue, tree, { graceMs, now: clock.now() })
    await dropDue(tree, graceMs)
  }
  for (const row of await catalogue.deletedRows()) {
    const isEmpty = await catalogue.treeOf(row).read(async (rows) => {
      const { from, before } = tableRange('contents')
      const packs = tableRange('packs')
      return (
        (await rows.first(from, before)) === undefined &&
        (await rows.first(packs.from, packs.before)) === undefined &&
        (await sharesIn(rows)).length === 0
      )
    })
    if (isEmpty) await catalogue.forget(row)
  }
  await catalogue.tree.stop()
  let releasedSegments = 0
  const listedBefore = clock.now() - keepUnfinishedMs
  let after: Uint8Array | undefined
  for (;;) {
    const page = await oldSegments(segments, after, listedBefore)
    for (const reference of await unknownOf({ catalogue, shares }, page.found)) {
      await segments.release(reference)
      releasedSegments++
    }
    after = page.after
    if (after === undefined) break
  }
  const report = { releasedSegments, expiredWrites, repackedObjects }
  logger.info('garbage of objects was collected', report)
  return report
}

/** Makes garbage of contents whose writers are long gone. @returns how many */
async function expireWrites(tree: SealedTree, keepUnfinishedMs: number): Promise<number> {
  const found = await tree.read(async (rows) => {
    const expired: string[] = []
    const { from, before } = tableRange('contents')
    for await (const { key, value } of rows.scan(from, before))
      if (contentRowSchema.decodeMessage(value).unfinishedAt !== undefined) expired.push(idOfKey(key))
    return expired
  })
  let count = 0
  for (const id of found)
    count += await tree.write(async (rows) => {
      const value = await rows.get(contentKey(id))
      const row = value === undefined ? undefined : contentRowSchema.decodeMessage(value)
      if (row?.unfinishedAt === undefined || rows.now - row.unfinishedAt < keepUnfinishedMs) return 0
      const { unfinishedAt: _, ...content } = row
      rows.put(contentKey(id), contentRowSchema.encodeMessage(content))
      letContentGo(rows, rows.now, { id, content })
      return 1
    })
  return count
}

/** Gives back what was borrowed from other buckets and is due; what is left of it here is garbage then. */
async function giveBack(
  catalogue: BucketCatalogue,
  tree: SealedTree,
  { graceMs, now }: { readonly graceMs: number; readonly now: number },
): Promise<void> {
  const { from } = tableRange('borrowed')
  const before = borrowedKey(now + 1, '')
  for (let next = from; ; ) {
    const entry = await tree.read((rows) => rows.first(next, before))
    if (entry === undefined) return
    next = `${entry.key}\u0000`
    const { content = new Uint8Array(0) } = garbageRowSchema.decodeMessage(entry.value)
    const id = keyOfBytes(content)
    if (tree.pins.hasBytes(id)) continue
    const value = await tree.read((rows) => rows.get(contentKey(id)))
    const { lender } = value === undefined ? {} : contentRowSchema.decodeMessage(value)
    if (lender !== undefined) {
      const { bucket, generation, hold } = lender
      await returnHold(catalogue.treeOf({ name: bucket, generation }), hold, { graceMs })
    }
    await tree.write(async (rows) => {
      if ((await rows.get(entry.key)) === undefined) return
      rows.delete(entry.key)
      letGo(rows, rows.now, { content })
    })
  }
}

/** Lets go of all that is due. */
async function dropDue(tree: SealedTree, graceMs: number): Promise<void> {
  const isPinned = (id: string): boolean => tree.pins.hasBytes(id)
  for (let isMore = true; isMore; ) isMore = await tree.write((rows) => dropGarbage(rows, { graceMs, isPinned }))
}

/** The next segments of the list that are old enough. */
async function oldSegments(
  segments: SegmentStore,
  start: Uint8Array | undefined,
  keptBefore: number,
): Promise<{ readonly found: readonly Uint8Array[]; readonly after: Uint8Array | undefined }> {
  const found: Uint8Array[] = []
  let after = start
  while (found.length < SEGMENTS_AT_ONCE) {
    const page: readonly ListedSegment[] = await segments.list(after, LIST_LIMIT)
    after = page.at(-1)?.reference
    if (after === undefined) return { found, after }
    found.push(...page.filter(({ keptAt }) => keptAt < keptBefore).map(({ reference }) => reference))
  }
  return { found, after }
}

/** Those of some segments that no tree knows. */
async function unknownOf(
  { catalogue, shares }: Pick<CollectComponents, 'catalogue' | 'shares'>,
  page: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  if (page.length === 0) return []
  const unknown = new Map(page.map((reference) => [bytesToHex(reference), reference]))
  await forEachReference({ catalogue, shares }, (reference) => unknown.delete(bytesToHex(reference)))
  return [...unknown.values()]
}

/** Visits every segment that any tree refers to, some of them more than once. @throws as the trees: then some were left out */
export async function forEachReference(
  { catalogue, shares }: Pick<CollectComponents, 'catalogue' | 'shares'>,
  visit: (reference: Uint8Array) => unknown,
): Promise<void> {
  await forEachReferenceOf(catalogue.tree, visit)
  for (const row of [...(await catalogue.rows(NEWEST)), ...(await catalogue.deletedRows(NEWEST))]) {
    const tree = catalogue.treeOf(row)
    await forEachReferenceOf(tree, visit)
    for (const share of await shares.treesOf({ row, tree })) await forEachReferenceOf(share, visit)
  }
}
