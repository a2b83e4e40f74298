import { type Clock, hasCode, isSteadError, type Logger, messageOf, type Random } from '@stead/core'
import { bytesToHex, equalBytes } from '@stead/protocol'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import type { OpenBucket } from '../objects/bucket-catalogue.ts'
import { listObjects } from '../objects/list-objects.ts'
import { changesRange, ID_BYTES, objectOfChange, shareHeadKey } from '../objects/row-keys.ts'
import type { BucketRow } from '../objects/rows.ts'
import { NEWEST, type SealedTree } from '../objects/sealed-tree.ts'
import type { TreeOrigin } from '../objects/sealed-trees.ts'
import type { Rows } from '../objects/transaction.ts'
import { bytesOfKey, type TreeKey } from '../tree/tree-key.ts'
import type { TreeEntry } from '../tree/tree-node.ts'
import { headOfPublisher, ObjectPublisher, PublisherReplaced } from './publish-object.ts'
import { dropOldContents } from './share-entries.ts'
import {
  dropMarks,
  endShare,
  isFolder,
  isOver,
  type KnownShare,
  liveShare,
  mark,
  pathIn,
  putShare,
  sharesIn,
} from './share-marks.ts'
import { type ShareHeadRow, type ShareRow, shareHeadSchema } from './share-rows.ts'
import { type ShareSecrets, shareSecretsOf } from './share-secrets.ts'
import type { TurnOutcome } from './share-turns.ts'

/** What a {@link SharePublisher} stands on. */
export interface SharePublisherComponents {
  /** What all buckets follow from. */
  readonly secret: PathSecret
  /** The tree of a share, by a name that no other has. */
  readonly treeOf: (name: string, secrets: ShareSecrets, origin: TreeOrigin) => SealedTree
  readonly cipher: FrameCipher
  readonly random: Random
  readonly clock: Clock
  readonly logger: Logger
}

/** Objects that are shown before it is noted how far it got, and those at once. */
const [BATCH, AT_ONCE] = [128, 32]
/** So many batches of which nothing could be shown end a turn: nodes are away, or all of it is lost. */
const FAILED_BATCHES_MAX = 4
/** How often another process may take over before it is left to that one for a while. */
const TAKEOVERS_MAX = 3

interface OpenShare {
  readonly bucket: SealedTree
  readonly tree: SealedTree
  readonly secrets: ShareSecrets
  readonly id: TreeKey
  readonly row: ShareRow
}

/** What a share says when a process begins to write to it. */
interface BegunShare {
  readonly row: ShareRow
  readonly head: ShareHeadRow
}

/**
 * Shows in shares what is under their prefixes. What changed is noted in the change itself, so that no crash loses it; and
 * each share names the process that writes to it, so that nothing older is written over what another machine has shown.
 */
export class SharePublisher {
  readonly #components: SharePublisherComponents
  readonly #graceMs: number
  readonly #own: Uint8Array
  /** Shares whose trees were erased. */
  readonly #finished = new Set<TreeKey>()
  /** Where the next turn of a share goes on, behind changes that could not be shown. */
  readonly #behind = new Map<TreeKey, TreeKey>()
  #isPaused = false

  constructor(components: SharePublisherComponents, { graceMs }: { readonly graceMs: number }) {
    this.#components = components
    this.#graceMs = graceMs
    this.#own = components.random.bytes(ID_BYTES)
  }

