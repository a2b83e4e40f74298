import { concatBytes, equalBytes } from '@stead/protocol'
import { FRAME_PLAIN_BYTES } from '../segment/segment-layout.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import type { ByteRange } from './read-ahead.ts'
import { readStored } from './read-stored.ts'
import type { SealedTree } from './sealed-tree.ts'
import { type StoredRow, storedOfRow, storedSchema } from './stored.ts'

/** Bytes of an object, and where they are. */
export interface StoredRange {
  readonly stored: StoredRow
  readonly range: ByteRange
}

interface Early extends StoredRange {
  readonly bytes: Promise<Uint8Array | undefined>
}

/**
 * The first bytes of an object as this process last saw it, asked for while it is asked whether it still is that: whoever
 * reads waits for one of the two, and not for one after the other. At most a frame is read for nothing.
 */
export class EarlyBytes {
  readonly #tree: SealedTree | undefined
  #early: Early | undefined

  /** @param look finds in the rows that were seen what is going to be read */
  constructor(tree: SealedTree | undefined, look: (rows: TreeReader) => Promise<StoredRange | undefined>) {
    this.#tree = tree
    if (tree !== undefined) void this.#begin(tree, look)
  }

  /** What came of it, if these are the bytes that are read; undefined where they must be asked for. */
  async of(tree: SealedTree, { stored, range }: StoredRange): Promise<Uint8Array | undefined> {
    const early = this.#early
    if (early === undefined || tree !== this.#tree || early.range.fromByte !== range.fromByte) return undefined
    if (early.range.toByte > range.toByte) return undefined
    const isSame = equalBytes(storedSchema.encodeMessage(early.stored), storedSchema.encodeMessage(stored))
    return isSame ? await early.bytes : undefined
  }

  async #begin(tree: SealedTree, look: (rows: TreeReader) => Promise<StoredRange | undefined>): Promise<void> {
    try {
      const found = await tree.glance(look)
      if (found === undefined || found.stored.inline !== undefined) return
      const { fromByte, toByte } = found.range
      const frameEnd = (Math.floor(fromByte / FRAME_PLAIN_BYTES) + 1) * FRAME_PLAIN_BYTES
      const range = { fromByte, toByte: Math.min(toByte, frameEnd) }
      const bytes = Array.fromAsync(readStored(tree, storedOfRow(found.stored), range)).then(
        (chunks) => concatBytes(...chunks),
        // Whoever reads the object asks again, and hears why.
        () => undefined,
      )
      this.#early = { stored: found.stored, range, bytes }
    } catch {
      // What is wrong with the rows, the range or the version is told by the look at the newest rows, which is under way.
    }
  }
}
