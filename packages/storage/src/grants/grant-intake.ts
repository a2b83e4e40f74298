import type { Clock, Random, UnixMs } from '@stead/core'
import { bytesToHex, hexToBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import type { BodyIntake, TakenBody } from '../objects/body-intake.ts'
import { type BucketCatalogue, settingsOf } from '../objects/bucket-catalogue.ts'
import { drop, type GarbageTerms } from '../objects/holdings.ts'
import { PACKED_BYTES_MAX } from '../objects/keep-body.ts'
import { checkEtag, checkObjectKey } from '../objects/names.ts'
import type { ObjectInfo, PartInfo, WriteCondition } from '../objects/object-store.ts'
import { addVersion, checkCondition, findVersion } from '../objects/object-versions.ts'
import { etagOfParts } from '../objects/parts-etag.ts'
import { ID_BYTES, prefixRange } from '../objects/row-keys.ts'
import type { Description } from '../objects/rows.ts'
import { INLINE_BYTES_MAX } from '../objects/stored.ts'
import type { Rows, Transaction } from '../objects/transaction.ts'
import {
  addPart,
  beginUpload,
  checkPartNumber,
  completeUpload,
  findUpload,
  listParts,
  PARTS_MAX,
  versionOfUpload,
} from '../objects/uploads.ts'
import { isFolder } from '../shares/share-marks.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { charge, chargeOf, checkRoom, type GrantRow, openGrant } from './grant-rows.ts'
import { below, type GrantScope, type GrantToken, grantSecret, scopeOf } from './grant-scope.ts'

/** What is written with a grant. */
export interface Giving {
  readonly token: GrantToken
  /** Below what the token is narrowed to; empty where that is one object. */
  readonly path: string
  /** 16 bytes that name this writing of it: the same again goes on where it ended, and says again what came of it. */
  readonly upload: Uint8Array
}

/** How a writing stands. */
export interface GivingStand {
  /** Bytes that the grant takes yet. */
  readonly leftBytes: number
  /** What was kept of it. */
  readonly parts: readonly PartInfo[]
  /** What it has become, if it is there as a whole. */
  readonly object: ObjectInfo | undefined
}

/** What {@link GrantIntake} stands on. */
export interface GrantIntakeComponents {
  readonly catalogue: BucketCatalogue
  readonly intake: BodyIntake
  /** What all buckets follow from. */
  readonly secret: PathSecret
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  /** The bucket of a grant. @throws StorageError STORAGE_GRANT_ENDED */
  readonly bucketOf: (id: TreeKey) => Promise<string>
  /** Notes who pays here, before anything is written. */
  readonly beforeWrite: () => Promise<void>
  /** Has shares show what changed in a bucket that has some. */
  readonly onShown: (bucket: string) => void
}

/** A giving that was looked at, and is about to change something. */
interface Admitted {
  readonly bucket: string
  readonly grant: TreeKey
  /** As {@link findUpload} takes it. */
  readonly upload: string
  readonly scopeEnds: UnixMs | undefined
  readonly path: string
}

/**
 * Takes what others write with a grant. What it counts and what it writes are one commit, so that no crash and no two
 * writers at once get more than was granted.
 */
export class GrantIntake {
  readonly #components: GrantIntakeComponents
  readonly #terms: Pick<GarbageTerms, 'graceMs'>

  constructor(components: GrantIntakeComponents, terms: Pick<GarbageTerms, 'graceMs'>) {
    this.#components = components
    this.#terms = terms
  }

  /** @throws StorageError STORAGE_BAD_LINK, STORAGE_GRANT_ENDED, STORAGE_BAD_NAME */
  async look(giving: Giving): Promise<GivingStand> {
    const { upload, ...admitted } = await this.#admit(giving)
    return await this.#read(admitted, async (rows, grant) => {
      const key = grant.prefix + admitted.path
      const object = await versionOfUpload(rows, key, upload)
      const isBegun = (await findUpload(rows, upload)) !== undefined
      const parts = isBegun ? await listParts(rows, upload, { limit: PARTS_MAX }) : []
      return { leftBytes: grant.limitBytes - grant.usedBytes, parts, object }
    })
  }

  /**
   * Writes a whole object.
   * @throws StorageError STORAGE_BAD_LINK, STORAGE_GRANT_ENDED, STORAGE_GRANT_SPENT, STORAGE_CONDITION, STORAGE_BAD_NAME
   */
  async put(giving: Giving, { description, etag, bytes }: GivenBody): Promise<ObjectInfo> {
    const admitted = await this.#admit(giving)
    const { upload, grant: id } = admitted
    const check = async (rows: Rows, grant: GrantRow): Promise<ObjectInfo | undefined> => {
      const key = keyIn(grant, admitted.path)
      const found = await versionOfUpload(rows, key, upload)
      if (found?.etag === etag) return found
      checkRoom(grant, chargeOf(bytes.length))
      await checkFree(rows, grant, admitted.path)
      return undefined
    }
    return await this.#take(admitted, { etag, bytes, check }, async (rows, taken) => {
      const grant = await openGrant(rows, id, rows.now)
      const key = keyIn(grant, admitted.path)
      const { settings, lengthBytes, stored } = taken
      const made = await versionOfUpload(rows, key, upload)
      if (made?.etag === etag) {
        await drop(rows, taken, this.#terms)
        return made
      }
      await checkFree(rows, grant, admitted.path)
      await charge(rows, id, { bytes: chargeOf(lengthBytes), objects: 1 })
      const version = { key, description, lengthBytes, etag, isDeleted: false, stored, upload: hexToBytes(upload) }
      return await addVersion(rows, settings, { version, terms: this.#terms })
    })
  }

  /**
   * Keeps a part; one that is there already, and is the same, counts once.
   * @throws as {@link put}; RangeError for a number that none has
   */
  async putPart(giving: Giving, number: number, { description, etag, bytes }: GivenBody): Promise<PartInfo> {
    checkPartNumber(number)
    const admitted = await this.#admit(giving)
    const { upload, grant: id } = admitted
    const check = async (rows: Rows, grant: GrantRow): Promise<PartInfo | undefined> => {
      const key = keyIn(grant, admitted.path)
      await checkUnmade(rows, key, upload)
      const found = await partOf(rows, upload, number)
      if (found?.etag === etag && found.lengthBytes === bytes.length) return found
      checkRoom(grant, chargeOf(bytes.length))
      await checkFree(rows, grant, admitted.path)
      return undefined
    }
    return await this.#take(admitted, { etag, bytes, check }, async (rows, taken) => {
      const grant = await openGrant(rows, id, rows.now)
      const key = keyIn(grant, admitted.path)
      await checkUnmade(rows, key, upload)
      const { lengthBytes, stored } = taken
      const found = await partOf(rows, upload, number)
      if (found?.etag === etag && found.lengthBytes === lengthBytes) {
        await drop(rows, taken, this.#terms)
        return found
      }
      await charge(rows, id, { bytes: chargeOf(lengthBytes), objects: 0 })
      if ((await findUpload(rows, upload)) === undefined) {
        await checkFree(rows, grant, admitted.path)
        beginUpload(rows, keyOfBytes(hexToBytes(upload)), { key, description, grant: bytesOfKey(id) })
      }
      return await addPart(rows, { upload, number, terms: this.#terms }, { lengthBytes, etag, stored })
    })
  }

  /**
   * Makes an object of the parts, in the order of their numbers from 1 on; said again it gives the same object.
   * @param etags of the parts, each the MD5 of its bytes in hexadecimal
   * @throws as {@link put}; StorageError STORAGE_UPLOAD_UNKNOWN, STORAGE_PART_UNKNOWN
   */
  async complete(giving: Giving, etags: readonly string[]): Promise<ObjectInfo> {
    const admitted = await this.#admit(giving)
    const { bucket, upload, grant: id } = admitted
    const { catalogue, random, beforeWrite, onShown } = this.#components
    await beforeWrite()
    let hasShares = false
    const content = keyOfBytes(random.bytes(ID_BYTES))
    const etag = checkEtag(etagOfParts(etags))
    const parts = etags.map((each, index) => ({ number: index + 1, etag: each }))
    const info = await catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.write(async (rows) => {
        const settings = await settingsOf(rows, bucket)
        hasShares = settings.hasShares === true
        checkScope(admitted, rows.now)
        const grant = await openGrant(rows, id, rows.now)
        const key = keyIn(grant, admitted.path)
        if ((await findUpload(rows, upload)) !== undefined) {
          await checkFree(rows, grant, admitted.path)
          await charge(rows, id, { bytes: 0, objects: 1 })
        }
        const completion = { upload, key, parts, etag, condition: conditionOf(grant), content }
        return await completeUpload(rows, settings, { completion, terms: this.#terms })
      })
    })
    if (hasShares) onShown(bucket)
    return info
  }

  /**
   * Looks whether somebody may ask at all, without looking anything up.
   * @throws StorageError STORAGE_BAD_LINK, STORAGE_BAD_NAME, STORAGE_GRANT_ENDED
   */
  checkToken(giving: Giving): void {
    this.#scopeOf(giving)
  }

  #scopeOf({ token, path }: Pick<Giving, 'token' | 'path'>): GrantScope {
    const { secret, clock } = this.#components
    const { path: scope, expiresAt } = scopeOf(secret, token)
    checkScope({ scopeEnds: expiresAt }, clock.now())
    return { path: below(scope, path), expiresAt }
  }

  async #admit({ token, path, upload }: Giving): Promise<Admitted> {
    const { secret, bucketOf } = this.#components
    const { path: whole, expiresAt } = this.#scopeOf({ token, path })
    const grant = keyOfBytes(token.id)
    // Of this grant and this place alone: no upload of anybody else is named by it.
    const name = grantSecret(secret, token.id).below('upload', bytesToHex(upload), whole === '' ? '/' : whole)
    const admitted = { grant, path: whole, scopeEnds: expiresAt, upload: uploadNameOf(name) }
    return { ...admitted, bucket: await bucketOf(grant) }
  }

  async #read<Result>(
    { bucket, grant }: Pick<Admitted, 'bucket' | 'grant'>,
    look: (rows: Rows, grant: GrantRow) => Promise<Result>,
  ): Promise<Result> {
    const { catalogue, clock } = this.#components
    return await catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.read(async (rows) => {
        await settingsOf(rows, bucket)
        return await look(rows, await openGrant(rows, grant, clock.now()))
      })
    })
  }

  /** Bytes cost before they are in the commit, unless they are few: first it is looked whether they are to be there. */
  async #take<Result>(
    admitted: Admitted,
    { etag, bytes, check }: Pick<GivenBody, 'etag' | 'bytes'> & { readonly check: Check<Result> },
    place: (rows: Transaction, taken: TakenBody) => Promise<Result>,
  ): Promise<Result> {
    const { intake, clock, beforeWrite, onShown } = this.#components
    const { bucket, grant } = admitted
    await beforeWrite()
    const isPacked = bytes.length > INLINE_BYTES_MAX && bytes.length <= PACKED_BYTES_MAX
    const known = isPacked ? await this.#read(admitted, check) : undefined
    if (known !== undefined) return known
    let hasShares = false
    const result = await intake.take({
      bucket,
      body: chunksOf(bytes),
      options: { etag: () => etag },
      check: async (rows) => await check(rows, await openGrant(rows, grant, clock.now())),
      place: async (rows, taken) => {
        hasShares = taken.settings.hasShares === true
        checkScope(admitted, rows.now)
        return await place(rows, taken)
      },
    })
    if (hasShares) onShown(bucket)
    return result
  }
}