  secretsOf({ name, generation }: Pick<BucketRow, 'name' | 'generation'>, id: TreeKey): ShareSecrets {
    return shareSecretsOf(this.#components.secret.below(name, bytesToHex(generation), bytesToHex(bytesOfKey(id))))
  }

  treeOf(bucket: Pick<BucketRow, 'name' | 'generation'>, { id, row }: KnownShare): SealedTree {
    const name = `${bucket.name}/${bytesToHex(bucket.generation)}/${bytesToHex(bytesOfKey(id))}`
    return this.#components.treeOf(name, this.secretsOf(bucket, id), { keepers: row.keepers, hasRoot: row.isBegun })
  }

  /**
   * Brings all shares of a bucket up to date, and ends those that are over.
   * @returns whether nothing failed, and when the next share expires
   * @throws as the trees
   */
  async publish({ row: bucketRow, tree: bucket }: OpenBucket): Promise<TurnOutcome> {
    const { clock } = this.#components
    let isAllDone = true
    let moreAfterMs = Number.POSITIVE_INFINITY
    for (const { id, row } of await bucket.read((rows) => sharesIn(rows), NEWEST)) {
      const secrets = this.secretsOf(bucketRow, id)
      const share: OpenShare = { bucket, tree: this.treeOf(bucketRow, { id, row }), secrets, id, row }
      const isDone = isOver(row, clock.now()) ? await this.#finish(share) : await this.#bringUp(share)
      if (!isDone) isAllDone = false
      if (row.expiresAt !== undefined && row.endedAt === undefined)
        moreAfterMs = Math.min(moreAfterMs, row.expiresAt - clock.now())
    }
    return { isDone: isAllDone, moreAfterMs: Number.isFinite(moreAfterMs) ? moreAfterMs : undefined }
  }

  /** Begins nothing more while something else is done. */
  async paused(work: () => Promise<void>): Promise<void> {
    this.#isPaused = true
    try {
      await work()
    } finally {
      this.#isPaused = false
    }
  }

  /** Looks at shares again that have ended: another machine may have written to one that it did not know to be over. */
  recheck(): void {
    this.#finished.clear()
  }

  /** Ends a share: nothing of it is there any more. */
  async #finish({ bucket, tree, id, row }: OpenShare): Promise<boolean> {
    if (this.#finished.has(id)) return true
    if (row.endedAt === undefined) await bucket.write((rows) => endShare(rows, id))
    await tree.erase()
    const { from, before } = changesRange(id)
    while ((await bucket.read((rows) => rows.first(from, before), NEWEST)) !== undefined)
      await bucket.write((rows) => dropMarks(rows, id))
    this.#finished.add(id)
    this.#behind.delete(id)
    return true
  }

  async #bringUp(share: OpenShare): Promise<boolean> {
    for (let takeovers = 0; takeovers < TAKEOVERS_MAX; takeovers++)
      try {
        const begun = await this.#begin(share)
        if (begun === undefined) return await this.#finish(share)
        const { row } = begun
        const publisher = new ObjectPublisher(
          { ...this.#components, ...share, share: share.tree, publisher: this.#own },
          { graceMs: this.#graceMs },
        )
        const isWalked = row.isWalked || (await this.#walk({ ...share, row }, publisher))
        const shown = await this.#showChanges(share, publisher)
        const isFilled = isWalked && shown === 'all'
        if (isFilled || shown === 'some') await this.#noteFilled(share, begun, isFilled)
        await this.#dropOld(share)
        return isFilled
      } catch (error) {
        if (hasCode(error, 'STORAGE_SHARE_ENDED')) return await this.#finish(share)
        if (!(error instanceof PublisherReplaced)) throw error
      }
    return false
  }

  /** Becomes the process that writes to a share. @returns undefined when the share has ended */
  async #begin({ bucket, tree, id, row }: OpenShare): Promise<BegunShare | undefined> {
    const known = await tree.read((rows) => headIn(rows))
    if (known !== undefined && equalBytes(known.publisher, this.#own)) {
      const live = await bucket.read((rows) => liveShare(rows, id), NEWEST)
      return live === undefined ? undefined : { row: live, head: known }
    }
    const { expiresAt } = row
    const head = await tree.write(async (rows) => {
      const before = await headIn(rows)
      // A tree that was begun and has no head was erased.
      if (row.isBegun && before === undefined) return undefined
      const own: ShareHeadRow = {
        version: 1,
        publisher: this.#own,
        ...(expiresAt === undefined ? {} : { expiresAt }),
        isFilled: before?.isFilled ?? false,
      }
      rows.put(shareHeadKey, shareHeadSchema.encodeMessage(own))
      return own
    })
    if (head === undefined) return undefined
    const live = await bucket.write(async (rows) => {
      const now = await liveShare(rows, id)
      if (now === undefined || now.isBegun) return now
      const begun = { ...now, isBegun: true }
      putShare(rows, id, begun)
      return begun
    })
    return live === undefined ? undefined : { row: live, head }
  }

  /** Says to whoever reads the share, then to its owner, whether something could not be shown. */
  async #noteFilled({ bucket, tree, id }: OpenShare, { head, row }: BegunShare, isFilled: boolean): Promise<void> {
    if (head.isFilled !== isFilled)
      await tree.write(async (rows) => {
        const now = await headOfPublisher(rows, this.#own)
        rows.put(shareHeadKey, shareHeadSchema.encodeMessage({ ...now, isFilled }))
      })
    if (row.isFilled !== isFilled)
      await bucket.write(async (rows) => {
        const now = await liveShare(rows, id)
        if (now !== undefined) putShare(rows, id, { ...now, isFilled })
      })
  }

  /**
   * Shows what was there when it was shared, some objects at a time, and marks what could not be shown.
   * @returns false when it must be gone on with later
   */
  async #walk({ bucket, id, row }: OpenShare, publisher: ObjectPublisher): Promise<boolean> {
    let failedBatches = 0
    for (let { filledTo, isWalked } = row; !isWalked; ) {
      if (this.#isPaused || failedBatches === FAILED_BATCHES_MAX) return false
      const page = await bucket.read(async (rows) => {
        if (!isFolder(row.prefix)) return { keys: [row.prefix], next: undefined }
        const { objects, next } = await listObjects(rows, { prefix: row.prefix, after: filledTo, limit: BATCH })
        return { keys: objects.map(({ key }) => key), next }
      }, NEWEST)
      const failed = await this.#showAll(page.keys, row, publisher)
      if (failed.length > 0 && failed.length === page.keys.length) failedBatches++
      filledTo = page.next?.after ?? filledTo
      isWalked = page.next === undefined
      const live = await bucket.write(async (rows) => {
        const now = await liveShare(rows, id)
        if (now === undefined) return undefined
        for (const key of failed) mark(rows, id, key)
        putShare(rows, id, { ...now, filledTo, isWalked })
        return now
      })
      if (live === undefined) return true
    }
    return true
  }

  /**
   * Shows what changed since. Where much of it cannot be shown, the next turn goes on behind that, and then from the start.
   * @returns `some` when something could not be shown, `paused` when that is not known
   */
  async #showChanges({ bucket, id, row }: OpenShare, publisher: ObjectPublisher): Promise<'all' | 'some' | 'paused'> {
    const behind = this.#behind.get(id)
    this.#behind.delete(id)
    let shown: 'all' | 'some' = behind === undefined ? 'all' : 'some'
    let failedBatches = 0
    const range = changesRange(id)
    for (let from = behind ?? range.from; ; ) {
      const marks = await bucket.read(async (rows) => {
        const found: TreeEntry[] = []
        for await (const { key, value } of rows.scan(from, range.before)) {
          found.push({ key, value: Uint8Array.from(value) })
          if (found.length === BATCH) break
        }
        return found
      }, NEWEST)
      const last = marks.at(-1)
      if (last === undefined) return shown
      if (this.#isPaused) return shown === 'all' ? 'paused' : shown
      from = `${last.key}\u0000`
      const failed = new Set(
        await this.#showAll(
          marks.map(({ key }) => objectOfChange(key)),
          row,
          publisher,
        ),
      )
      if (failed.size > 0) shown = 'some'
      if (failed.size === marks.length) {
        failedBatches++
        if (failedBatches < FAILED_BATCHES_MAX) continue
        this.#behind.set(id, from)
        return shown
      }
      await bucket.write(async (rows) => {
        for (const { key, value } of marks) {
          const now = failed.has(objectOfChange(key)) ? undefined : await rows.get(key)
          // Another mark is a newer change.
          if (now !== undefined && equalBytes(now, value)) rows.delete(key)
        }
      })
    }
  }

  /** Shows objects. @returns those that could not be */
  async #showAll(
    keys: readonly string[],
    { prefix }: ShareRow,
    publisher: ObjectPublisher,
  ): Promise<readonly string[]> {
    const failed: string[] = []
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      const outcomes = await Promise.allSettled(
        keys.slice(at, at + AT_ONCE).map(async (key) => {
          const path = pathIn(prefix, key)
          if (path === undefined) return
          try {
            await publisher.publish(key, path)
          } catch (error) {
            if (!isSteadError(error) || hasCode(error, 'STORAGE_SHARE_ENDED')) throw error
            this.#components.logger.warn('an object could not be shown in a share', { error: messageOf(error) })
            failed.push(key)
          }
        }),
      )
      // Only when all have come to an end: none may write on when the share is begun anew.
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    }
    return failed
  }

  async #dropOld({ tree, secrets }: OpenShare): Promise<void> {
    for (let isMore = true; isMore; )
      isMore = await tree.write(async (rows) => {
        await headOfPublisher(rows, this.#own)
        return await dropOldContents(rows, secrets, { graceMs: this.#graceMs })
      })
  }
}

async function headIn(rows: Rows): Promise<ShareHeadRow | undefined> {
  const value = await rows.get(shareHeadKey)
  return value === undefined ? undefined : shareHeadSchema.decodeMessage(value)
}
