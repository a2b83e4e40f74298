import type { Clock, Hash, Network, PeerId, Timer } from '@stead/core'
import { isSteadError } from '@stead/core'
import { freeMessage } from '../consumer/free-message.ts'
import { readBlocks } from '../consumer/read-blocks.ts'
import type { ErasureCode, NumberedPiece } from '../erasure/erasure-code.ts'
import { StorageError } from '../errors.ts'
import { BLOCKS_PER_READ_MAX } from '../messages.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { blockCount } from '../proof/proof-tree.ts'

/** Where a piece can be read. */
export interface ReadablePiece {
  readonly number: number
  readonly piece: Hash
  readonly root: Uint8Array
  readonly peer: PeerId
  readonly agreement: Hash
}

/** What reading stands on. */
export interface SegmentReaderComponents {
  readonly network: Network
  readonly hasher: PairHasher
  readonly clock: Clock
}

/** What is read of which pieces. */
export interface SegmentRead {
  readonly code: ErasureCode
  readonly pieceBytes: number
  /** Best first; those with data before the others is the fastest where nothing is wrong. */
  readonly pieces: readonly ReadablePiece[]
  /** After so long without an answer another node is asked. */
  readonly hedgeAfterMs: number
  /** What became of a node that did not give what it should. */
  readonly onFailure: (piece: ReadablePiece, error: unknown) => void
  readonly signal?: AbortSignal
}

/** The same blocks of some pieces. */
export interface WantedBlocks {
  readonly numbers: readonly number[]
  readonly firstBlock: number
  readonly blocks: number
}

/**
 * Reads the same blocks of some data pieces. Where a node fails or is slow, any others give the same blocks of theirs, and
 * what is missing is computed from these. The bytes are the reader's alone.
 * @throws StorageError STORAGE_TOO_FEW_PIECES
 */
export async function readPieces(
  components: SegmentReaderComponents,
  read: SegmentRead,
  wanted: WantedBlocks,
): Promise<readonly Uint8Array[]> {
  return await new BlockRace(components, read, wanted).run()
}

/** How many blocks a piece has, and how they are read: at most a mebibyte at once. */
export function readsOf(pieceBytes: number): readonly { readonly firstBlock: number; readonly blocks: number }[] {
  const count = blockCount(pieceBytes)
  const reads: { firstBlock: number; blocks: number }[] = []
  for (let firstBlock = 0; firstBlock < count; firstBlock += BLOCKS_PER_READ_MAX)
    reads.push({ firstBlock, blocks: Math.min(BLOCKS_PER_READ_MAX, count - firstBlock) })
  return reads
}

class BlockRace {
  readonly #components: SegmentReaderComponents
  readonly #read: SegmentRead
  readonly #wanted: WantedBlocks
  readonly #got: Map<number, Uint8Array> = new Map()
  readonly #asked: Set<number> = new Set()
  readonly #pending: Set<number> = new Set()
  readonly #abort: AbortController = new AbortController()
  readonly #done: PromiseWithResolvers<readonly Uint8Array[]> = Promise.withResolvers()
  #timer: Timer | undefined
  #isOver = false

  constructor(components: SegmentReaderComponents, read: SegmentRead, wanted: WantedBlocks) {
    this.#components = components
    this.#read = read
    this.#wanted = wanted
  }

  async run(): Promise<readonly Uint8Array[]> {
    const { signal } = this.#read
    const cancel = (): void => this.#done.reject(signal?.reason)
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted === true) cancel()
    for (const number of this.#wanted.numbers) this.#ask(number)
    // A data piece that nobody has is replaced at once.
    this.#goOn()
    this.#hedgeLater()
    try {
      return await this.#done.promise
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#timer?.clear()
      this.#abort.abort()
    }
  }

  #ask(number: number): void {
    const piece = this.#read.pieces.find((each) => each.number === number)
    if (piece === undefined || this.#asked.has(number)) return
    this.#asked.add(number)
    this.#pending.add(number)
    void this.#fetch(piece)
  }

  async #fetch(piece: ReadablePiece): Promise<void> {
    const { pieceBytes, onFailure } = this.#read
    const { firstBlock, blocks } = this.#wanted
    try {
      const range = { firstBlock, blocks, signal: this.#abort.signal }
      const bytes = await readBlocks(this.#components, { ...piece, lengthBytes: pieceBytes }, range)
      // It came with the last one that was needed, and nobody looks at it any more.
      if (this.#isOver) {
        freeMessage(bytes)
        return
      }
      this.#got.set(piece.number, bytes)
    } catch (error) {
      if (this.#abort.signal.aborted) return
      if (!isSteadError(error)) this.#done.reject(error)
      onFailure(piece, error)
    }
    this.#pending.delete(piece.number)
    this.#goOn()
  }

  /** Ends when all is there, asks for as many more as can still make it whole, or gives up. */
  #goOn(): void {
    const { dataPieces } = this.#read.code.profile
    const { numbers } = this.#wanted
    if (numbers.every((number) => this.#got.has(number)) || this.#got.size >= dataPieces) {
      this.#finish()
      return
    }
    const mayHave = numbers.every((number) => this.#got.has(number) || this.#pending.has(number))
    if (mayHave) return
    for (const { number } of this.#read.pieces) {
      if (this.#got.size + this.#pending.size >= dataPieces) return
      this.#ask(number)
    }
    if (this.#got.size + this.#pending.size >= dataPieces) return
    const missing = this.#read.pieces.filter(({ number }) => !this.#got.has(number)).map(({ number }) => number)
    const from = missing.length === 0 ? '' : `; no node gives ${missing.join(', ')}`
    const message = `need ${dataPieces} pieces of a segment, have ${this.#got.size}${from}`
    const details = { needPieces: dataPieces, havePieces: this.#got.size, missingPieces: missing.join(',') }
    this.#done.reject(new StorageError('STORAGE_TOO_FEW_PIECES', message, { details }))
  }

  /** Whoever takes long is not waited for: enough others are asked to do without it. */
  #hedgeLater(): void {
    this.#timer = this.#components.clock.setTimer(this.#read.hedgeAfterMs, () => {
      const { dataPieces } = this.#read.code.profile
      let fresh = 0
      for (const { number } of this.#read.pieces) {
        if (this.#got.size + fresh >= dataPieces) break
        if (this.#asked.has(number)) continue
        this.#ask(number)
        fresh++
      }
      this.#hedgeLater()
    })
  }

  #finish(): void {
    this.#isOver = true
    try {
      const have: NumberedPiece[] = Array.from(this.#got, ([number, bytes]) => ({ number, bytes }))
      const restored = this.#read.code.restore(have, this.#wanted.numbers)
      for (const { bytes } of have) if (!restored.includes(bytes)) freeMessage(bytes)
      this.#done.resolve(restored)
    } catch (error) {
      this.#done.reject(error)
    }
  }
}
