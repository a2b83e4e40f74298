import type { Random, Store, StoreOperation } from '@stead/core'
import { decodeReference } from './segment-reference.ts'
import {
  leftoverKey,
  type PlacedNumber,
  SEGMENTS_TABLE,
  type SegmentRow,
  segmentKey,
  segmentRowSchema,
} from './segment-rows.ts'

/** What {@link SegmentBooks} stand on. */
export interface SegmentBooksComponents {
  readonly store: Store
  readonly random: Random
}

const PAGE_ROWS = 256
const LEFTOVER_BYTES = 8

/** A payer's rows of where the pieces of its segments are, and of those that nodes are still to be told to give up. */
export class SegmentBooks {
  /** Rows were lost and are not made again yet: a segment without one may be kept all the same. */
  hasLostRows: boolean
  readonly #components: SegmentBooksComponents

  constructor(components: SegmentBooksComponents, hasLostRows = false) {
    this.#components = components
    this.hasLostRows = hasLostRows
  }

  /** Every row, in the order of keys. @param from the key before the first one */
  async *rows(from = ''): AsyncGenerator<SegmentRow> {
    for await (const { row } of this.keyedRows(from)) yield row
  }

  async *keyedRows(from = ''): AsyncGenerator<{ readonly key: string; readonly row: SegmentRow }> {
    for (let after = from; ; ) {
      const rows = await this.#components.store.scan(SEGMENTS_TABLE, { after, limit: PAGE_ROWS })
      for (const { key, value } of rows) yield { key, row: segmentRowSchema.decodeMessage(value) }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  /** The row of a segment that is kept; undefined once it is released. */
  async rowOf(segment: Uint8Array): Promise<SegmentRow | undefined> {
    const row = await this.anyRowOf(segment)
    return row?.isReleased === true ? undefined : row
  }

  /** The row of a segment, also of one that is released and that nodes are still to be told of. */
  async anyRowOf(segment: Uint8Array): Promise<SegmentRow | undefined> {
    const value = await this.#components.store.get(SEGMENTS_TABLE, segmentKey(segment))
    return value === undefined ? undefined : segmentRowSchema.decodeMessage(value)
  }

  /** Whether anything is noted of a segment, also pieces that nodes are still to be told to give up. */
  async isNoted(segment: Uint8Array): Promise<boolean> {
    const key = segmentKey(segment)
    if ((await this.anyRowOf(segment)) !== undefined) return true
    const [next] = await this.#components.store.scan(SEGMENTS_TABLE, { after: key, limit: 1 })
    return next?.key.startsWith(key) === true
  }

  /** @param leftover pieces that may be on these nodes and are not of the segment any more: released until they are gone */
  async write(row: SegmentRow, leftover: readonly PlacedNumber[] = []): Promise<void> {
    const key = segmentKey(decodeReference(row.reference).segment)
    const value = segmentRowSchema.encodeMessage(row)
    const batch: StoreOperation[] = [{ kind: 'put', table: SEGMENTS_TABLE, key, value }]
    if (leftover.length > 0) {
      const released = segmentRowSchema.encodeMessage({ ...row, placed: leftover, isReleased: true })
      const other = leftoverKey(key, this.#components.random.bytes(LEFTOVER_BYTES))
      batch.push({ kind: 'put', table: SEGMENTS_TABLE, key: other, value: released })
    }
    await this.#components.store.write(batch, 'process')
  }

  async remove(key: string): Promise<void> {
    await this.#components.store.write([{ kind: 'delete', table: SEGMENTS_TABLE, key }], 'process')
  }

  /** What was written before survives a loss of power from now on. */
  async flush(): Promise<void> {
    await this.#components.store.write([], 'power')
  }
}
