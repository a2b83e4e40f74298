import type { Clock, Logger, Random } from '@stead/core'
import { messageOf } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import type { ObjectStoreOptions } from '../options.ts'
import type { NodeCache } from '../tree/node-cache.ts'
import { PageLog } from '../tree/page-log.ts'
import type { PageSink } from '../tree/page-store.ts'
import { keyOfBytes, type TreeKey } from '../tree/tree-key.ts'
import { TreeReader } from '../tree/tree-reader.ts'
import { type TreeUpdate, TreeWriter } from '../tree/tree-writer.ts'
import { addPack } from './holdings.ts'
import { type HouseKeeping, keepHouse } from './house-keeping.ts'
import { PageUnreadable } from './page-unreadable.ts'
import type { RootPointer } from './root-pointer.ts'
import type { RootReader, SequencedRoot } from './root-reader.ts'
import {
  COMMIT_ID_BYTES,
  COMMIT_SEGMENTS_MAX,
  COMMITS_REMEMBERED,
  PAYERS_MAX,
  type PageSegmentRow,
  pageOfRecord,
  type RootRecord,
  recordOfPage,
  rootRecordSchema,
} from './root-record.ts'
import { ID_BYTES, packKey } from './row-keys.ts'
import type { Payer } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import type { KeptSegment, Stored } from './stored.ts'
import { Transaction } from './transaction.ts'

/** A write that waits to be committed. */
export interface Commit {
  /** Bytes for a segment that it shares. */
  readonly packed: Uint8Array | undefined
  /** Makes the change; may be called again on newer rows. @returns what tells its writer, once it is kept */
  run(rows: Transaction, packed: Stored | undefined): Promise<() => void>
  reject(error: unknown): void
}

/** What a {@link Committer} works with. */
export interface CommitComponents {
  readonly tree: Pick<SealedTree, 'pins' | 'keepSegment' | 'release' | 'releasePages'>
  readonly roots: RootReader
  readonly nodes: NodeCache
  readonly pointer: RootPointer
  readonly secret: PathSecret
  /** Told by the root of the catalogue. @default nobody */
  readonly payer?: Payer | undefined
  readonly random: Random
  readonly clock: Clock
  readonly logger: Logger
}

/** A segment that the small objects of a batch share. */
interface Pack {
  readonly id: TreeKey
  readonly segment: KeptSegment
  readonly lengthBytes: number
  readonly places: ReadonlyMap<Commit, Stored>
}

/** The pages of a root that is not yet one. */
interface NextRoot {
  readonly record: RootRecord
  readonly update: TreeUpdate
  readonly references: readonly Uint8Array[]
}

/** A swap of which nobody knows whether it was done, for the `cause`. */
class SwapUnsure extends Error {}

/** Numbers of segments of pages that each root has for itself. */
const NUMBERS_PER_ROOT = 16
/** How often a swap is tried that was not answered, and how long it is waited before each. */
const SWAP_WAITS_MS = [100, 500, 2000]
/** A pointer that says `moved` and does not move is asked so often. */
const STILL_TRIES = 5

/** Makes the next root of a tree out of a batch of changes. */
export class Committer {
  readonly #components: CommitComponents
  readonly #options: ObjectStoreOptions

  constructor(components: CommitComponents, options: ObjectStoreOptions) {
    this.#components = components
    this.#options = options
  }

  /**
   * Commits a batch, and tells each writer what became of its change. When somebody else was faster, all changes are made
   * again on the new root, so that what they were conditional on is looked at again.
   * @throws what kept all of them from being committed
   */
  async commit(batch: readonly Commit[]): Promise<void> {
    const { roots, tree } = this.#components
    const pack = await this.#keepPack(batch)
    try {
      // Who has seen none yet would only learn from a swap in vain that there is one.
      let base = roots.known.sequence === 0 ? await roots.fresh() : roots.known
      for (let still = 0; !(await this.#try(base, batch, pack)); ) {
        const next = await roots.fresh()
        still = next.sequence === base.sequence ? still + 1 : 0
        if (still === STILL_TRIES)
          throw new StorageError('STORAGE_OLD_ROOT', `root ${base.sequence} was replaced by none that can be read`)
        base = next
      }
    } catch (error) {
      if (error instanceof SwapUnsure) throw error.cause
      if (pack !== undefined) tree.release([pack.segment.reference])
      throw error
    }
  }

  async #keepPack(batch: readonly Commit[]): Promise<Pack | undefined> {
    const { tree, random } = this.#components
    const id = keyOfBytes(random.bytes(ID_BYTES))
    const places = new Map<Commit, Stored>()
    let lengthBytes = 0
    for (const commit of batch) {
      if (commit.packed === undefined) continue
      places.set(commit, { kind: 'pack', pack: id, fromByte: lengthBytes })
      lengthBytes += commit.packed.length
    }
    if (places.size === 0) return undefined
    const plaintext = new Uint8Array(lengthBytes)
    let at = 0
    for (const { packed } of places.keys()) {
      if (packed === undefined) continue
      plaintext.set(packed, at)
      at += packed.length
    }
    return { id, segment: await tree.keepSegment(plaintext), lengthBytes, places }
  }

