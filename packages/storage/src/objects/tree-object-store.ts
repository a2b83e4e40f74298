import { type Clock, isSteadError, type Logger, messageOf, type Random } from '@stead/core'
import { sha256 } from '@stead/protocol'
import { createFrameCipher } from '#create-frame-cipher'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import { WriteGrants } from '../grants/write-grants.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import { type ObjectStoreInput, type ObjectStoreOptions, objectStoreOptionsSchema } from '../options.ts'
import { ObjectShares } from '../shares/object-shares.ts'
import { keyOfBytes } from '../tree/tree-key.ts'
import { abortableBody, checkAborted } from './abortable.ts'
import { BodyIntake } from './body-intake.ts'
import { borrowObject, type CopyAcross } from './borrow-object.ts'
import { BucketCatalogue, settingsOf } from './bucket-catalogue.ts'
import { type CollectReport, collectGarbage, forEachReference } from './collect-garbage.ts'
import { EarlyBytes, type StoredRange } from './early-bytes.ts'
import { type GarbageTerms, hold } from './holdings.ts'
import { listObjects } from './list-objects.ts'
import { checkEtag, checkObjectKey, descriptionOf } from './names.ts'
import type {
  BucketInfo,
  GetOptions,
  ListOptions,
  ObjectBody,
  ObjectInfo,
  ObjectPage,
  ObjectStore,
  PartInfo,
  PutOptions,
  UploadInfo,
} from './object-store.ts'
import {
  addVersion,
  checkCondition,
  descriptionOfRow,
  type FoundVersion,
  findVersion,
  infoOf,
  namedVersion,
  objectIn,
  objectVersion,
  removeVersion,
} from './object-versions.ts'
import { readStored } from './read-stored.ts'
import type { RootPointers } from './root-pointer.ts'
import { ID_BYTES, settingsKey } from './row-keys.ts'
import { type Description, type Payer, type PayerRow, type SettingsRow, settingsRowSchema } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { SealedTrees, type TreeOrigin } from './sealed-trees.ts'
import type { SegmentStore } from './segment-store.ts'
import { type Stored, storedOfRow } from './stored.ts'
import type { Rows, Transaction } from './transaction.ts'
import {
  abortUpload,
  addPart,
  beginUpload,
  checkPartNumber,
  completeUpload,
  listParts,
  listUploads,
  openUpload,
} from './uploads.ts'

/** What a {@link TreeObjectStore} works with. */
export interface ObjectStoreComponents {
  readonly segments: SegmentStore
  readonly pointers: RootPointers
  /** What all buckets follow from. */
  readonly secret: PathSecret
  /**
   * Draws who keeps the pointer of a new bucket: it is written down in the catalogue, so that all machines ask the same.
   * @default pointers that need nobody
   */
  readonly keepers?: () => Promise<Uint8Array>
  /** Who pays for segments here: noted in the catalogue before the first write. @default nobody */
  readonly payer?: Payer
  readonly random: Random
  readonly clock: Clock
  readonly logger: Logger
  /** Seals small bytes for shares. @default that of the platform */
  readonly cipher?: FrameCipher
  /** What a pointer is known by to those who may read it. @default the hash of its seed */
  readonly pointerNameOf?: (seed: Uint8Array) => Uint8Array
}

const NOTHING: Stored = { kind: 'inline', bytes: new Uint8Array(0) }

/**
 * Objects in segments, and all that is known of them in a sealed tree for each bucket (ADR 15). Any number of machines
 * with the same secret may read and write at once.
 */
export class TreeObjectStore implements ObjectStore {
  readonly #components: ObjectStoreComponents
  readonly #options: ObjectStoreOptions
  readonly #trees: SealedTrees
  readonly #catalogue: BucketCatalogue
  readonly #intake: BodyIntake
  #noted: Promise<void> | undefined
  /** Folders and objects that others may read. */
  readonly shares: ObjectShares
  /** Folders and objects that others may write, at this store's expense. */
  readonly grants: WriteGrants

