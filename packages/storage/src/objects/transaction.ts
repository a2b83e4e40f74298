import type { UnixMs } from '@stead/core'
import { keyOfUint, type TreeKey } from '../tree/tree-key.ts'
import type { TreeEntry } from '../tree/tree-node.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import type { TreeChange } from '../tree/tree-writer.ts'

/** Rows of a tree at one moment. */
export interface Rows {
  get(key: TreeKey): Promise<Uint8Array | undefined>
  /** The first row from a key on. @param before only one whose key is less */
  first(from: TreeKey, before?: TreeKey): Promise<TreeEntry | undefined>
}

/** Bytes of a {@link Transaction.stamp}. */
export const STAMP_BYTES = 9
const SEQUENCE_MAX = 2 ** 48 - 1
const INDEX_MAX = 2 ** 24 - 1

/** What one change did, until it has succeeded. */
interface Layer {
  readonly rows: Map<TreeKey, Uint8Array | undefined>
  readonly released: Uint8Array[]
}

/**
 * A tree with the changes of a batch on it, which become the next root together. Changes are made one after another, each
 * on what those before it left; one that throws leaves nothing.
 */
export class Transaction implements Rows {
  /** Of the root that this becomes. */
  readonly sequence: number
  readonly now: UnixMs
  readonly #base: TreeReader
  readonly #done: Layer = { rows: new Map(), released: [] }
  #layer: Layer = this.#done
  #stamps = 0

  constructor(base: TreeReader, sequence: number, now: UnixMs) {
    this.#base = base
    this.sequence = sequence
    this.now = now
  }

  /** Segments that nothing refers to once this is the root. */
  get released(): readonly Uint8Array[] {
    return this.#done.released
  }

  /** Makes one change. @throws what it throws, when nothing of it is left */
  async run<Result>(change: (rows: Transaction) => Promise<Result>): Promise<Result> {
    const layer: Layer = { rows: new Map(), released: [] }
    this.#layer = layer
    try {
      const result = await change(this)
      for (const [key, value] of layer.rows) this.#done.rows.set(key, value)
      this.#done.released.push(...layer.released)
      return result
    } finally {
      this.#layer = this.#done
    }
  }

  /** Nine bytes that no other change of the tree has, less than all before: what is newer sorts first. */
  stamp(): TreeKey {
    const index = this.#stamps++
    return keyOfUint(SEQUENCE_MAX - this.sequence, 6) + keyOfUint(INDEX_MAX - index, 3)
  }

  put(key: TreeKey, value: Uint8Array): void {
    this.#layer.rows.set(key, value)
  }

  delete(key: TreeKey): void {
    this.#layer.rows.set(key, undefined)
  }

  /** Lets a segment go, once this is the root. */
  release(reference: Uint8Array): void {
    this.#layer.released.push(reference)
  }

  async get(key: TreeKey): Promise<Uint8Array | undefined> {
    for (const { rows } of [this.#layer, this.#done]) if (rows.has(key)) return rows.get(key)
    return await this.#base.get(key)
  }

  async first(from: TreeKey, before?: TreeKey): Promise<TreeEntry | undefined> {
    const changed = this.#firstChanged(from, before)
    const end = changed?.key ?? before
    for await (const entry of this.#base.scan(from, end))
      if (!this.#layer.rows.has(entry.key) && !this.#done.rows.has(entry.key)) return entry
    return changed
  }

  /** What was changed, ascending. */
  changes(): readonly TreeChange[] {
    return Array.from(this.#done.rows, ([key, value]) => ({ key, value })).sort((left, right) =>
      left.key < right.key ? -1 : 1,
    )
  }

  /** Whether anything was changed. */
  get isEmpty(): boolean {
    return this.#done.rows.size === 0
  }

  #firstChanged(from: TreeKey, before: TreeKey | undefined): TreeEntry | undefined {
    let first: TreeEntry | undefined
    for (const { rows } of [this.#layer, this.#done])
      for (const [key, value] of rows) {
        if (value === undefined || key < from || (before !== undefined && key >= before)) continue
        if (rows !== this.#layer.rows && this.#layer.rows.has(key)) continue
        if (first === undefined || key < first.key) first = { key, value }
      }
    return first
  }
}
