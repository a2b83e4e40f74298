import type { Store } from '@stead/core'
import { bytesField, bytesToHex, defineSchema, type Schema, sha256, uintField, versionField } from '@stead/protocol'
import { POINTER_VALUE_BYTES_MAX, type PointerValue, type RootPointer } from './root-pointer.ts'

/** hash of a pointer's seed -> PointerRow */
const POINTERS_TABLE = 'storage-pointers'

interface PointerRow extends Pick<PointerValue, 'sequence' | 'value'> {
  readonly version: 1
}

const pointerRowSchema: Schema<PointerRow> = defineSchema<PointerRow>('PointerRow', POINTER_VALUE_BYTES_MAX + 64, {
  version: [1, versionField(1)],
  sequence: [2, uintField()],
  value: [3, bytesField(POINTER_VALUE_BYTES_MAX, 1)],
})

/** Pointers in a Store, for one process at a time; a swap outlives a loss of power. */
export class StoreRootPointers {
  readonly #store: Store
  /** The last swap of each pointer that is under way: they go one after another. */
  readonly #swaps = new Map<string, Promise<unknown>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The pointer of a seed. Its methods throw CoreError as the Store does. */
  readonly open = (seed: Uint8Array): RootPointer => {
    const name = bytesToHex(sha256(seed))
    return {
      read: () => this.#read(name),
      swap: async (expectedSequence, value) => {
        const before = this.#swaps.get(name) ?? Promise.resolve()
        const swap = before.then(() => this.#swap(name, expectedSequence, value))
        const settled = swap.catch(() => undefined)
        this.#swaps.set(name, settled)
        try {
          return await swap
        } finally {
          if (this.#swaps.get(name) === settled) this.#swaps.delete(name)
        }
      },
    }
  }

  async #read(name: string): Promise<PointerValue | undefined> {
    const row = await this.#store.get(POINTERS_TABLE, name)
    if (row === undefined) return undefined
    const { sequence, value } = pointerRowSchema.decodeDocument(row)
    return { sequence, value }
  }

  async #swap(name: string, expectedSequence: number, value: Uint8Array): Promise<'done' | 'moved'> {
    if (((await this.#read(name))?.sequence ?? 0) !== expectedSequence) return 'moved'
    const row = pointerRowSchema.encodeDocument({ version: 1, sequence: expectedSequence + 1, value })
    await this.#store.write([{ kind: 'put', table: POINTERS_TABLE, key: name, value: row }], 'power')
    return 'done'
  }
}
