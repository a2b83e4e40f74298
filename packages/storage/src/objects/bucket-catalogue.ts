import { hasCode, type Random, type UnixMs } from '@stead/core'
import { bytesToHex, equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { keyOfBytes } from '../tree/tree-key.ts'
import { BUCKET_LENGTH_MAX, checkBucketName } from './names.ts'
import type { BucketInfo } from './object-store.ts'
import { bucketKey, deletedBucketKey, ID_BYTES, payerKey, settingsKey, tableRange } from './row-keys.ts'
import {
  type BucketRow,
  bucketRowSchema,
  type Payer,
  type PayerRow,
  payerRowSchema,
  type SettingsRow,
  settingsRowSchema,
} from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import type { TreeOrigin } from './sealed-trees.ts'
import type { Rows, Transaction } from './transaction.ts'

/** A bucket that is there. */
export interface OpenBucket {
  readonly row: BucketRow
  readonly tree: SealedTree
}

/** What a {@link BucketCatalogue} works with. */
export interface CatalogueComponents {
  /** The tree that lists the buckets. */
  readonly tree: SealedTree
  /** The tree of a bucket, by its name and generation. */
  readonly treeOf: (path: readonly string[], origin: TreeOrigin) => SealedTree
  /** Draws who keeps the pointer of a new bucket. @default whoever keeps pointers anyway */
  readonly keepers: (() => Promise<Uint8Array>) | undefined
  readonly random: Random
}

/** Trees that are looked at together. */
const TREES_AT_ONCE = 8
const DEFAULT_SETTINGS: SettingsRow = { version: 1, versioning: 'off', isDeleted: false }

/** Which buckets there are. What a bucket is set to lies in its own tree, so that no write must look at two. */
export class BucketCatalogue {
  readonly #components: CatalogueComponents
  readonly #open = new Map<string, OpenBucket>()

  constructor(components: CatalogueComponents) {
    this.#components = components
  }

  /** In the order of their names. */
  async list(): Promise<readonly BucketInfo[]> {
    const rows = await this.rows()
    const infos: BucketInfo[] = []
    for (let from = 0; from < rows.length; from += TREES_AT_ONCE) {
      const found = await Promise.all(rows.slice(from, from + TREES_AT_ONCE).map((row) => this.#infoOf(row)))
      infos.push(...found.filter((info) => info !== undefined))
    }
    return infos
  }

  /** The tree that lists the buckets. */
  get tree(): SealedTree {
    return this.#components.tree
  }

  /** What the catalogue says; some may be deleted already. */
  async rows(options: { readonly isOldFine?: boolean } = {}): Promise<readonly BucketRow[]> {
    return await this.#rowsOf('buckets', options)
  }

  /** Deleted buckets whose trees are not yet forgotten. */
  async deletedRows(options: { readonly isOldFine?: boolean } = {}): Promise<readonly BucketRow[]> {
    return await this.#rowsOf('deleted', options)
  }

  async #rowsOf(
    table: 'buckets' | 'deleted',
    options: { readonly isOldFine?: boolean },
  ): Promise<readonly BucketRow[]> {
    return await this.#components.tree.read(async (rows) => {
      const found: BucketRow[] = []
      const { from, before } = tableRange(table)
      for await (const { value } of rows.scan(from, before)) found.push(bucketRowSchema.decodeMessage(value))
      return found
    }, options)
  }

  /** Forgets a deleted bucket: what its tree lies in is garbage from now on. */
  async forget({ generation }: BucketRow): Promise<void> {
    await this.#components.tree.write(async (rows) => {
      const key = deletedBucketKey(keyOfBytes(generation))
      if ((await rows.get(key)) !== undefined) rows.delete(key)
    })
  }

  /** Machines that keep segments under this phrase, by what is surely the newest root; needs no segment. */
  async payers(): Promise<readonly PayerRow[]> {
    return await this.#components.tree.read(async (_rows, { payers }) => payers, { isOldFine: false })
  }

  /** Notes what another machine needs to pay in a machine's place; the same again is no work. */
  async notePayer({ payer, privateKey }: Payer): Promise<void> {
    const { tree } = this.#components
    if ((await this.payers()).some((known) => known.payer === payer)) return
    await tree.write(async (rows) => {
      const row: PayerRow = { version: 1, payer, privateKey, since: rows.now }
      rows.put(payerKey(payer), payerRowSchema.encodeMessage(row))
    })
  }

  /** @throws StorageError STORAGE_BAD_NAME, STORAGE_BUCKET_EXISTS */
  async create(name: string): Promise<BucketInfo> {
    checkBucketName(name)
    const { tree, random, keepers: draw } = this.#components
    // Somebody may have died between deleting a bucket and taking it off the list.
    const deleted = await this.#deletedGeneration(name)
    const keepers = draw === undefined ? {} : { keepers: await draw() }
    const bucket = { name, generation: random.bytes(ID_BYTES), ...keepers }
    // First of all: whoever finds the bucket knows that its tree has a root, and believes nobody who knows of none.
    await this.treeOf({ ...bucket, hasRoot: false }).write(async (rows) =>
      rows.put(settingsKey, settingsRowSchema.encodeMessage(DEFAULT_SETTINGS)),
    )
    const createdAt = await tree.write(async (rows): Promise<UnixMs> => {
      const before = await rowIn(rows, name)
      if (before !== undefined && (deleted === undefined || !equalBytes(before.generation, deleted)))
        throw bucketExists(name)
      if (before !== undefined) putDeleted(rows, before)
      const row: BucketRow = { version: 1, ...bucket, createdAt: rows.now, hasRoot: true }
      rows.put(bucketKey(name), bucketRowSchema.encodeMessage(row))
      return rows.now
    })
    return { name, createdAt, versioning: 'off' }
  }

  /** @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_BUCKET_NOT_EMPTY */
  async delete(name: string): Promise<void> {
    const generation = await this.inBucket(name, async ({ row, tree }) => {
      await tree.write(async (rows) => {
        const settings = await settingsOf(rows, name)
        for (const table of ['objects', 'uploads'] as const) {
          const { from, before } = tableRange(table)
          if ((await rows.first(from, before)) !== undefined)
            throw new StorageError('STORAGE_BUCKET_NOT_EMPTY', `the bucket ${name} is not empty`, { details: { name } })
        }
        rows.put(settingsKey, settingsRowSchema.encodeMessage({ ...settings, isDeleted: true }))
      })
      return row.generation
    })
    this.#open.delete(name)
    await this.#components.tree.write(async (rows) => {
      const row = await rowIn(rows, name)
      if (row === undefined || !equalBytes(row.generation, generation)) return
      rows.delete(bucketKey(name))
      putDeleted(rows, row)
    })
  }

  /**
   * Does something in a bucket's tree. Where that turns out to be deleted, it is looked whether there is a newer one.
   * @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_BAD_NAME; what is thrown there
   */
  async inBucket<Result>(name: string, work: (bucket: OpenBucket) => Promise<Result>): Promise<Result> {
    const known = this.#open.get(name)
    if (known === undefined) return await work(await this.#opened(name))
    try {
      return await work(known)
    } catch (error) {
      if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN')) throw error
      this.#open.delete(name)
      const newer = await this.#opened(name)
      if (equalBytes(newer.row.generation, known.row.generation)) throw error
      return await work(newer)
    }
  }

  /** The tree of a bucket that was used before, without asking whether it is still there. */
  seen(name: string): SealedTree | undefined {
    return this.#open.get(name)?.tree
  }

  async #opened(name: string): Promise<OpenBucket> {
    // Buckets of an older rule stay in reach.
    if (name.length > BUCKET_LENGTH_MAX) checkBucketName(name)
    const row = await this.#components.tree.read((rows) => rowIn(rows, name))
    if (row === undefined) {
      checkBucketName(name)
      throw unknownBucket(name)
    }
    const opened = { row, tree: this.treeOf(row) }
    this.#open.set(name, opened)
    return opened
  }

  /** The tree of a row of the catalogue. */
  treeOf({ name, generation, ...origin }: Pick<BucketRow, 'name' | 'generation' | 'keepers' | 'hasRoot'>): SealedTree {
    return this.#components.treeOf([name, bytesToHex(generation)], origin)
  }

  async #infoOf(row: BucketRow): Promise<BucketInfo | undefined> {
    const { name, createdAt } = row
    const tree = this.treeOf(row)
    const value = await tree.read((rows) => rows.get(settingsKey))
    const { versioning, isDeleted } = value === undefined ? DEFAULT_SETTINGS : settingsRowSchema.decodeMessage(value)
    return isDeleted ? undefined : { name, createdAt, versioning }
  }

  /** The bucket of a name that is still on the list and was deleted. @throws StorageError STORAGE_BUCKET_EXISTS */
  async #deletedGeneration(name: string): Promise<Uint8Array | undefined> {
    const row = await this.#components.tree.read((rows) => rowIn(rows, name))
    if (row === undefined) return undefined
    if ((await this.#infoOf(row)) !== undefined) throw bucketExists(name)
    return row.generation
  }
}

/** What a bucket is set to. @throws StorageError STORAGE_BUCKET_UNKNOWN for one that was deleted */
export async function settingsOf(rows: Rows, name: string): Promise<SettingsRow> {
  const value = await rows.get(settingsKey)
  const settings = value === undefined ? DEFAULT_SETTINGS : settingsRowSchema.decodeMessage(value)
  if (settings.isDeleted) throw unknownBucket(name)
  return settings
}

async function rowIn(rows: Rows, name: string): Promise<BucketRow | undefined> {
  const value = await rows.get(bucketKey(name))
  return value === undefined ? undefined : bucketRowSchema.decodeMessage(value)
}

function bucketExists(name: string): StorageError {
  return new StorageError('STORAGE_BUCKET_EXISTS', `there is a bucket ${name} already`, { details: { name } })
}

function unknownBucket(name: string): StorageError {
  return new StorageError('STORAGE_BUCKET_UNKNOWN', `there is no bucket ${name}`, { details: { name } })
}

function putDeleted(rows: Transaction, row: BucketRow): void {
  rows.put(deletedBucketKey(keyOfBytes(row.generation)), bucketRowSchema.encodeMessage(row))
}
