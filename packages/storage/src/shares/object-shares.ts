import { type Clock, isSteadError, type Logger, messageOf, type Random, type UnixMs } from '@stead/core'
import { bytesToHex, hexToBytes } from '@stead/protocol'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import { StorageError } from '../errors.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import { type BucketCatalogue, type OpenBucket, settingsOf } from '../objects/bucket-catalogue.ts'
import { checkObjectKey } from '../objects/names.ts'
import { findVersion } from '../objects/object-versions.ts'
import { ID_BYTES, settingsKey, shareKey } from '../objects/row-keys.ts'
import { settingsRowSchema } from '../objects/rows.ts'
import { NEWEST, type SealedTree } from '../objects/sealed-tree.ts'
import type { TreeOrigin } from '../objects/sealed-trees.ts'
import { KEEPER_BYTES } from '../register/quorum.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import type { ShareGrant } from './share-link.ts'
import { endShare, isFolder, isOver, type KnownShare, liveShare, putShare, sharesIn } from './share-marks.ts'
import { SharePublisher } from './share-publisher.ts'
import { shareRowSchema } from './share-rows.ts'
import { fileIn, placeOf, type ShareSecrets, stepsOf } from './share-secrets.ts'
import { ShareTurns, type TurnOutcome } from './share-turns.ts'

/** What {@link ObjectShares} stand on. */
export interface ObjectSharesComponents {
  readonly catalogue: BucketCatalogue
  /** What all buckets follow from. */
  readonly secret: PathSecret
  /** The tree of a share. */
  readonly treeOf: (name: string, secrets: ShareSecrets, origin: TreeOrigin) => SealedTree
  /** Draws who keeps the pointer of a new share. @default pointers that need nobody */
  readonly keepers?: () => Promise<Uint8Array>
  /** What the pointer of a seed is known by. */
  readonly pointerNameOf: (seed: Uint8Array) => Uint8Array
  readonly cipher: FrameCipher
  readonly random: Random
  readonly clock: Clock
  readonly logger: Logger
}

/** A share as its owner sees it. */
export interface ShareInfo {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly bucket: string
  /** A folder with its delimiter, the empty text for all of the bucket, or the key of one object. */
  readonly prefix: string
  readonly createdAt: UnixMs
  readonly expiresAt: UnixMs | undefined
  /** Whether all is shown, but for changes of the last seconds: false while it is filled, or objects cannot be shown. */
  readonly isFilled: boolean
}

/** A share, and what opens it. */
export interface OpenedShare {
  readonly info: ShareInfo
  readonly grant: ShareGrant
}

/** Shares of one bucket. */
const SHARES_MAX = 256
/** Each of the keepers knows the others; without three of seven none can say what is the newest. */
const KEEPERS_IN_LINK = 3
/** No bucket has this name. */
const ALL_BUCKETS = ''
/** Who shares a large folder has the link after so long, and the rest is shown meanwhile. */
const SHOW_WAIT_MS = 20_000
/** How often it is looked meanwhile whether another try has shown it. */
const SHOW_LOOK_MS = 1000
/** After a write, so long is waited for others. */
const PUBLISH_AFTER_MS = 50
/** Ended shares are looked after so long, in case another machine writes to one that it does not know to be over. */
const KEEP_ENDED_MS = 7 * 86_400_000

/**
 * Shares of folders and objects: each a tree of its own beside its bucket's, which shows what is under a prefix and is kept
 * so as that changes (ADR 15).
 */
export class ObjectShares {
  readonly #components: ObjectSharesComponents
  readonly #turns: ShareTurns
  readonly #publisher: SharePublisher

  constructor(components: ObjectSharesComponents, terms: { readonly graceMs: number }) {
    this.#components = components
    const publisher = new SharePublisher(components, terms)
    this.#publisher = publisher
    const { catalogue } = components
    const work = async (bucket: string): Promise<TurnOutcome> => {
      if (bucket !== ALL_BUCKETS) return await catalogue.inBucket(bucket, (open) => publisher.publish(open))
      for (const { name } of await catalogue.rows()) this.#turns.later(name, 0)
      return { isDone: true, moreAfterMs: undefined }
    }
    this.#turns = new ShareTurns({ ...components, work })
  }

  /** Goes on where another process ended: shows what changed, ends what is over, and both in time from now on. */
  start(): void {
    this.#turns.later(ALL_BUCKETS, PUBLISH_AFTER_MS)
  }