/** Chunks of which some are copied on their way. */
const CHUNK_BYTES = 256 * 1024

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}

/** Gives what is there already, where it is the same. @throws what it is refused for */
type Check<Result> = (rows: Rows, grant: GrantRow) => Promise<Result | undefined>

/** A body, and what it is said to be. */
export interface GivenBody {
  readonly description: Description
  /** MD5 of the bytes in hexadecimal. */
  readonly etag: string
  readonly bytes: Uint8Array
}

/** @throws StorageError STORAGE_GRANT_ENDED */
function checkScope({ scopeEnds }: Pick<Admitted, 'scopeEnds'>, now: UnixMs): void {
  if (scopeEnds !== undefined && scopeEnds <= now)
    throw new StorageError('STORAGE_GRANT_ENDED', 'the link is over: its time has come')
}

/** Where it is written. @throws StorageError STORAGE_BAD_NAME */
function keyIn({ prefix }: GrantRow, path: string): string {
  const key = prefix + path
  if (!isFolder(prefix) && path !== '') throw new StorageError('STORAGE_BAD_NAME', 'there is nothing below one object')
  checkObjectKey(key)
  if (isFolder(key)) throw new StorageError('STORAGE_BAD_NAME', 'an object that is written through a link has a name')
  return key
}

/**
 * Whether an object may be there, where no other is, unless it may be replaced: and none on the way, nor below it, which its
 * owner could not copy to a disk. @throws StorageError STORAGE_CONDITION, STORAGE_BAD_NAME
 */
