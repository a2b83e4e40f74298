import type { Hash } from '@stead/core'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { BLOCK_BYTES, blockCount, type ProofRoot, rootsOfBlocks } from '../proof/proof-tree.ts'
import type { LogFiles } from './log-files.ts'
import { type PartPlace, PLACE_BYTES } from './part-places.ts'
import { HEAD_BYTES, RECORD_ALIGNMENT, type RecordHead, recordBytes } from './piece-record.ts'
import { partShape } from './piece-rows.ts'

/** What a {@link PieceWriter} stands on. */
export interface PieceWriterParts {
  readonly files: LogFiles
  readonly hasher: PairHasher
  readonly piece: Hash
  /** What it will be. */
  readonly whole: ProofRoot
  /** Makes it count. */
  readonly keep: (writer: PieceWriter) => Promise<void>
  /** Room that is not needed any more, since it is used or nobody wants it. */
  readonly release: (bytes: number) => void
}

const ROOT_BYTES = 32

/** Most bytes that a piece takes in the logs when it comes in parts, whatever their lengths. */
export function bytesInParts(lengthBytes: number): number {
  const blocks = blockCount(lengthBytes)
  const ownBytes = HEAD_BYTES + RECORD_ALIGNMENT + blocks * (ROOT_BYTES + PLACE_BYTES)
  return ownBytes + lengthBytes + blocks * (HEAD_BYTES + RECORD_ALIGNMENT)
}

/**
 * A piece that comes in parts. Each is appended as it comes and counts for nothing until all are there and make the root
 * that was said; what is left of one that was given up is trash.
 */
export class PieceWriter {
  readonly piece: Hash
  readonly whole: ProofRoot
  /** Roots of the blocks that came. */
  readonly blocks: Uint8Array
  readonly parts: PartPlace[] = []
  readonly #components: PieceWriterParts
  #receivedBytes = 0
  #reservedBytes: number
  #isOver = false

  /** @param components room of {@link bytesInParts} was taken for it */
  constructor(components: PieceWriterParts) {
    const { piece, whole } = components
    this.#components = components
    this.piece = piece
    this.whole = whole
    this.blocks = new Uint8Array(blockCount(whole.lengthBytes) * ROOT_BYTES)
    this.#reservedBytes = bytesInParts(whole.lengthBytes)
  }

  /** Bytes of the piece that are in the logs, or on the way there. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get isComplete(): boolean {
    return this.#receivedBytes === this.whole.lengthBytes
  }

  /** Whether it was kept or given up. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether a file has something of it. */
  isIn(file: number): boolean {
    return this.parts.some((part) => part.file === file)
  }

  /**
   * Appends the next bytes: whole blocks, except at the end. One call after another.
   * @throws RangeError for bytes that are not; CoreError STORE_FULL, STORE_FAILED, after which it can only be abandoned
   */
  async append(bytes: Uint8Array): Promise<void> {
    const { files, hasher, piece, release, whole } = this.#components
    const fromByte = this.#receivedBytes
    const toByte = fromByte + bytes.length
    const isEnd = toByte === whole.lengthBytes
    const isNext = bytes.length > 0 && toByte <= whole.lengthBytes && (isEnd || bytes.length % BLOCK_BYTES === 0)
    if (this.#isOver || !isNext)
      throw new RangeError(`${bytes.length} bytes do not follow on ${fromByte} of ${whole.lengthBytes}`)
    this.#receivedBytes = toByte
    this.blocks.set(rootsOfBlocks(hasher, bytes), (fromByte / BLOCK_BYTES) * ROOT_BYTES)
    const shape = partShape(bytes.length)
    const head: RecordHead = { kind: 'part', piece, root: whole.root, ...shape }
    const place = await files.append(head, { blocks: NOTHING, bytes })
    this.parts.push({ ...place, lengthBytes: bytes.length })
    if (this.#isOver) return
    this.#reservedBytes -= recordBytes(shape)
    release(recordBytes(shape))
  }

  /**
   * Keeps the piece; it outlives a loss of power once this resolves.
   * @throws StorageError STORAGE_NOT_AUTHENTIC when the bytes are not those of the root, STORAGE_PIECE_DIFFERS; CoreError
   */
  async finish(): Promise<void> {
    try {
      await this.#components.keep(this)
    } finally {
      this.abandon()
    }
  }

  /** Gives back the room that it has not used. What it has is trash, unless it was kept. */
  abandon(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#components.release(this.#reservedBytes)
  }
}

const NOTHING = new Uint8Array(0)