  /**
   * Shares a folder (a prefix that ends with `/`), a whole bucket (no prefix), or one object. What is there is shown when
   * this resolves, unless it takes long or nodes are away: then by and by, which the share tells whoever reads it.
   * @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_BAD_NAME, STORAGE_OBJECT_UNKNOWN, STORAGE_SHARE_LIMIT; as the
   * bucket's tree
   */
  async share(bucket: string, prefix: string, expiresAt?: UnixMs): Promise<OpenedShare> {
    const { catalogue, random, clock } = this.#components
    if (prefix !== '') checkObjectKey(prefix)
    if (expiresAt !== undefined && expiresAt <= clock.now())
      throw new StorageError('STORAGE_SHARE_EXPIRED', 'a share cannot end before it begins')
    const id = keyOfBytes(random.bytes(ID_BYTES))
    const keepers = await this.#components.keepers?.()
    await catalogue.inBucket(bucket, async ({ tree }) => {
      await tree.write(async (rows) => {
        const settings = await settingsOf(rows, bucket)
        if (!isFolder(prefix) && (await findVersion(rows, prefix)) === undefined)
          throw new StorageError('STORAGE_OBJECT_UNKNOWN', `there is no object ${prefix}; a folder ends with /`, {
            details: { key: prefix },
            next: `See which there are: stead ls stead://${bucket}`,
          })
        const live = (await sharesIn(rows)).filter(({ row }) => row.endedAt === undefined)
        if (live.length >= SHARES_MAX)
          throw new StorageError('STORAGE_SHARE_LIMIT', `a bucket has at most ${SHARES_MAX} shares`, {
            details: { needShares: live.length + 1, haveShares: SHARES_MAX },
          })
        rows.put(settingsKey, settingsRowSchema.encodeMessage({ ...settings, hasShares: true }))
        putShare(rows, id, {
          version: 1,
          prefix,
          createdAt: rows.now,
          isBegun: false,
          filledTo: '',
          isWalked: false,
          isFilled: false,
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(keepers === undefined ? {} : { keepers }),
        })
      })
    })
    await this.#shown(bucket, id)
    return await this.open(bucket, nameOfShare(id))
  }

  /** Shows what can be shown soon; the rest comes by itself. */
  async #shown(bucket: string, id: TreeKey): Promise<void> {
    const { clock, logger } = this.#components
    const enough = new AbortController()
    const late = clock.sleep(SHOW_WAIT_MS, enough.signal).catch(() => undefined)
    try {
      await Promise.race([this.#fill(bucket, id, enough.signal), late])
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.warn('a share could not be shown yet', { error: messageOf(error) })
    } finally {
      enough.abort()
    }
  }

  /** One try, and those that come after it by themselves. */
  async #fill(bucket: string, id: TreeKey, enough: AbortSignal): Promise<void> {
    const { catalogue, clock } = this.#components
    await this.#turns.now(bucket)
    while (!enough.aborted && !this.#turns.isStopped) {
      const row = await catalogue.inBucket(bucket, ({ tree }) => tree.read((rows) => liveShare(rows, id)))
      if (row === undefined || row.isFilled) return
      await clock.sleep(SHOW_LOOK_MS, enough)
    }
  }

