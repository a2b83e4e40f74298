import type { Clock, Random, UnixMs } from '@stead/core'
import { hexToBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import type { BodyIntake } from '../objects/body-intake.ts'
import { type BucketCatalogue, type OpenBucket, settingsOf } from '../objects/bucket-catalogue.ts'
import { checkObjectKey } from '../objects/names.ts'
import { grantKey, ID_BYTES, idOfKey, tableRange } from '../objects/row-keys.ts'
import { uploadRowSchema } from '../objects/rows.ts'
import { NEWEST } from '../objects/sealed-tree.ts'
import type { Rows } from '../objects/transaction.ts'
import { abortUpload, uploadName } from '../objects/uploads.ts'
import type { ObjectStoreOptions } from '../options.ts'
import { isFolder } from '../shares/share-marks.ts'
import { stepsOf } from '../shares/share-secrets.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { GrantIntake } from './grant-intake.ts'
import {
  GIVEN_BYTES_MIN,
  type GrantRow,
  grantIn,
  grantsIn,
  isGrantOver,
  type KnownGrant,
  nameOfGrant,
  putGrant,
} from './grant-rows.ts'
import { grantSecret } from './grant-scope.ts'
import type { WriteLink } from './write-link.ts'

/** What {@link WriteGrants} stand on. */
export interface WriteGrantsComponents {
  readonly catalogue: BucketCatalogue
  readonly intake: BodyIntake
  /** What all buckets follow from. */
  readonly secret: PathSecret
  readonly random: Random
  readonly clock: Pick<Clock, 'now'>
  /** Notes who pays here, before anything is written. */
  readonly beforeWrite: () => Promise<void>
  /** Has shares show what changed in a bucket that has some. */
  readonly onShown: (bucket: string) => void
}

/** What is granted. */
export interface GrantTerms {
  /** Bytes that may be written with it in all; each object counts as 4 KiB at least. 4096 .. 2^53 - 1. */
  readonly limitBytes: number
  /** @default when it is taken back */
  readonly expiresAt?: UnixMs | undefined
  /** Whether objects that are there may be replaced. @default false */
  readonly mayReplace?: boolean | undefined
}

/** A grant as its owner sees it. */
export interface GrantInfo {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly bucket: string
  /** A folder with its delimiter, the empty text for all of the bucket, or the key of one object. */
  readonly prefix: string
  readonly createdAt: UnixMs
  readonly expiresAt: UnixMs | undefined
  readonly mayReplace: boolean
  readonly limitBytes: number
  /** Bytes that were written with it, whether they are still there or not. */
  readonly usedBytes: number
  /** Objects that were written with it. */
  readonly objects: number
}

/** A grant, and what its holder is given, but for whose machine it is. */
export interface OpenedGrant {
  readonly info: GrantInfo
  readonly link: Omit<WriteLink, 'owner'>
}

/** Grants of one bucket. */
const GRANTS_MAX = 256
/** Grants that are over are forgotten after so long. */
const KEEP_ENDED_MS = 7 * 86_400_000
/** Who asks with a grant of which nothing is known any more is answered from memory for so long. */
const UNKNOWN_MS = 60_000
/** Grants of which that is remembered. */
const UNKNOWN_MAX = 1024

/**
 * Grants to write into a folder, with a budget of bytes: whoever has the link of one may write there, at the expense of
 * the bucket's owner, whose machine keeps count (ADR 15).
 */
export class WriteGrants {
  /** Takes what holders write. */
  readonly intake: GrantIntake
  readonly #components: WriteGrantsComponents
  readonly #options: Pick<ObjectStoreOptions, 'graceMs' | 'keepUnfinishedMs'>
  /** Where each grant is. */
  readonly #buckets = new Map<TreeKey, string>()
  /** Until when a grant that was looked for is known to be none. */
  readonly #unknown = new Map<TreeKey, number>()

  constructor(components: WriteGrantsComponents, options: Pick<ObjectStoreOptions, 'graceMs' | 'keepUnfinishedMs'>) {
    this.#components = components
    this.#options = options
    this.intake = new GrantIntake({ ...components, bucketOf: (id) => this.#bucketOf(id) }, options)
  }

  /**
   * Grants writing into a folder (a prefix that ends with `/`), a whole bucket (no prefix), or of one object.
   * @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_BAD_NAME, STORAGE_GRANT_ENDED, STORAGE_SHARE_LIMIT; RangeError for a
   * limit that is none
   */
  async grant(bucket: string, prefix: string, terms: GrantTerms): Promise<OpenedGrant> {
    const { catalogue, random, clock, beforeWrite } = this.#components
    const { limitBytes, expiresAt, mayReplace = false } = terms
    if (prefix !== '') checkObjectKey(prefix)
    if (!Number.isSafeInteger(limitBytes) || limitBytes < GIVEN_BYTES_MIN)
      throw new RangeError(`a link to write takes at least ${GIVEN_BYTES_MIN} bytes, not ${limitBytes}`)
    if (expiresAt !== undefined && expiresAt <= clock.now())
      throw new StorageError('STORAGE_GRANT_ENDED', 'a link to write cannot end before it begins')
    await beforeWrite()
    const id = keyOfBytes(random.bytes(ID_BYTES))
    const row = await catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.write(async (rows) => {
        await settingsOf(rows, bucket)
        const live = (await grantsIn(rows)).filter((known) => !isGrantOver(known.row, rows.now))
        if (live.length >= GRANTS_MAX)
          throw new StorageError('STORAGE_SHARE_LIMIT', `a bucket has at most ${GRANTS_MAX} links to write`, {
            details: { needGrants: live.length + 1, haveGrants: GRANTS_MAX },
          })
        const made: GrantRow = {
          ...{ version: 1, prefix, createdAt: rows.now, mayReplace, limitBytes, usedBytes: 0, objects: 0 },
          ...(expiresAt === undefined ? {} : { expiresAt }),
        }
        putGrant(rows, { id, row: made })
        return made
      })
    })
    this.#buckets.set(id, bucket)
    return this.#opened(bucket, { id, row })
  }

  /** A grant with what its holder is given. @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_SHARE_UNKNOWN */
  async open(bucket: string, id: string): Promise<OpenedGrant> {
    return this.#opened(bucket, await this.#rowOf(bucket, id))
  }

  /** Grants that are not over, in the order of their making. @throws StorageError STORAGE_BUCKET_UNKNOWN */
  async list(bucket: string): Promise<readonly GrantInfo[]> {
    const { clock } = this.#components
    const found = await this.#read(bucket, (rows) => grantsIn(rows))
    return found
      .filter(({ row }) => !isGrantOver(row, clock.now()))
      .map((known) => infoOf(bucket, known))
      .toSorted((left, right) => left.createdAt - right.createdAt)
  }

  /**
   * Takes a grant back: nothing is written with it from now on. What was written stays; what was begun goes.
   * @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_SHARE_UNKNOWN; as the tree
   */
  async end(bucket: string, id: string): Promise<GrantInfo> {
    const { catalogue } = this.#components
    const known = await this.#rowOf(bucket, id)
    await catalogue.inBucket(bucket, async (open) => {
      await open.tree.write(async (rows) => {
        await settingsOf(rows, bucket)
        const row = await grantIn(rows, known.id)
        if (row !== undefined && row.endedAt === undefined)
          putGrant(rows, { id: known.id, row: { ...row, endedAt: rows.now } })
      })
      await this.#abortUploads(open)
    })
    return infoOf(bucket, known)
  }

  /** Gives up what was begun with grants that are over, or long ago; forgets grants that were over long ago. */
  async sweep(open: OpenBucket): Promise<void> {
    const { clock } = this.#components
    // What was begun with a grant goes before that is forgotten. A grant that was just made somewhere has time.
    if ((await open.tree.readKnown((rows) => grantsIn(rows))).length === 0) return
    await this.#abortUploads(open)
    const found = await open.tree.read((rows) => grantsIn(rows), NEWEST)
    for (const { id, row } of found) {
      const endedAt = row.endedAt ?? row.expiresAt
      if (endedAt === undefined || clock.now() - endedAt <= KEEP_ENDED_MS) continue
      await open.tree.write(async (rows) => rows.delete(grantKey(id)))
    }
  }

  async #abortUploads({ tree }: OpenBucket): Promise<void> {
    const { clock } = this.#components
    const found = await tree.read(async (rows) => {
      const live = new Set<TreeKey>()
      for (const { id, row } of await grantsIn(rows)) if (!isGrantOver(row, clock.now())) live.add(id)
      const before = clock.now() - this.#options.keepUnfinishedMs
      const over: TreeKey[] = []
      const uploads = tableRange('uploads')
      for await (const { key, value } of rows.scan(uploads.from, uploads.before)) {
        const { grant, begunAt } = uploadRowSchema.decodeMessage(value)
        if (grant !== undefined && (begunAt < before || !live.has(keyOfBytes(grant)))) over.push(idOfKey(key))
      }
      return over
    }, NEWEST)
    for (const id of found) await tree.write((rows) => abortUpload(rows, uploadName(id)))
  }

  /** @throws StorageError STORAGE_GRANT_ENDED */
  async #bucketOf(id: TreeKey): Promise<string> {
    const { catalogue, clock } = this.#components
    const known = this.#buckets.get(id)
    if (known !== undefined) return known
    if ((this.#unknown.get(id) ?? 0) <= clock.now()) {
      for (const row of await catalogue.rows()) {
        const found = await catalogue.treeOf(row).read((rows) => grantIn(rows, id))
        if (found === undefined) continue
        this.#buckets.set(id, row.name)
        return row.name
      }
      this.#unknown.delete(id)
      this.#unknown.set(id, clock.now() + UNKNOWN_MS)
      const [oldest] = this.#unknown.keys()
      if (this.#unknown.size > UNKNOWN_MAX && oldest !== undefined) this.#unknown.delete(oldest)
    }
    throw new StorageError('STORAGE_GRANT_ENDED', 'the link was taken back by its owner, or is over')
  }

  async #rowOf(bucket: string, name: string): Promise<KnownGrant> {
    const { clock } = this.#components
    const isId = /^[0-9a-f]+$/.test(name) && name.length === 2 * ID_BYTES
    const id = isId ? keyOfBytes(hexToBytes(name)) : ''
    const row = await this.#read(bucket, async (rows) => (isId ? await grantIn(rows, id) : undefined))
    if (row === undefined || isGrantOver(row, clock.now()))
      throw new StorageError('STORAGE_SHARE_UNKNOWN', `there is no link to write ${name} of ${bucket}`, {
        details: { id: name },
      })
    return { id, row }
  }

  async #read<Result>(bucket: string, look: (rows: Rows) => Promise<Result>): Promise<Result> {
    return await this.#components.catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.read(async (rows) => {
        await settingsOf(rows, bucket)
        return await look(rows)
      })
    })
  }

  #opened(bucket: string, known: KnownGrant): OpenedGrant {
    const { prefix, expiresAt, mayReplace } = known.row
    const id = bytesOfKey(known.id)
    const { folders, name } = stepsOf(prefix)
    const isObject = !isFolder(prefix)
    return {
      info: infoOf(bucket, known),
      link: {
        version: 1,
        ...{ id, steps: [], secret: grantSecret(this.#components.secret, id).bytes() },
        ...{ name: isObject ? name : (folders.at(-1) ?? ''), isObject, mayReplace },
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
    }
  }
}

function infoOf(bucket: string, { id, row }: KnownGrant): GrantInfo {
  const { prefix, createdAt, expiresAt, mayReplace, limitBytes, usedBytes, objects } = row
  return { id: nameOfGrant(id), bucket, prefix, createdAt, expiresAt, mayReplace, limitBytes, usedBytes, objects }
}
