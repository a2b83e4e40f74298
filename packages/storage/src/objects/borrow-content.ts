import { type Logger, messageOf, type Random } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import type { OpenBucket } from './bucket-catalogue.ts'
import { drop, type GarbageTerms, hold, letContentGo } from './holdings.ts'
import { extentAt, segmentOfPack } from './read-stored.ts'
import { contentKey, extentKey, holdKey, ID_BYTES } from './row-keys.ts'
import { type ContentRow, contentRowSchema, extentRowSchema, holdRowSchema, type Lender } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { rowOfStored, type Stored } from './stored.ts'
import type { Transaction } from './transaction.ts'

/** What borrows. */
export interface BorrowComponents {
  readonly random: Random
  readonly logger: Logger
}

/** What is borrowed. */
export interface Borrowing {
  readonly from: OpenBucket
  readonly to: OpenBucket
  /** The content in `from`. */
  readonly content: TreeKey
  readonly lengthBytes: number
  /** Whether an object of `from` has the content still; looked at in the change that holds it. */
  readonly isThere: (rows: Transaction) => Promise<boolean>
}

/** A content in another bucket whose bytes stay where they are. */
export interface BorrowedContent {
  /** Makes it whole, with one holder, in the change that refers to it. @throws StorageError STORAGE_WRITE_LATE */
  finish(rows: Transaction): Promise<Stored>
  /** Gives it up. What cannot be told now is found by the sweep. */
  discard(): Promise<void>
}

/** Extents that are written in one commit. */
const EXTENTS_AT_ONCE = 32

interface Extent {
  readonly endByte: number
  readonly lengthBytes: number
  readonly stored: Stored
}

/**
 * Gives a bucket a content whose segments are those of another bucket's. That one holds its content until a sweep brings
 * the hold back; it is noted here before it is asked for there, so that no crash makes it stay for good.
 * @returns undefined when the content went meanwhile
 * @throws as the trees
 */
export async function borrowContent(
  { random, logger }: BorrowComponents,
  borrowing: Borrowing,
): Promise<BorrowedContent | undefined> {
  const { from, to, content, lengthBytes, isThere } = borrowing
  const id = keyOfBytes(random.bytes(ID_BYTES))
  const holdId = random.bytes(ID_BYTES)
  const lender: Lender = { bucket: from.row.name, generation: from.row.generation, hold: holdId }
  const borrowed = new Borrower(to.tree, { id, lengthBytes, lender }, logger)
  await borrowed.note()
  try {
    const isHeld = await from.tree.write(async (rows) => {
      if (!(await isThere(rows))) return false
      await hold(rows, { stored: { kind: 'content', content }, lengthBytes })
      const row = { version: 1, content: bytesOfKey(content), lengthBytes } as const
      rows.put(holdKey(keyOfBytes(holdId)), holdRowSchema.encodeMessage(row))
      return true
    })
    if (isHeld) {
      await borrowed.fill(from.tree, content)
      return borrowed
    }
  } catch (error) {
    await borrowed.discard()
    throw error
  }
  await borrowed.discard()
  return undefined
}

/** Brings a hold back to the bucket that gave it; nothing when it is back already. @throws as the tree */
export async function returnHold(
  lender: SealedTree,
  hold: Uint8Array,
  terms: Pick<GarbageTerms, 'graceMs'>,
): Promise<void> {
  await lender.write(async (rows) => {
    const key = holdKey(keyOfBytes(hold))
    const value = await rows.get(key)
    if (value === undefined) return
    const { content, lengthBytes } = holdRowSchema.decodeMessage(value)
    rows.delete(key)
    await drop(rows, { stored: { kind: 'content', content: keyOfBytes(content) }, lengthBytes }, terms)
  })
}

class Borrower implements BorrowedContent {
  readonly #tree: SealedTree
  readonly #id: TreeKey
  readonly #row: Pick<ContentRow, 'version' | 'lengthBytes' | 'lender'> & { readonly lender: Lender }
  readonly #logger: Logger

  constructor(
    tree: SealedTree,
    { id, lengthBytes, lender }: { readonly id: TreeKey; readonly lengthBytes: number; readonly lender: Lender },
    logger: Logger,
  ) {
    this.#tree = tree
    this.#id = id
    this.#row = { version: 1, lengthBytes, lender }
    this.#logger = logger
  }

