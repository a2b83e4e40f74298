import { type Clock, hasCode, isSteadError, type Logger, messageOf, type Random } from '@stead/core'
import type { PathSecret } from '../keys/path-secret.ts'
import type { ObjectStoreOptions } from '../options.ts'
import { NodeCache } from '../tree/node-cache.ts'
import type { NodeMemory } from '../tree/node-memory.ts'
import type { PagePlace } from '../tree/tree-node.ts'
import { TreeReader } from '../tree/tree-reader.ts'
import { CommitQueue } from './commit-queue.ts'
import { PageUnreadable } from './page-unreadable.ts'
import { ReadPins } from './read-pins.ts'
import type { RootPointer } from './root-pointer.ts'
import { RootReader, type SequencedRoot } from './root-reader.ts'
import { COMMIT_ID_BYTES, EMPTY_ROOT, pageOfRecord, type RootRecord, rootRecordSchema } from './root-record.ts'
import type { Payer } from './rows.ts'
import type { SegmentStore } from './segment-store.ts'
import type { KeptSegment, Stored } from './stored.ts'
import type { Transaction } from './transaction.ts'
import { forEachReferenceOf } from './tree-references.ts'

/** What a {@link SealedTree} works with. */
export interface SealedTreeComponents {
  readonly segments: SegmentStore
  readonly pointer: RootPointer
  /** A root that somebody has seen: none before it is believed. @default 0 */
  readonly seenSequence?: number
  /** Of this tree alone: what is in it, its root and its pointer follow from it. */
  readonly secret: PathSecret
  /** Who pays here, in the tree that tells others: that of the catalogue, which nobody else is given. @default nobody */
  readonly payer?: Payer | undefined
  readonly random: Random
  readonly clock: Clock
  readonly logger: Logger
  readonly memory: NodeMemory
}

/** What reads only the newest rows: where what is not in them is thrown away, or written over what others made of newer ones. */
export const NEWEST = { isOldFine: false } as const
const SEGMENT_KEY_BYTES = 32
/** A reader that is overtaken this often by commits of others says what it met. */
const READ_TRIES = 5

/**
 * A tree under a pointer, sealed: rows that survive this process, that other machines with the same secret read and write,
 * and that nobody else can read. What is read holds every write that was acknowledged before.
 */
export class SealedTree {
  readonly #components: SealedTreeComponents
  readonly #roots: RootReader
  readonly #nodes: NodeCache
  readonly #commits: CommitQueue
  readonly #pins = new ReadPins()
  #releasing: Promise<void> = Promise.resolve()

  constructor(components: SealedTreeComponents, options: ObjectStoreOptions) {
    this.#components = components
    this.#roots = new RootReader(components.pointer, components.secret, components.seenSequence)
    this.#nodes = new NodeCache({ read: (place) => this.#readPage(place) }, components.memory)
    this.#commits = new CommitQueue({ tree: this, roots: this.#roots, nodes: this.#nodes, ...components }, options)
  }

  /** The newest place in the sequence of roots that was seen, without asking. */
  get sequence(): number {
    return this.#roots.known.sequence
  }

  get pins(): ReadPins {
    return this.#pins
  }

  /** Waits for commits and releases that are under way. Writes that come afterwards are still done. */
  async stop(): Promise<void> {
    await this.#commits.settled()
    await this.#releasing
  }

