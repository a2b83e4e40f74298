import { type Clock, type Logger, messageOf, type Random } from '@stead/core'
import { StorageError } from '../errors.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { abortable } from './abortable.ts'
import { letGo } from './holdings.ts'
import { contentKey, extentKey, ID_BYTES } from './row-keys.ts'
import { contentRowSchema, extentRowSchema } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { rowOfStored, type Stored } from './stored.ts'
import type { Transaction } from './transaction.ts'

/** What a {@link ContentWriter} works with. */
export interface ContentComponents {
  readonly tree: SealedTree
  readonly random: Random
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>
  readonly logger: Logger
}

interface Extent {
  readonly endByte: number
  readonly lengthBytes: number
  readonly stored: Stored
  readonly kept: Moment
}

/** By both clocks: one stands still while a machine sleeps, the other may be set back. */
interface Moment {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** Extents in memory; more are written down as they come, so that an object of any size takes the same. */
const EXTENTS_MAX = 32

/**
 * Keeps a body's segments under a content of its own, that nothing refers to before it is finished. What was written of
 * one that is given up is garbage.
 */
export class ContentWriter {
  readonly #components: ContentComponents
  readonly #keepUnfinishedMs: number
  readonly #id: TreeKey
  #extents: Extent[] = []
  #lengthBytes = 0
  #isRecorded = false

  /** @param keepUnfinishedMs after so many milliseconds others take what nothing refers to for garbage */
  constructor(components: ContentComponents, keepUnfinishedMs: number) {
    this.#components = components
    this.#keepUnfinishedMs = keepUnfinishedMs
    this.#id = keyOfBytes(components.random.bytes(ID_BYTES))
  }

  /** Keeps the next segment. @throws as the tree; CoreError CORE_ABORTED */
  async add(plaintext: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { tree } = this.#components
    const kept = this.#moment()
    const keeping = tree.keepSegment(plaintext)
    let isHeard = true
    keeping.then(
      (segment) => (isHeard ? undefined : tree.release([segment.reference])),
      () => undefined,
    )
    const segment = await abortable(keeping, signal).catch((error: unknown) => {
      isHeard = false
      throw error
    })
    this.#lengthBytes += plaintext.length
    const stored: Stored = { kind: 'segment', segment, fromByte: 0, isLent: false }
    this.#extents.push({ endByte: this.#lengthBytes, lengthBytes: plaintext.length, stored, kept })
    if (this.#extents.length >= EXTENTS_MAX) await this.#record()
  }

  /**
   * Makes the content whole, with one holder, in the change that refers to it.
   * @throws StorageError STORAGE_WRITE_LATE
   */
  async finish(rows: Transaction): Promise<Stored> {
    await this.#put(rows, this.#extents)
    const row = { version: 1, holders: 1, lengthBytes: this.#lengthBytes } as const
    rows.put(contentKey(this.#id), contentRowSchema.encodeMessage(row))
    return { kind: 'content', content: this.#id }
  }

  /** Gives it up. What cannot be told now is found by the sweep. */
  async discard(): Promise<void> {
    const { tree, logger } = this.#components
    tree.release(this.#extents.flatMap(({ stored }) => (stored.kind === 'segment' ? [stored.segment.reference] : [])))
    if (!this.#isRecorded) return
    try {
      await tree.write(async (rows) => {
        const row = await rows.get(contentKey(this.#id))
        if (row === undefined) return
        rows.put(
          contentKey(this.#id),
          contentRowSchema.encodeMessage({ version: 1, holders: 0, lengthBytes: this.#lengthBytes }),
        )
        letGo(rows, rows.now, { content: bytesOfKey(this.#id) })
      })
    } catch (error) {
      logger.warn('what was written of an object that was given up stays for a while', { error: messageOf(error) })
    }
  }

  async #record(): Promise<void> {
    const extents = this.#extents
    await this.#components.tree.write(async (rows) => {
      await this.#put(rows, extents)
      const row = { version: 1, holders: 0, lengthBytes: this.#lengthBytes, unfinishedAt: rows.now } as const
      rows.put(contentKey(this.#id), contentRowSchema.encodeMessage(row))
    })
    this.#isRecorded = true
    this.#extents = []
  }

  async #put(rows: Transaction, extents: readonly Extent[]): Promise<void> {
    const now = this.#moment()
    const lateMs = this.#keepUnfinishedMs / 2
    const isLate = extents.some(
      ({ kept }) => now.wallMs - kept.wallMs > lateMs || now.monotonicMs - kept.monotonicMs > lateMs,
    )
    const isGone = this.#isRecorded && !(await this.#isUnfinished(rows))
    if (isLate || isGone)
      throw new StorageError('STORAGE_WRITE_LATE', 'a body stalled for too long', {
        details: { keepUnfinishedMs: this.#keepUnfinishedMs },
      })
    for (const { endByte, lengthBytes, stored } of extents)
      rows.put(
        extentKey(this.#id, endByte),
        extentRowSchema.encodeMessage({ version: 1, lengthBytes, stored: rowOfStored(stored) }),
      )
  }

  #moment(): Moment {
    const { clock } = this.#components
    return { wallMs: clock.now(), monotonicMs: clock.monotonicMs() }
  }

  /** Whether no sweep has taken it for one that was given up. */
  async #isUnfinished(rows: Transaction): Promise<boolean> {
    const value = await rows.get(contentKey(this.#id))
    return value !== undefined && contentRowSchema.decodeMessage(value).unfinishedAt !== undefined
  }
}