async function checkFree(rows: Rows, grant: GrantRow, path: string): Promise<void> {
  const key = keyIn(grant, path)
  await checkCondition(rows, key, conditionOf(grant))
  const { from, before } = prefixRange(`${key}/`)
  const isFolderThere = (await rows.first(from, before)) !== undefined
  const steps = path.split('/').slice(0, -1)
  for (let depth = 1; depth <= steps.length; depth++) {
    const folder = `${grant.prefix}${steps.slice(0, depth).join('/')}`
    if ((await findVersion(rows, folder)) !== undefined) throw notApart()
  }
  if (isFolderThere) throw notApart()
}

function notApart(): StorageError {
  return new StorageError('STORAGE_BAD_NAME', 'there is an object where a folder would be, or a folder in its place')
}

/** A part that comes after its object was made begins nothing anew. @throws StorageError STORAGE_UPLOAD_UNKNOWN */
async function checkUnmade(rows: Rows, key: string, upload: string): Promise<void> {
  if ((await versionOfUpload(rows, key, upload)) !== undefined)
    throw new StorageError('STORAGE_UPLOAD_UNKNOWN', 'the object of this upload is whole already')
}

function conditionOf({ mayReplace }: GrantRow): WriteCondition | undefined {
  return mayReplace ? undefined : { is: 'absent' }
}

async function partOf(rows: Rows, upload: string, number: number): Promise<PartInfo | undefined> {
  if ((await findUpload(rows, upload)) === undefined) return undefined
  const [part] = await listParts(rows, upload, { after: number - 1, limit: 1 })
  return part?.number === number ? part : undefined
}

function uploadNameOf(secret: PathSecret): string {
  return bytesToHex(secret.bytes().subarray(0, ID_BYTES)).slice(2)
}