  /**
   * Looks at the newest rows. Asked again when another machine replaced them meanwhile. While too few of the nodes that keep
   * the root answer, these are the newest rows that this machine saw, which the log says.
   * @param options.isOldFine see {@link NEWEST}
   * @throws StorageError STORAGE_OLD_ROOT, STORAGE_NOT_AUTHENTIC; as the pointer, the store of segments, and `look`
   */
  async read<Result>(
    look: (rows: TreeReader, root: RootRecord) => Promise<Result>,
    { isOldFine = true }: { readonly isOldFine?: boolean } = {},
  ): Promise<Result> {
    const newest = (): Promise<SequencedRoot> => (isOldFine ? this.#rootToRead() : this.#roots.fresh())
    let root = await newest()
    for (let tries = 1; ; tries++) {
      try {
        return await this.#look(root, look)
      } catch (error) {
        if (!(error instanceof PageUnreadable)) throw error
        const next = await newest()
        if (next.sequence === root.sequence || tries === READ_TRIES) throw error.cause
        root = next
      }
    }
  }

  async #rootToRead(): Promise<SequencedRoot> {
    try {
      return await this.#roots.fresh()
    } catch (error) {
      const cached = hasCode(error, 'STORAGE_ROOT_AWAY') ? await this.#roots.cached() : undefined
      if (cached === undefined) throw error
      this.#components.logger.warn('a root may be old: too few of the nodes that keep it answer', {
        sequence: cached.sequence,
        error: messageOf(error),
      })
      return cached
    }
  }

  /** Looks at the newest rows that this process saw, without asking; undefined where there are none, or they cannot be read. */
  async glance<Result>(look: (rows: TreeReader) => Promise<Result>): Promise<Result | undefined> {
    const { known } = this.#roots
    if (known.sequence === 0) return undefined
    try {
      return await this.#look(known, look)
    } catch (error) {
      if (error instanceof PageUnreadable) return undefined
      throw error
    }
  }

  /** Looks at rows that may have been replaced by others since, without asking; for what never changes. @throws as read */
  async readKnown<Result>(look: (rows: TreeReader) => Promise<Result>): Promise<Result> {
    try {
      return await this.#look(this.#roots.known, look)
    } catch (error) {
      if (error instanceof PageUnreadable) return await this.read(look)
      throw error
    }
  }

  /**
   * Changes rows together with what others change in these milliseconds. The change may be made again on newer rows, so
   * that it must do nothing else.
   * @param packed bytes to be kept in a segment shared with others of the batch: the change gets where
   * @throws what the change throws, when nothing of it is kept; as the pointer and the store of segments, when nobody
   * knows whether it is
   */
  async write<Result>(
    change: (rows: Transaction, packed: Stored | undefined) => Promise<Result>,
    packed?: Uint8Array,
  ): Promise<Result> {
    return await this.#commits.add(change, packed)
  }

  /** Keeps a segment under a key of its own. @throws as the store of segments */
  async keepSegment(plaintext: Uint8Array): Promise<KeptSegment> {
    const { segments, secret, random } = this.#components
    const key = random.bytes(SEGMENT_KEY_BYTES)
    const reference = await segments.put(key, plaintext)
    return { reference, wrappedKey: secret.wrapKey(key) }
  }

  /** A segment of another tree, its key wrapped for this one. @throws StorageError STORAGE_NOT_AUTHENTIC */
  adoptSegment(from: SealedTree, { reference, wrappedKey }: KeptSegment): KeptSegment {
    const key = from.#components.secret.unwrapKey(wrappedKey)
    return { reference, wrappedKey: this.#components.secret.wrapKey(key) }
  }

  /** The key of a segment: whoever has it reads all of the segment. @throws StorageError STORAGE_NOT_AUTHENTIC */
  segmentKey({ wrappedKey }: KeptSegment): Uint8Array {
    return this.#components.secret.unwrapKey(wrappedKey)
  }

  /**
   * Takes all rows away in one swap, and lets go of what they refer to. Nothing may be written by this process meanwhile.
   * @throws as the pointer, when nobody knows whether it is done
   */
  async erase(): Promise<void> {
    const { pointer, secret, random } = this.#components
    for (;;) {
      const { sequence: before, record } = await this.#roots.fresh()
      if (record.root === undefined) return
      const references = await this.#referencesOfAll()
      const erased: RootRecord = { ...EMPTY_ROOT, commits: [random.bytes(COMMIT_ID_BYTES)] }
      const sequence = before + 1
      const sealed = secret.sealRoot(sequence, rootRecordSchema.encodeMessage(erased))
      if ((await pointer.swap(before, sealed)) === 'moved') continue
      this.#roots.accept({ sequence, sealed, record: erased })
      this.releasePages(sequence, references)
      return
    }
  }

  /** What all rows refer to; nothing when they cannot be read: then the sweep finds it. */
  async #referencesOfAll(): Promise<readonly Uint8Array[]> {
    const references: Uint8Array[] = []
    try {
      await forEachReferenceOf(this, (reference) => references.push(Uint8Array.from(reference)))
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#components.logger.warn('a tree that is erased cannot be read', { error: messageOf(error) })
      return []
    }
    return references
  }

  /** Bytes of a segment. @throws as the store of segments */
  async readSegment(
    { reference, wrappedKey }: KeptSegment,
    range: { readonly fromByte: number; readonly toByte: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const { segments, secret } = this.#components
    return await segments.read(reference, secret.unwrapKey(wrappedKey), range, signal)
  }

  /** Lets segments go, one after another, behind what is under way; what cannot be is left to the sweep. */
  release(references: readonly Uint8Array[]): void {
    if (references.length === 0) return
    const { segments, logger } = this.#components
    this.#releasing = this.#releasing.then(async () => {
      for (const reference of references) {
        try {
          await segments.release(reference)
        } catch (error) {
          logger.warn('a segment could not be released', { error: messageOf(error) })
        }
      }
    })
  }

  /** Lets segments of pages go that the root of this number does not reach, once nobody here reads an older one. */
  releasePages(sequence: number, references: readonly Uint8Array[]): void {
    this.#pins.retire(sequence, references)
    this.release(this.#pins.takeRetired())
  }

  /** Rows at a root that stays whole meanwhile. */
  async #look<Result>(
    root: SequencedRoot,
    look: (rows: TreeReader, record: RootRecord) => Promise<Result>,
  ): Promise<Result> {
    const done = this.#pins.pinRoot(root.sequence)
    try {
      return await look(new TreeReader(this.#nodes, pageOfRecord(root.record)), root.record)
    } finally {
      done()
      this.release(this.#pins.takeRetired())
    }
  }

  async #readPage({ segment, fromByte, lengthBytes }: PagePlace): Promise<Uint8Array> {
    const { reference, wrappedKey } = segment
    if (reference === undefined) throw new TypeError('a page is read whose segment was not written')
    try {
      return await this.readSegment({ reference, wrappedKey }, { fromByte, toByte: fromByte + lengthBytes })
    } catch (cause) {
      throw new PageUnreadable(`a page of segment ${segment.number} cannot be read`, { cause })
    }
  }
}
