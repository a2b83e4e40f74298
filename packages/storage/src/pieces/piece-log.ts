import { type Disk, type Hash, type Logger, messageOf, type Random, type Store } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PieceLogOptions } from '../options.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import {
  BLOCK_BYTES,
  blockCount,
  type LeafProof,
  type ProofRoot,
  ProofTree,
  type RangeProof,
  verifyRange,
} from '../proof/proof-tree.ts'
import { compactFile } from './compact-file.ts'
import { LogFiles, type RecordPlace } from './log-files.ts'
import { encodeParts } from './part-places.ts'
import { PieceIndex } from './piece-index.ts'
import { HEAD_BYTES, type RecordContent, type RecordHead, recordBytes } from './piece-record.ts'
import type { PieceRow } from './piece-rows.ts'
import { bytesInParts, PieceWriter } from './piece-writer.ts'
import { readContent } from './read-content.ts'
import { recoverIndex } from './recover-index.ts'

/** What a {@link PieceLog} stands on. */
export interface PieceLogComponents {
  readonly disk: Disk
  readonly store: Store
  readonly hasher: PairHasher
  readonly random: Random
  readonly logger: Logger
}

/** Bytes on the disk, honestly: what is paid for, what was deleted and is still there, and what may be used. */
export interface PieceLogUsage {
  /** Records of pieces that are there. */
  readonly liveBytes: number
  /** Records that were deleted, replaced or not finished, and not compacted yet. */
  readonly trashBytes: number
  readonly capacityBytes: number
}

/** A piece that is there. */
export interface KeptPiece {
  readonly piece: Hash
  readonly root: Uint8Array
  readonly lengthBytes: number
  /** It rotted: it can be deleted, and not be read. */
  readonly isDamaged: boolean
}

/** What a look at the pieces found. */
export interface ScrubReport {
  readonly checkedBytes: number
  /** Pieces that are not any more what was stored. */
  readonly damaged: readonly Hash[]
  /** Where to go on; undefined when all were looked at. */
  readonly next: Hash | undefined
}

/** The largest piece: a whole segment, for a code with one data piece. */
const PIECE_BYTES_MAX = 16 * 1024 * 1024
/** Blocks that are read at once to see whether they rotted: a mebibyte. */
const CHECKED_BLOCKS = 16

/**
 * The pieces that a node keeps: appended to log files, forced out before anybody is told, found by an index in the store.
 * The logs are the truth; the index can be lost.
 */
export class PieceLog {
  readonly #components: PieceLogComponents
  readonly #options: PieceLogOptions
  readonly #files: LogFiles
  readonly #index: PieceIndex
  /** The last work on each piece that is worked on. */
  readonly #turns: Map<Hash, Promise<void>> = new Map()
  /** Reads that may still look where a record was before a compaction. */
  readonly #reads: Set<Promise<unknown>> = new Set()
  /** Of pieces that come in parts: the index does not know yet what they have. */
  readonly #writers: Set<PieceWriter> = new Set()
  #reservedBytes = 0
  #found: readonly Hash[] = []
  #compacting: Promise<number> | undefined

  constructor(components: PieceLogComponents, options: PieceLogOptions) {
    this.#components = components
    this.#options = options
    this.#files = new LogFiles(components, options.fileBytesMax)
    this.#index = new PieceIndex(components.store)
  }