  /** @throws ZodError for options out of range */
  constructor(components: ObjectStoreComponents, options: ObjectStoreInput = {}) {
    this.#components = components
    this.#options = objectStoreOptionsSchema.parse(options)
    this.#trees = new SealedTrees(components, this.#options)
    const { random, keepers } = components
    const trees = this.#trees
    const treeOf = (path: readonly string[], origin: TreeOrigin): SealedTree => trees.ofPath(path, origin)
    this.#catalogue = new BucketCatalogue({ tree: trees.ofPath([]), treeOf, random, keepers })
    this.#intake = new BodyIntake(this.#catalogue, components, this.#options)
    const { cipher = createFrameCipher(), pointerNameOf = sha256 } = components
    const shares = { ...components, cipher, pointerNameOf, catalogue: this.#catalogue }
    this.shares = new ObjectShares(
      { ...shares, treeOf: (name, secrets, origin) => trees.ofShare(name, secrets, origin) },
      this.#options,
    )
    const grants = {
      ...{ ...components, catalogue: this.#catalogue, intake: this.#intake },
      beforeWrite: () => this.#notePayer(),
      onShown: (bucket: string) => this.shares.poke(bucket),
    }
    this.grants = new WriteGrants(grants, this.#options)
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    await this.shares.stop()
    await this.#trees.stop()
  }

  async buckets(): Promise<readonly BucketInfo[]> {
    return await this.#catalogue.list()
  }

  async createBucket(name: string): Promise<BucketInfo> {
    await this.#notePayer()
    return await this.#catalogue.create(name)
  }

  async bucket(name: string): Promise<BucketInfo> {
    return await this.#catalogue.inBucket(name, async ({ row, tree }) => {
      const { versioning } = await tree.read((rows) => settingsOf(rows, name))
      return { name, createdAt: row.createdAt, versioning }
    })
  }

  async deleteBucket(name: string): Promise<void> {
    const open = await this.#catalogue.inBucket(name, async (bucket) => bucket)
    await this.#catalogue.delete(name)
    try {
      await this.shares.sweep(open, true)
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#components.logger.warn('shares of a deleted bucket end with the next sweep', { error: messageOf(error) })
    }
  }

  async setVersioning(name: string, versioning: 'on' | 'suspended'): Promise<void> {
    await this.#write(name, async (rows, settings) => {
      rows.put(settingsKey, settingsRowSchema.encodeMessage({ ...settings, versioning }))
    })
  }

  async head(bucket: string, key: string, version?: string): Promise<ObjectInfo | undefined> {
    checkObjectKey(key)
    const found = await this.#read(bucket, (rows) => findVersion(rows, key, version))
    return found === undefined ? undefined : infoOf(key, found)
  }

  async get(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectBody> {
    checkObjectKey(key)
    const { version, range, signal } = options
    checkAborted(signal)
    const partOf = (found: FoundVersion): StoredRange => {
      const wanted = typeof range === 'function' ? range(infoOf(key, found)) : range
      return { stored: found.row.stored, range: clipped(wanted, found.row.lengthBytes) }
    }
    const early = new EarlyBytes(this.#catalogue.seen(bucket), async (rows) => {
      const found = await findVersion(rows, key, version)
      return found === undefined || found.row.isDeleted ? undefined : partOf(found)
    })
    const { tree, found } = await this.#catalogue.inBucket(bucket, async (open) => ({
      tree: open.tree,
      found: await objectIn(open, key, version),
    }))
    const part = partOf(found)
    const bytes = readStored(tree, storedOfRow(part.stored), part.range, { early: () => early.of(tree, part), signal })
    const body = abortableBody(bytes, signal)
    return { info: infoOf(key, found), ...part.range, body }
  }

  async put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<ObjectInfo> {
    checkObjectKey(key)
    return await this.#put({ bucket, key, description: descriptionOf(options) }, body, options)
  }

  async copy(
    from: { readonly bucket: string; readonly key: string; readonly version?: string },
    to: { readonly bucket: string; readonly key: string },
    options: Parameters<ObjectStore['copy']>[2] = {},
  ): Promise<ObjectInfo> {
    checkObjectKey(from.key)
    checkObjectKey(to.key)
    const { condition, replace } = options
    const replaced = replace === undefined ? undefined : descriptionOf(replace)
    await this.#notePayer()
    if (from.bucket !== to.bucket) {
      const copy = { from, to: replaced === undefined ? to : { ...to, description: replaced }, condition }
      const components = { ...this.#components, catalogue: this.#catalogue, shares: this.shares }
      return (await borrowObject(components, copy, this.#terms)) ?? (await this.#copyBytes(copy))
    }
    return await this.#write(to.bucket, async (rows, settings) => {
      await checkCondition(rows, to.key, condition)
      const { row } = await objectVersion(rows, from.key, from.version)
      const stored = storedOfRow(row.stored)
      const { lengthBytes, etag } = row
      await hold(rows, { stored, lengthBytes })
      const description = replaced ?? descriptionOfRow(row)
      const version = { key: to.key, description, lengthBytes, etag, isDeleted: false, stored }
      return await addVersion(rows, settings, { version, terms: this.#terms })
    })
  }

  async delete(
    bucket: string,
    key: string,
    options: Parameters<ObjectStore['delete']>[2] = {},
  ): Promise<ObjectInfo | undefined> {
    checkObjectKey(key)
    const { version, condition } = options
    const terms = this.#terms
    return await this.#write(bucket, async (rows, settings) => {
      await checkCondition(rows, key, condition)
      if (version === undefined && settings.versioning !== 'off') {
        const marker = {
          key,
          description: { metadata: [] },
          lengthBytes: 0,
          etag: '',
          isDeleted: true,
          stored: NOTHING,
        }
        return await addVersion(rows, settings, { version: marker, terms })
      }
      const found = version === undefined ? await findVersion(rows, key) : await namedVersion(rows, key, version)
      if (found !== undefined) await removeVersion(rows, key, { found, terms })
      return found === undefined || version === undefined ? undefined : infoOf(key, found)
    })
  }

  async list(bucket: string, options: ListOptions): Promise<ObjectPage> {
    return await this.#read(bucket, (rows) => listObjects(rows, options))
  }

  async beginUpload(
    bucket: string,
    key: string,
    options: Pick<PutOptions, 'contentType' | 'metadata'> = {},
  ): Promise<UploadInfo> {
    checkObjectKey(key)
    const description = descriptionOf(options)
    const id = keyOfBytes(this.#components.random.bytes(ID_BYTES))
    return await this.#write(bucket, async (rows) => beginUpload(rows, id, { key, description }))
  }

  async putPart(
    bucket: string,
    upload: string,
    number: number,
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: Pick<PutOptions, 'etag' | 'signal'> = {},
  ): Promise<PartInfo> {
    checkPartNumber(number)
    await this.#notePayer()
    return await this.#intake.take({
      bucket,
      body,
      options,
      check: async (rows) => {
        await openUpload(rows, upload)
        return undefined
      },
      place: (rows, part) => addPart(rows, { upload, number, terms: this.#terms }, part),
    })
  }

  async parts(
    bucket: string,
    upload: string,
    options: { readonly after?: number; readonly limit: number },
  ): Promise<readonly PartInfo[]> {
    return await this.#read(bucket, (rows) => listParts(rows, upload, options))
  }

  async uploads(bucket: string, options: Parameters<ObjectStore['uploads']>[1]): Promise<readonly UploadInfo[]> {
    return await this.#read(bucket, (rows) => listUploads(rows, options))
  }

  async completeUpload(
    bucket: string,
    upload: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
    options: Parameters<ObjectStore['completeUpload']>[3],
  ): Promise<ObjectInfo> {
    if (parts.length === 0) throw new RangeError('an upload is made of at least one part')
    const { condition, key } = options
    const etag = checkEtag(options.etag)
    const content = keyOfBytes(this.#components.random.bytes(ID_BYTES))
    return await this.#write(bucket, async (rows, settings) => {
      const completion = { upload, key, parts, etag, condition, content }
      return await completeUpload(rows, settings, { completion, terms: this.#terms })
    })
  }

  async abortUpload(bucket: string, upload: string): Promise<void> {
    await this.#write(bucket, (rows) => abortUpload(rows, upload))
  }

  /**
   * Lets go of what is garbage, and finds what crashes left: segments older than `keepUnfinishedMs` that no tree knows.
   * Takes as much memory as one page of the list of segments. To be called once a day.
   */
  async collect(): Promise<CollectReport> {
    const { segments, clock, logger } = this.#components
    return await collectGarbage(
      { catalogue: this.#catalogue, shares: this.shares, grants: this.grants, segments, clock, logger },
      this.#options,
    )
  }

  get #terms(): Pick<GarbageTerms, 'graceMs'> {
    return this.#options
  }

  /**
   * Machines that keep segments under this phrase, and what another one needs to pay in their place: as of now, and not as
   * this machine saw it last. @throws StorageError STORAGE_ROOT_AWAY
   */
  async payers(): Promise<readonly PayerRow[]> {
    return await this.#catalogue.payers()
  }

  /** Visits every segment that anything here refers to, some more than once. @throws as reading; then some were left out */
  async forEachSegment(visit: (reference: Uint8Array) => void): Promise<void> {
    await forEachReference({ catalogue: this.#catalogue, shares: this.shares }, visit)
  }

  async #notePayer(): Promise<void> {
    const { payer } = this.#components
    if (payer === undefined) return
    this.#noted ??= this.#catalogue.notePayer(payer).catch((error: unknown) => {
      this.#noted = undefined
      throw error
    })
    await this.#noted
  }

  async #read<Result>(bucket: string, look: (rows: Rows) => Promise<Result>): Promise<Result> {
    return await this.#catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.read(async (rows) => {
        await settingsOf(rows, bucket)
        return await look(rows)
      })
    })
  }

  async #write<Result>(
    bucket: string,
    change: (rows: Transaction, settings: SettingsRow) => Promise<Result>,
  ): Promise<Result> {
    await this.#notePayer()
    let hasShares = false
    const result = await this.#catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.write(async (rows) => {
        const settings = await settingsOf(rows, bucket)
        hasShares = settings.hasShares === true
        return await change(rows, settings)
      })
    })
    if (hasShares) this.shares.poke(bucket)
    return result
  }

  async #put(
    to: { readonly bucket: string; readonly key: string; readonly description: Description },
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: Pick<PutOptions, 'condition' | 'etag' | 'signal'>,
  ): Promise<ObjectInfo> {
    const { bucket, key, description } = to
    const { condition } = options
    await this.#notePayer()
    let hasShares = false
    const info = await this.#intake.take({
      bucket,
      body,
      options,
      check: async (rows) => {
        await checkCondition(rows, key, condition)
        return undefined
      },
      place: async (rows, { settings, lengthBytes, etag, stored }) => {
        hasShares = settings.hasShares === true
        await checkCondition(rows, key, condition)
        const version = { key, description, lengthBytes, etag, isDeleted: false, stored }
        return await addVersion(rows, settings, { version, terms: this.#terms })
      },
    })
    if (hasShares) this.shares.poke(bucket)
    return info
  }

  /** The bytes are read and written: of a small object, or of one that cannot be borrowed. */
  async #copyBytes({ from, to, condition }: CopyAcross): Promise<ObjectInfo> {
    const { info, body } = await this.get(
      from.bucket,
      from.key,
      from.version === undefined ? {} : { version: from.version },
    )
    return await this.#put({ ...to, description: to.description ?? descriptionOf(info) }, body, {
      etag: () => info.etag,
      ...(condition === undefined ? {} : { condition }),
    })
  }
}

/** An empty object has one range, without bytes. @throws RangeError for a range that begins behind the end, or is none */
function clipped(
  range: Exclude<GetOptions['range'], (...parts: never) => unknown>,
  lengthBytes: number,
): { readonly fromByte: number; readonly toByte: number } {
  if (range === undefined) return { fromByte: 0, toByte: lengthBytes }
  const { fromByte, toByte = lengthBytes } = range
  const isRange = Number.isInteger(fromByte) && Number.isInteger(toByte) && fromByte >= 0 && toByte >= fromByte
  if (!isRange || (fromByte > 0 && fromByte >= lengthBytes))
    throw new RangeError(`there are no bytes ${fromByte} to ${toByte} in an object of ${lengthBytes}`)
  return { fromByte, toByte: Math.min(toByte, lengthBytes) }
}
