import { type Clock, type Logger, messageOf, type Random } from '@stead/core'
import { StorageError } from '../errors.ts'
import { bytesOfKey, keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { abortable, checkAborted } from './abortable.ts'
import { letGo } from './holdings.ts'
import { contentKey, extentKey, ID_BYTES } from './row-keys.ts'
import { contentRowSchema, extentRowSchema } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { type KeptSegment, rowOfStored, type Stored } from './stored.ts'
import type { Transaction } from './transaction.ts'

/** What a {@link ContentWriter} works with. */
export interface ContentComponents {
  readonly tree: SealedTree
  readonly random: Random
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>
  readonly logger: Logger
}

interface Place {
  readonly endByte: number
  readonly lengthBytes: number
  readonly kept: Moment
}

interface Extent extends Place {
  readonly stored: Stored
}

interface SendingSegment extends Place {
  readonly keeping: Promise<KeptSegment>
}

/** By both clocks: one stands still while a machine sleeps, the other may be set back. */
interface Moment {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** Extents in memory; more are written down as they come, so that an object of any size takes the same. */
const EXTENTS_MAX = 32
/** Segments that are sent at once: the coder works while the network does. */
const SENDING_MAX = 2
/** Bytes of the segments that are sent at once: three times as many are in memory as pieces. One that has more goes alone. */
const SENDING_BYTES_MAX = 8 * 1024 * 1024

/**
 * Keeps a body's segments under a content of its own, that nothing refers to before it is finished. What was written of
 * one that is given up is garbage.
 */
export class ContentWriter {
  readonly #components: ContentComponents
  readonly #keepUnfinishedMs: number
  readonly #id: TreeKey
  #extents: Extent[] = []
  /** In their order; the first is waited for first. */
  readonly #sending: SendingSegment[] = []
  #lengthBytes = 0
  #isRecorded = false

  /** @param keepUnfinishedMs after so many milliseconds others take what nothing refers to for garbage */
  constructor(components: ContentComponents, keepUnfinishedMs: number) {
    this.#components = components
    this.#keepUnfinishedMs = keepUnfinishedMs
    this.#id = keyOfBytes(components.random.bytes(ID_BYTES))
  }

  /**
   * Keeps the next segment, and goes on while it is sent: the next one is made meanwhile, where there is room for one more
   * of its size. @throws what became of one before; as the tree; CoreError CORE_ABORTED
   */
  async add(plaintext: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    checkAborted(signal)
    const keeping = this.#components.tree.keepSegment(plaintext)
    // Whoever waits for it hears of a failure; until then nobody does.
    keeping.catch(() => undefined)
    this.#lengthBytes += plaintext.length
    const place = { endByte: this.#lengthBytes, lengthBytes: plaintext.length, kept: this.#moment() }
    this.#sending.push({ ...place, keeping })
    while (this.#sending.length > 0 && !this.#hasRoom(plaintext.length)) await this.#landed(signal)
  }

  /** Whether another segment of this size may be sent beside those that are. */
  #hasRoom(segmentBytes: number): boolean {
    const sendingBytes = this.#sending.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
    return this.#sending.length < SENDING_MAX && sendingBytes + segmentBytes <= SENDING_BYTES_MAX
  }

  /** Waits for all that was added. @throws as add */
  async allKept(signal: AbortSignal | undefined): Promise<void> {
    while (this.#sending.length > 0) await this.#landed(signal)
  }

  /** Waits for the oldest of those that are sent. */
  async #landed(signal: AbortSignal | undefined): Promise<void> {
    const [oldest] = this.#sending
    if (oldest === undefined) return
    const { keeping, ...place } = oldest
    const segment = await abortable(keeping, signal)
    this.#sending.shift()
    this.#extents.push({ ...place, stored: { kind: 'segment', segment, fromByte: 0, isLent: false } })
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
    for (const { keeping } of this.#sending.splice(0))
      keeping.then(
        ({ reference }) => tree.release([reference]),
        () => undefined,
      )
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