  /** A share with what opens it. @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_SHARE_UNKNOWN */
  async open(bucket: string, id: string): Promise<OpenedShare> {
    return await this.#components.catalogue.inBucket(bucket, async (open) => {
      const known = await this.#rowOf(open, bucket, id)
      const secrets = this.#secretsOf(open, known.id)
      const tree = this.#treeOf(open, known)
      await tree.read(async () => undefined)
      const { prefix, expiresAt, keepers = new Uint8Array(0) } = known.row
      const { folders, name } = stepsOf(prefix)
      const isWhole = isFolder(prefix)
      const grant: ShareGrant = {
        version: 1,
        pages: secrets.pages.bytes(),
        secret: (isWhole ? secrets.folder : fileIn(secrets.folder, name)).bytes(),
        ...(isWhole ? {} : { folder: bytesOfKey(placeOf(secrets.folder)) }),
        name: isWhole ? (folders.at(-1) ?? '') : name,
        pointer: this.#components.pointerNameOf(secrets.pointerSeed),
        sequence: tree.sequence,
        keepers: keepers.slice(0, KEEPERS_IN_LINK * KEEPER_BYTES),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }
      return { info: infoOf(bucket, known), grant }
    })
  }

  /** Shares that have not ended, in the order of their making. @throws StorageError STORAGE_BUCKET_UNKNOWN */
  async list(bucket: string): Promise<readonly ShareInfo[]> {
    const { catalogue, clock } = this.#components
    return await catalogue.inBucket(bucket, async ({ tree }) => {
      const found = await tree.read(async (rows) => {
        await settingsOf(rows, bucket)
        return await sharesIn(rows)
      })
      return found
        .filter(({ row }) => !isOver(row, clock.now()))
        .map((known) => infoOf(bucket, known))
        .toSorted((left, right) => left.createdAt - right.createdAt)
    })
  }

  /**
   * Takes a share back: its tree is gone when this resolves. Whoever read something before may have kept it.
   * @throws StorageError STORAGE_BUCKET_UNKNOWN, STORAGE_SHARE_UNKNOWN; as the tree
   */
  async unshare(bucket: string, id: string): Promise<ShareInfo> {
    const { catalogue } = this.#components
    const known = await catalogue.inBucket(bucket, async (open) => {
      const found = await this.#rowOf(open, bucket, id)
      await open.tree.write(async (rows) => {
        await settingsOf(rows, bucket)
        await endShare(rows, found.id)
      })
      return found
    })
    await this.#turns.now(bucket)
    return infoOf(bucket, known)
  }

  /** Shows what changed and was not shown yet, of all buckets; ends what is over. @throws as the trees */
  async publish(): Promise<void> {
    const { catalogue } = this.#components
    for (const { name } of await catalogue.rows()) await this.#turns.now(name)
  }

  /** Shows soon what changed in a bucket. */
  poke(bucket: string): void {
    this.#turns.later(bucket, PUBLISH_AFTER_MS)
  }

  /** Waits for what is under way, which ends at the next object; it goes on with the next process. */
  async stop(): Promise<void> {
    await this.#publisher.paused(() => this.#turns.stop())
  }

  /** Looks after the shares of a bucket once a day. @param isDeleted the bucket was deleted, which ends them */
  async sweep(open: OpenBucket, isDeleted: boolean): Promise<void> {
    const { clock } = this.#components
    const found = await open.tree.read((rows) => sharesIn(rows), NEWEST)
    if (found.length === 0) return
    if (isDeleted) for (const { id } of found) await open.tree.write((rows) => endShare(rows, id))
    this.#publisher.recheck()
    await this.#turns.between(open.row.name, () => this.#publisher.publish(open))
    for (const { id, row } of found)
      if (row.endedAt !== undefined && clock.now() - row.endedAt > KEEP_ENDED_MS)
        await open.tree.write(async (rows) => rows.delete(shareKey(id)))
  }

  /** The trees of a bucket's shares. */
  async treesOf(open: OpenBucket): Promise<readonly SealedTree[]> {
    const found = await open.tree.read((rows) => sharesIn(rows), NEWEST)
    return found.map((known) => this.#treeOf(open, known))
  }

  #secretsOf({ row }: OpenBucket, id: TreeKey): ShareSecrets {
    return this.#publisher.secretsOf(row, id)
  }

  #treeOf({ row }: OpenBucket, known: KnownShare): SealedTree {
    return this.#publisher.treeOf(row, known)
  }

  async #rowOf({ tree }: OpenBucket, bucket: string, id: string): Promise<KnownShare> {
    const { clock } = this.#components
    const isId = /^[0-9a-f]+$/.test(id) && id.length === 2 * ID_BYTES
    const key = isId ? keyOfBytes(hexToBytes(id)) : ''
    const value = await tree.read(async (rows) => {
      await settingsOf(rows, bucket)
      return isId ? await rows.get(shareKey(key)) : undefined
    })
    const row = value === undefined ? undefined : shareRowSchema.decodeMessage(value)
    if (row === undefined || isOver(row, clock.now()))
      throw new StorageError('STORAGE_SHARE_UNKNOWN', `there is no share ${id} of ${bucket}`, { details: { id } })
    return { id: key, row }
  }
}

function infoOf(bucket: string, { id, row }: KnownShare): ShareInfo {
  const { prefix, createdAt, expiresAt, isFilled } = row
  return { id: nameOfShare(id), bucket, prefix, createdAt, expiresAt, isFilled }
}

function nameOfShare(id: TreeKey): string {
  return bytesToHex(bytesOfKey(id)).slice(2)
}