  /** Notes what is about to be borrowed. */
  async note(): Promise<void> {
    await this.#tree.write(async (rows) => {
      rows.put(contentKey(this.#id), this.#encoded({ holders: 0, unfinishedAt: rows.now }))
    })
  }

  /** Writes down where the bytes are. */
  async fill(from: SealedTree, content: TreeKey): Promise<void> {
    let extents: Extent[] = []
    const flush = async (): Promise<void> => {
      const batch = extents
      extents = []
      await this.#tree.write(async (rows) => {
        await this.#checkThere(rows)
        for (const { endByte, lengthBytes, stored } of batch)
          rows.put(
            extentKey(this.#id, endByte),
            extentRowSchema.encodeMessage({ version: 1, lengthBytes, stored: rowOfStored(stored) }),
          )
        rows.put(contentKey(this.#id), this.#encoded({ holders: 0, unfinishedAt: rows.now }))
      })
    }
    const whole = { kind: 'content', content } as const
    for await (const extent of this.#flat(from, whole, { atByte: 0, lengthBytes: this.#row.lengthBytes })) {
      extents.push(extent)
      if (extents.length === EXTENTS_AT_ONCE) await flush()
    }
    if (extents.length > 0) await flush()
  }

  async finish(rows: Transaction): Promise<Stored> {
    await this.#checkThere(rows)
    rows.put(contentKey(this.#id), this.#encoded({ holders: 1 }))
    return { kind: 'content', content: this.#id }
  }

  async discard(): Promise<void> {
    try {
      await this.#tree.write(async (rows) => {
        if ((await rows.get(contentKey(this.#id))) === undefined) return
        rows.put(contentKey(this.#id), this.#encoded({ holders: 0 }))
        letContentGo(rows, rows.now, { id: this.#id, content: this.#row })
      })
    } catch (error) {
      this.#logger.warn('what was borrowed for a copy that was given up stays for a while', {
        error: messageOf(error),
      })
    }
  }

  /** Extents of segments and inline bytes, however deep they lie. */
  async *#flat(
    from: SealedTree,
    stored: Stored,
    { atByte, lengthBytes }: { readonly atByte: number; readonly lengthBytes: number },
  ): AsyncGenerator<Extent> {
    const endByte = atByte + lengthBytes
    if (stored.kind === 'inline') yield { endByte, lengthBytes, stored: { ...stored, bytes: stored.bytes.slice() } }
    if (stored.kind === 'segment') {
      const segment = this.#tree.adoptSegment(from, stored.segment)
      yield { endByte, lengthBytes, stored: { ...stored, segment, isLent: true } }
    }
    if (stored.kind === 'pack') {
      const segment = this.#tree.adoptSegment(from, await segmentOfPack(from, stored.pack))
      yield { endByte, lengthBytes, stored: { kind: 'segment', segment, fromByte: stored.fromByte, isLent: true } }
    }
    if (stored.kind !== 'content') return
    for (let at = 0; at < lengthBytes; ) {
      const extent = await extentAt(from, stored.content, at)
      const part = { atByte: atByte + extent.startByte, lengthBytes: extent.endByte - extent.startByte }
      yield* this.#flat(from, extent.stored, part)
      at = extent.endByte
    }
  }

  #encoded(state: Pick<ContentRow, 'holders'> & Partial<Pick<ContentRow, 'unfinishedAt'>>): Uint8Array {
    return contentRowSchema.encodeMessage({ ...this.#row, ...state })
  }

  /** @throws StorageError STORAGE_WRITE_LATE when a sweep took it for one that was given up */
  async #checkThere(rows: Transaction): Promise<void> {
    const value = await rows.get(contentKey(this.#id))
    const row = value === undefined ? undefined : contentRowSchema.decodeMessage(value)
    if (row?.unfinishedAt !== undefined && equalBytes(row.lender?.hold ?? new Uint8Array(0), this.#row.lender.hold))
      return
    throw new StorageError('STORAGE_WRITE_LATE', 'a copy took longer than unfinished writes are kept')
  }
}