  /** @returns false when there is a newer root to begin from */
  async #try(base: SequencedRoot, batch: readonly Commit[], pack: Pack | undefined): Promise<boolean> {
    const { roots, tree, nodes, clock } = this.#components
    const rows = new Transaction(new TreeReader(nodes, pageOfRecord(base.record)), base.sequence + 1, clock.now())
    const unpin = tree.pins.pinRoot(base.sequence)
    try {
      const outcomes = await this.#evaluate(rows, batch, pack)
      // What was refused was so by a root that may be old.
      if (rows.isEmpty && (await roots.fresh()).sequence !== base.sequence) return false
      if (!rows.isEmpty && !(await this.#advance(rows, base))) return false
      if (pack !== undefined && (await rows.get(packKey(pack.id))) === undefined) tree.release([pack.segment.reference])
      for (const tell of outcomes) tell()
      return true
    } catch (error) {
      if (!(error instanceof PageUnreadable)) throw error
      if ((await roots.fresh()).sequence === base.sequence) throw error.cause
      return false
    } finally {
      unpin()
    }
  }

  /** Makes each change. @returns what tells the writers */
  async #evaluate(
    rows: Transaction,
    batch: readonly Commit[],
    pack: Pack | undefined,
  ): Promise<readonly (() => void)[]> {
    const outcomes: (() => void)[] = []
    for (const commit of batch) {
      const place = pack?.places.get(commit)
      try {
        outcomes.push(
          await rows.run(async () => {
            if (pack !== undefined && place !== undefined && (await rows.get(packKey(pack.id))) === undefined)
              addPack(rows, pack.id, pack)
            return await commit.run(rows, place)
          }),
        )
      } catch (error) {
        if (error instanceof PageUnreadable) throw error
        outcomes.push(() => commit.reject(error))
      }
    }
    return outcomes
  }

  /** Writes the next root and swaps it in. @returns false when there is a newer one */
  async #advance(rows: Transaction, base: SequencedRoot): Promise<boolean> {
    const { roots, tree, nodes, secret, clock } = this.#components
    const { graceMs, keepUnfinishedMs } = this.#options
    const isPinned = (id: TreeKey): boolean => tree.pins.hasBytes(id)
    const house = await keepHouse(rows, base.record, { graceMs, isPinned })
    const { record, update, references } = await this.#write(rows, base, house)
    const sequence = base.sequence + 1
    const sealed = secret.sealRoot(sequence, rootRecordSchema.encodeMessage(record))
    // A machine that slept since may have had its pages swept away by others.
    const isLate = clock.now() - rows.now > keepUnfinishedMs / 2
    if (isLate || (await this.#swap(base.sequence, sealed, record)) === 'moved') {
      tree.release(references)
      return false
    }
    roots.accept({ sequence, sealed, record })
    for (const { place, bytes } of update.pages) nodes.add(place, bytes)
    tree.release(rows.released)
    tree.releasePages(sequence, house.deadPages)
    return true
  }

  async #write(rows: Transaction, base: SequencedRoot, house: HouseKeeping): Promise<NextRoot> {
    const { nodes, tree, random } = this.#components
    const log = new PageLog(this.#sink(base.sequence + 1))
    try {
      const writer = new TreeWriter(nodes, log, house.rewriteBelow)
      const update = await writer.apply(pageOfRecord(base.record), rows.changes())
      await log.finish()
      const written = log.kept.map(({ segment, lengthBytes }): PageSegmentRow => {
        const { number, reference = new Uint8Array(0), wrappedKey } = segment
        return { number, reference, wrappedKey, lengthBytes }
      })
      const record: RootRecord = {
        version: 1,
        ...recordOfPage(update.root),
        commits: [random.bytes(COMMIT_ID_BYTES), ...base.record.commits].slice(0, COMMITS_REMEMBERED),
        liveBytes: base.record.liveBytes + update.addedBytes - update.removedBytes,
        windowBytes: house.windowBytes,
        written,
        payers: this.#payersAfter(base.record),
      }
      return { record, update, references: written.map(({ reference }) => reference) }
    } catch (error) {
      tree.release(log.kept.flatMap(({ segment }) => (segment.reference === undefined ? [] : [segment.reference])))
      throw error
    }
  }

  #payersAfter({ payers }: RootRecord): RootRecord['payers'] {
    const { payer: own, clock } = this.#components
    if (own === undefined || payers.some(({ payer }) => payer === own.payer)) return payers
    return [...payers, { version: 1, ...own, since: clock.now() } as const].slice(-PAYERS_MAX)
  }

  #sink(sequence: number): PageSink {
    const { tree } = this.#components
    let index = 0
    return {
      begin: () => {
        if (index === COMMIT_SEGMENTS_MAX)
          throw new RangeError(`one commit changes pages of at most ${COMMIT_SEGMENTS_MAX} segments`)
        const number = sequence * NUMBERS_PER_ROOT + index++
        return { number, reference: undefined, wrappedKey: new Uint8Array(0) }
      },
      keep: async (segment, plaintext) => {
        const { reference, wrappedKey } = await tree.keepSegment(plaintext)
        segment.reference = reference
        segment.wrappedKey = wrappedKey
      },
    }
  }

  /**
   * Swaps a root in. A swap that was not answered may have been done: it is tried again, and when another root is there,
   * that one says whether it was built on ours.
   */
  async #swap(expected: number, sealed: Uint8Array, { commits }: RootRecord): Promise<'done' | 'moved'> {
    const { pointer, roots, clock, logger } = this.#components
    for (let tries = 0; ; tries++) {
      try {
        const outcome = await pointer.swap(expected, sealed)
        if (outcome === 'done' || tries === 0) return outcome
        const { record } = await roots.fresh()
        const [own = new Uint8Array(0)] = commits
        return record.commits.some((commit) => equalBytes(commit, own)) ? 'done' : 'moved'
      } catch (cause) {
        const waitMs = SWAP_WAITS_MS[tries]
        if (waitMs === undefined) throw new SwapUnsure('a root may have been replaced', { cause })
        logger.warn('a swap of a root was not answered', { tries: tries + 1, error: messageOf(cause) })
        await clock.sleep(waitMs)
      }
    }
  }
}