  /** Finds what was appended and not indexed, and cuts off what a crash left half. @throws CoreError as Disk and Store */
  async start(): Promise<void> {
    const { logger } = this.#components
    const { lost, damagedBytes, found } = await recoverIndex(this.#files, this.#index)
    this.#found = found
    if (found.length > 0) logger.info('found pieces that were not in the index', { foundPieces: found.length })
    if (damagedBytes > 0) logger.error('a part of the piece logs cannot be read', { damagedBytes })
    if (lost > 0) logger.error('files of the piece logs are gone', { lostPieces: lost })
  }

  /** Pieces that were in the logs at the start and not in the index: a loss of power took what the store knew of them. */
  get found(): readonly Hash[] {
    return this.#found
  }

  /** Waits for nothing but open files; what was acknowledged is on disk. */
  async stop(): Promise<void> {
    await this.#compacting
    await Promise.allSettled([...this.#turns.values(), ...this.#reads])
    await this.#files.close()
  }

  /** What takes how much. */
  usage(): PieceLogUsage {
    const files = this.#index.files()
    const liveBytes = files.reduce((sum, file) => sum + file.liveBytes, 0)
    const lengths = new Map(files.map(({ number, indexedBytes }) => [number, indexedBytes]))
    for (const [number, bytes] of this.#files.appended) lengths.set(number, Math.max(bytes, lengths.get(number) ?? 0))
    const usedBytes = lengths.values().reduce((sum, bytes) => sum + bytes, 0)
    return { liveBytes, trashBytes: usedBytes - liveBytes, capacityBytes: this.#options.capacityBytes }
  }

  /**
   * Keeps a piece; it outlives a loss of power once this resolves. The same piece again is no work.
   * @param root what it is said to be @default it may be anything
   * @throws StorageError STORAGE_NOT_AUTHENTIC for another root, STORAGE_NO_ROOM, STORAGE_PIECE_DIFFERS when there is another
   * one of that name; RangeError for one of more than 16 MiB; CoreError STORE_FULL, STORE_FAILED
   */
  async put(piece: Hash, bytes: Uint8Array, root?: Uint8Array): Promise<ProofTree> {
    if (bytes.length > PIECE_BYTES_MAX)
      throw new RangeError(`a piece has at most ${PIECE_BYTES_MAX} bytes, not ${bytes.length}`)
    const tree = ProofTree.of(this.#components.hasher, bytes)
    if (root !== undefined && !equalBytes(tree.root, root)) throw otherError(piece)
    await this.#inTurn(piece, () => this.#put(piece, bytes, tree))
    return tree
  }

  /**
   * Begins to keep a piece that comes in parts, with room for all of it. Call its `finish` or `abandon` in the end.
   * @throws StorageError STORAGE_NO_ROOM, STORAGE_PIECE_DIFFERS; RangeError for one of no bytes or more than 16 MiB;
   *   CoreError STORE_FAILED
   */
  async begin(piece: Hash, whole: ProofRoot): Promise<PieceWriter> {
    const { lengthBytes } = whole
    if (lengthBytes < 1 || lengthBytes > PIECE_BYTES_MAX)
      throw new RangeError(`a piece in parts has 1 to ${PIECE_BYTES_MAX} bytes, not ${lengthBytes}`)
    await this.#has(piece, whole.root)
    await this.#reserve(bytesInParts(lengthBytes))
    const writer = new PieceWriter({
      files: this.#files,
      hasher: this.#components.hasher,
      piece,
      whole,
      keep: () => this.#inTurn(piece, () => this.#keepParts(writer)),
      release: (bytes) => {
        this.#reservedBytes -= bytes
        if (writer.isOver) this.#writers.delete(writer)
      },
    })
    this.#writers.add(writer)
    return writer
  }

  /** What is known of a piece without reading it; undefined when it is not there. */
  async find(piece: Hash): Promise<KeptPiece | undefined> {
    const row = await this.#index.get(piece)
    if (row === undefined) return undefined
    const { root, lengthBytes, isDamaged } = row
    return { piece, root, lengthBytes, isDamaged }
  }

  /**
   * Some blocks with their proof; checked before they are given, so that what rotted is never handed on as if it were right.
   * @throws StorageError STORAGE_PIECE_UNKNOWN, STORAGE_PIECE_DAMAGED; RangeError for blocks that there are not
   */
  async readRange(piece: Hash, firstBlock: number, blocks: number): Promise<RangeProof> {
    return await this.#reading(async () => {
      const row = await this.#rowOf(piece)
      return await this.#proven(piece, row, { firstBlock, blocks })
    })
  }

  /** One leaf with its proof. @throws as {@link PieceLog.readRange} */
  async proveLeaf(piece: Hash, index: number): Promise<LeafProof> {
    return await this.#reading(async () => {
      const row = await this.#rowOf(piece)
      const firstBlock = Math.floor((index * LEAF_BYTES) / BLOCK_BYTES)
      const { bytes } = await this.#proven(piece, row, { firstBlock, blocks: 1 })
      return (await this.#treeOf(piece, row)).proveLeaf(index, bytes)
    })
  }

  /** Deletes a piece; nothing when there is none. Its room is trash until its file is compacted. @throws CoreError */
  async remove(piece: Hash): Promise<void> {
    await this.#inTurn(piece, async () => {
      if ((await this.#index.get(piece)) === undefined) return
      const shape = { lengthBytes: 0, blocksBytes: 0, partsBytes: 0 }
      const head: RecordHead = { kind: 'delete', piece, root: new Uint8Array(32), ...shape }
      const place = await this.#files.append(head, NOTHING)
      await this.#files.flush(place.file)
      await this.#index.apply([{ piece, row: undefined }], { file: place.file, endByte: place.atByte + HEAD_BYTES })
    })
  }

  /** Copies what lives out of files that are mostly trash, and removes those. @returns bytes that became free */
  compact(): Promise<number> {
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = undefined
    })
    return this.#compacting
  }

  /** Reads pieces and compares them with their roots, from `after` on, until it has read so much. */
  async scrub(after: Hash | undefined, budgetBytes: number): Promise<ScrubReport> {
    const damaged: Hash[] = []
    let [checkedBytes, last] = [0, after]
    for (;;) {
      const page = await this.#index.page(last)
      if (page.length === 0) return { checkedBytes, damaged, next: undefined }
      for (const [piece] of page) {
        if (checkedBytes >= budgetBytes) return { checkedBytes, damaged, next: last }
        last = piece
        const found = await this.#check(piece)
        checkedBytes += found?.lengthBytes ?? 0
        if (found?.isDamaged === true) damaged.push(piece)
      }
    }
  }

  async #put(piece: Hash, bytes: Uint8Array, tree: ProofTree): Promise<void> {
    if (await this.#has(piece, tree.root)) return
    const { root, lengthBytes, blocks } = tree
    const head: RecordHead = { kind: 'put', piece, root, lengthBytes, blocksBytes: blocks.length, partsBytes: 0 }
    await this.#reserve(recordBytes(head))
    await this.#append(head, { blocks, bytes })
  }

  /** All parts of a piece are in the logs: from now on it is there. */
  async #keepParts({ piece, whole, blocks, parts, isComplete }: PieceWriter): Promise<void> {
    if (await this.#has(piece, whole.root)) return
    const { root, lengthBytes } = whole
    const isRight =
      isComplete && equalBytes(ProofTree.fromBlocks(this.#components.hasher, blocks, lengthBytes).root, root)
    if (!isRight) throw otherError(piece)
    const list = encodeParts(parts)
    const shape = { lengthBytes, blocksBytes: blocks.length, partsBytes: list.length }
    const head: RecordHead = { kind: 'parts', piece, root, ...shape }
    // Its room is part of what the writer has.
    this.#reservedBytes += recordBytes(head)
    for (const file of new Set(parts.map((part) => part.file))) await this.#files.flush(file)
    await this.#append(head, { blocks, bytes: list })
  }

  /** Whether the same piece is there, whole. @throws StorageError STORAGE_PIECE_DIFFERS when another one is */
  async #has(piece: Hash, root: Uint8Array): Promise<boolean> {
    const known = await this.#index.get(piece)
    if (known === undefined) return false
    if (equalBytes(known.root, root)) return !known.isDamaged
    throw new StorageError('STORAGE_PIECE_DIFFERS', `the piece ${piece} is there already and is another one`, {
      details: { piece },
    })
  }

  /** Appends the record of a piece for which there is room, and has the index know it. */
  async #append(head: RecordHead, content: RecordContent): Promise<void> {
    const { piece, root, lengthBytes, blocksBytes } = head
    let place: RecordPlace
    try {
      place = await this.#files.append(head, content)
    } finally {
      // It is in the files' lengths from now on.
      this.#reservedBytes -= recordBytes(head)
    }
    const { file, atByte } = place
    await this.#files.flush(file)
    const row = { version: 1, file, atByte, lengthBytes, blocksBytes, root, isDamaged: false } as const
    const parts = head.kind === 'parts' ? { parts: content.bytes } : {}
    await this.#index.apply([{ piece, row: { ...row, ...parts } }], { file, endByte: atByte + recordBytes(head) })
  }

  /** Takes room. Nothing waits between the look and the taking: what comes together must not share the last room. */
  async #reserve(needBytes: number): Promise<void> {
    const { freeBytes } = await this.#components.disk.space()
    this.#checkRoom(needBytes, freeBytes)
    this.#reservedBytes += needBytes
  }

