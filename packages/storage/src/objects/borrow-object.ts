import type { ObjectShares } from '../shares/object-shares.ts'
import type { TreeKey } from '../tree/tree-key.ts'
import { type BorrowComponents, borrowContent } from './borrow-content.ts'
import { type BucketCatalogue, type OpenBucket, settingsOf } from './bucket-catalogue.ts'
import type { GarbageTerms } from './holdings.ts'
import type { ObjectInfo, PutOptions } from './object-store.ts'
import {
  addVersion,
  checkCondition,
  descriptionOfRow,
  type FoundVersion,
  findVersion,
  objectIn,
} from './object-versions.ts'
import type { Description } from './rows.ts'
import { storedOfRow } from './stored.ts'
import type { Transaction } from './transaction.ts'

/** What is copied. */
export interface CopySource {
  readonly bucket: string
  readonly key: string
  /** @default the latest */
  readonly version?: string
}

/** Where a copy goes. */
export interface CopyTarget {
  readonly bucket: string
  readonly key: string
  /** @default that of the source */
  readonly description?: Description
}

/** A copy from one bucket to another. */
export interface CopyAcross {
  readonly from: CopySource
  readonly to: CopyTarget
  readonly condition: PutOptions['condition']
}

/** What objects are borrowed with. */
export interface BorrowObjectComponents extends BorrowComponents {
  readonly catalogue: BucketCatalogue
  /** Told of what is written where something is shared. */
  readonly shares: Pick<ObjectShares, 'poke'>
}

/** The version whose content is borrowed. */
interface Lending {
  readonly open: OpenBucket
  readonly found: FoundVersion
  readonly content: TreeKey
}

/** How often a copy begins anew whose source is replaced under it, before it reads and writes the bytes. */
const BORROW_TRIES = 3

/**
 * Copies an object of another bucket whose segments stay where they are.
 * @returns undefined for an object so small that it has no content of its own, and for one that is replaced again and
 * again: their bytes are to be read and written
 * @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_OBJECT_UNKNOWN, STORAGE_CONDITION, STORAGE_WRITE_LATE; as the trees
 */
export async function borrowObject(
  components: BorrowObjectComponents,
  copy: CopyAcross,
  terms: Pick<GarbageTerms, 'graceMs'>,
): Promise<ObjectInfo | undefined> {
  const { bucket, key, version } = copy.from
  for (let tries = 0; tries < BORROW_TRIES; tries++) {
    const { open, found } = await components.catalogue.inBucket(bucket, async (source) => ({
      open: source,
      found: await objectIn(source, key, version),
    }))
    const stored = storedOfRow(found.row.stored)
    if (stored.kind !== 'content') return undefined
    const info = await borrowFrom(components, { ...copy, open, found, content: stored.content }, terms)
    if (info !== undefined) return info
  }
  return undefined
}

/** @returns undefined when the object was replaced meanwhile */
async function borrowFrom(
  components: BorrowObjectComponents,
  { from, to: target, condition, open, found, content }: CopyAcross & Lending,
  terms: Pick<GarbageTerms, 'graceMs'>,
): Promise<ObjectInfo | undefined> {
  const { catalogue, shares } = components
  const { bucket, key, description = descriptionOfRow(found.row) } = target
  const to = await catalogue.inBucket(bucket, async (opened) => {
    await opened.tree.read(async (rows) => {
      await settingsOf(rows, bucket)
      await checkCondition(rows, key, condition)
    })
    return opened
  })
  const { lengthBytes, etag } = found.row
  const isThere = async (rows: Transaction): Promise<boolean> => {
    await settingsOf(rows, from.bucket)
    const now = await findVersion(rows, from.key, from.version)
    const stored = now === undefined ? undefined : storedOfRow(now.row.stored)
    return now?.stamp === found.stamp && stored?.kind === 'content' && stored.content === content
  }
  const borrowed = await borrowContent(components, { from: open, to, content, lengthBytes, isThere })
  if (borrowed === undefined) return undefined
  // After a commit that nobody answered it may be there: then nothing is given up.
  let [mayBeKept, hasShares] = [false, false]
  try {
    const info = await to.tree.write(async (rows) => {
      mayBeKept = false
      const settings = await settingsOf(rows, bucket)
      hasShares = settings.hasShares === true
      await checkCondition(rows, key, condition)
      const stored = await borrowed.finish(rows)
      const version = { key, description, lengthBytes, etag, isDeleted: false, stored }
      const written = await addVersion(rows, settings, { version, terms })
      mayBeKept = true
      return written
    })
    if (hasShares) shares.poke(bucket)
    return info
  } catch (error) {
    if (!mayBeKept) await borrowed.discard()
    throw error
  }
}
