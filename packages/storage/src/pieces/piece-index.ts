import type { Hash, Store, StoreOperation } from '@stead/core'
import {
  LOG_FILES_TABLE,
  type LogFileRow,
  logFileRowSchema,
  PIECES_TABLE,
  type PieceRow,
  pieceRowSchema,
  recordsOf,
} from './piece-rows.ts'

const DIGITS = 8
const PAGE_ROWS = 1000

/** A change of the index: where a piece is now, or that it is not there any more. */
export interface IndexChange {
  readonly piece: Hash
  readonly row: PieceRow | undefined
}

/** Bytes of a file. */
export interface FileBytes {
  readonly number: number
  readonly indexedBytes: number
  readonly liveBytes: number
}

/**
 * Where each piece is, in the store. It only repeats what the logs say, and can be made from them again: a loss of power
 * may take its last batches, whose records are then found behind {@link LogFileRow.indexedBytes}.
 */
export class PieceIndex {
  readonly #store: Store
  readonly #files: Map<number, { indexedBytes: number; liveBytes: number }> = new Map()

  constructor(store: Store) {
    this.#store = store
  }

  /** Reads what is known of the files. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    this.#files.clear()
    for (const { key, value } of await this.#store.scan(LOG_FILES_TABLE)) {
      const { indexedBytes, liveBytes } = logFileRowSchema.decodeDocument(value)
      this.#files.set(Number(key), { indexedBytes, liveBytes })
    }
  }

  /** Files that have records, oldest first. */
  files(): readonly FileBytes[] {
    return Array.from(this.#files, ([number, bytes]) => ({ number, ...bytes })).sort(
      (left, right) => left.number - right.number,
    )
  }

  async get(piece: Hash): Promise<PieceRow | undefined> {
    const value = await this.#store.get(PIECES_TABLE, piece)
    return value === undefined ? undefined : pieceRowSchema.decodeDocument(value)
  }

  /** Pieces in the order of their names, after one; a page of them. */
  async page(after?: Hash): Promise<readonly (readonly [piece: Hash, row: PieceRow])[]> {
    const range = after === undefined ? {} : { after }
    const rows = await this.#store.scan(PIECES_TABLE, { ...range, limit: PAGE_ROWS })
    return rows.map(({ key, value }) => [key as Hash, pieceRowSchema.decodeDocument(value)] as const)
  }

  /**
   * Applies changes, and notes up to where a file is in the index. When it fails, nothing was changed.
   * @throws CoreError STORE_FULL, STORE_FAILED, STORE_CORRUPT
   */
  async apply(
    changes: readonly IndexChange[],
    indexed?: { readonly file: number; readonly endByte: number },
  ): Promise<void> {
    const operations: StoreOperation[] = []
    const moved = new Map<number, number>()
    const latest = new Map<Hash, PieceRow | undefined>()
    for (const { piece, row } of changes) {
      const old = latest.has(piece) ? latest.get(piece) : await this.get(piece)
      latest.set(piece, row)
      const move = (file: number, bytes: number): unknown => moved.set(file, (moved.get(file) ?? 0) + bytes)
      if (old !== undefined) for (const { file, bytes } of recordsOf(old)) move(file, -bytes)
      if (row !== undefined) for (const { file, bytes } of recordsOf(row)) move(file, bytes)
      operations.push(
        row === undefined
          ? { kind: 'delete', table: PIECES_TABLE, key: piece }
          : { kind: 'put', table: PIECES_TABLE, key: piece, value: pieceRowSchema.encodeDocument(row) },
      )
    }
    // From here to the call of the store nothing may wait: batches apply in the order of the calls.
    for (const [number, bytes] of moved) this.#change(number, { liveBytes: bytes, endByte: 0 })
    if (indexed !== undefined) this.#change(indexed.file, { liveBytes: 0, endByte: indexed.endByte })
    const touched = new Set([...moved.keys(), ...(indexed === undefined ? [] : [indexed.file])])
    for (const number of touched) operations.push(this.#fileRow(number))
    try {
      await this.#store.write(operations, 'process')
    } catch (error) {
      for (const [number, bytes] of moved) this.#change(number, { liveBytes: -bytes, endByte: 0 })
      throw error
    }
  }

  /** Forgets a file that is gone. */
  async forgetFile(number: number): Promise<void> {
    this.#files.delete(number)
    await this.#store.write([{ kind: 'delete', table: LOG_FILES_TABLE, key: fileKey(number) }], 'process')
  }

  #change(number: number, { liveBytes, endByte }: { readonly liveBytes: number; readonly endByte: number }): void {
    const file = this.#files.get(number) ?? { indexedBytes: 0, liveBytes: 0 }
    this.#files.set(number, {
      liveBytes: file.liveBytes + liveBytes,
      indexedBytes: Math.max(file.indexedBytes, endByte),
    })
  }

  #fileRow(number: number): StoreOperation {
    const file = this.#files.get(number) ?? { indexedBytes: 0, liveBytes: 0 }
    const row: LogFileRow = { version: 1, ...file }
    return { kind: 'put', table: LOG_FILES_TABLE, key: fileKey(number), value: logFileRowSchema.encodeDocument(row) }
  }
}

function fileKey(number: number): string {
  return String(number).padStart(DIGITS, '0')
}