  #checkRoom(needBytes: number, freeBytes: number): void {
    const { capacityBytes, keepFreeBytes } = this.#options
    const { liveBytes, trashBytes } = this.usage()
    const usedBytes = liveBytes + trashBytes + this.#reservedBytes
    const haveBytes = Math.min(capacityBytes - usedBytes, freeBytes - keepFreeBytes - this.#reservedBytes)
    if (needBytes <= haveBytes) return
    throw new StorageError('STORAGE_NO_ROOM', `need ${needBytes} bytes, have ${Math.max(0, haveBytes)}`, {
      details: { needBytes, haveBytes: Math.max(0, haveBytes) },
    })
  }

  async #rowOf(piece: Hash): Promise<PieceRow> {
    const row = await this.#index.get(piece)
    if (row === undefined)
      throw new StorageError('STORAGE_PIECE_UNKNOWN', `there is no piece ${piece} here`, { details: { piece } })
    if (row.isDamaged) throw damagedError(piece)
    return row
  }

  async #treeOf(piece: Hash, row: PieceRow): Promise<ProofTree> {
    const { file, atByte, blocksBytes, lengthBytes, root } = row
    const blocks = await this.#files.use(file, (opened) => opened.read(atByte + HEAD_BYTES, blocksBytes))
    if (blocks.length === blocksBytes) {
      const tree = ProofTree.fromBlocks(this.#components.hasher, blocks, lengthBytes)
      if (equalBytes(tree.root, root)) return tree
    }
    throw await this.#damaged(piece, row)
  }

  async #proven(
    piece: Hash,
    row: PieceRow,
    { firstBlock, blocks }: { readonly firstBlock: number; readonly blocks: number },
  ): Promise<RangeProof> {
    const tree = await this.#treeOf(piece, row)
    const fromByte = firstBlock * BLOCK_BYTES
    const lengthBytes = Math.min(blocks * BLOCK_BYTES, row.lengthBytes - fromByte)
    const isRange = Number.isInteger(firstBlock) && Number.isInteger(blocks) && firstBlock >= 0 && lengthBytes >= 0
    if (!isRange) throw new RangeError(`the piece ${piece} has no ${blocks} blocks from ${firstBlock} on`)
    const bytes = await readContent(this.#files, row, { fromByte, lengthBytes })
    if (bytes.length !== lengthBytes) throw await this.#damaged(piece, row)
    const proof = tree.proveRange(firstBlock, bytes)
    if (!verifyRange(this.#components.hasher, row, proof)) throw await this.#damaged(piece, row)
    return proof
  }

  /** Looks at all of a piece; undefined when it is gone meanwhile. */
  async #check(piece: Hash): Promise<{ readonly lengthBytes: number; readonly isDamaged: boolean } | undefined> {
    return await this.#reading(async () => {
      const row = await this.#index.get(piece)
      if (row === undefined) return undefined
      const { lengthBytes, isDamaged } = row
      if (isDamaged) return { lengthBytes: 0, isDamaged }
      try {
        const count = blockCount(lengthBytes)
        for (let firstBlock = 0; firstBlock < count; firstBlock += CHECKED_BLOCKS)
          await this.#proven(piece, row, { firstBlock, blocks: Math.min(CHECKED_BLOCKS, count - firstBlock) })
        return { lengthBytes, isDamaged: false }
      } catch (error) {
        if (error instanceof StorageError && error.code === 'STORAGE_PIECE_DAMAGED')
          return { lengthBytes, isDamaged: true }
        throw error
      }
    })
  }

  /** Notes that a record rotted, and gives the error to throw. A good copy may have taken its place meanwhile. */
  async #damaged(piece: Hash, rotten: PieceRow): Promise<StorageError> {
    const { logger } = this.#components
    logger.error('a piece is not any more what was stored', { piece })
    await this.#inTurn(piece, async () => {
      const row = await this.#index.get(piece)
      if (row?.file !== rotten.file || row.atByte !== rotten.atByte) return
      await this.#index.apply([{ piece, row: { ...row, isDamaged: true } }])
    })
    return damagedError(piece)
  }

  async #compact(): Promise<number> {
    const { logger } = this.#components
    const { trashShareMax } = this.#options
    let freedBytes = 0
    await this.#noteEnds()
    for (const { number, indexedBytes, liveBytes } of this.#index.files()) {
      if (number === this.#files.activeNumber || this.#writers.values().some((writer) => writer.isIn(number))) continue
      if (liveBytes > indexedBytes * (1 - trashShareMax)) continue
      try {
        const inTurn = (piece: Hash, work: () => Promise<void>): Promise<void> => this.#inTurn(piece, work)
        await compactFile({ files: this.#files, index: this.#index, inTurn }, number)
        // Reads that began before the records moved may still be in the old file.
        await Promise.allSettled(this.#reads)
        await this.#files.remove(number)
        await this.#index.forgetFile(number)
        freedBytes += indexedBytes - liveBytes
      } catch (error) {
        // Whatever was copied is in both places, and the file stays until the next time.
        logger.warn('a piece log could not be compacted', { file: number, error: messageOf(error) })
      }
    }
    return freedBytes
  }

  /** Has the index know where files end that grow no more: what nobody finished is trash. */
  async #noteEnds(): Promise<void> {
    const indexed = new Map(this.#index.files().map(({ number, indexedBytes }) => [number, indexedBytes]))
    for (const [number, endByte] of this.#files.appended)
      if (this.#files.isForced(number) && endByte > (indexed.get(number) ?? 0))
        await this.#index.apply([], { file: number, endByte })
  }

  async #reading<Result>(read: () => Promise<Result>): Promise<Result> {
    const reading = read()
    this.#reads.add(reading)
    try {
      return await reading
    } finally {
      this.#reads.delete(reading)
    }
  }

  /** Work on one piece, one after another. */
  async #inTurn(piece: Hash, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(piece) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => undefined)
    this.#turns.set(piece, settled)
    try {
      await turn
    } finally {
      if (this.#turns.get(piece) === settled) this.#turns.delete(piece)
    }
  }
}

const LEAF_BYTES = 32
const NOTHING = { blocks: new Uint8Array(0), bytes: new Uint8Array(0) }

function damagedError(piece: Hash): StorageError {
  return new StorageError('STORAGE_PIECE_DAMAGED', `the piece ${piece} is not any more what was stored`, {
    details: { piece },
  })
}

function otherError(piece: Hash): StorageError {
  return new StorageError('STORAGE_NOT_AUTHENTIC', `what came of the piece ${piece} is not what was said`, {
    details: { piece },
  })
}
