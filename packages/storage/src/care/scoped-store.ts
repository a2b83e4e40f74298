import type { Durability, ScanRange, Store, StoreOperation, StoreRow } from '@stead/core'

/** Before each table's name: a caretaker's own books, as a payer, are beside it. */
const TABLES = 'care-'

/**
 * Part of a store in which a ward has books of its own: the same tables under other names, the ward's name before each key.
 * So whatever keeps a payer's books keeps a ward's, and knows nothing of it.
 */
export class ScopedStore implements Store {
  readonly #store: Store
  readonly #prefix: string

  constructor(store: Store, scope: string) {
    this.#store = store
    this.#prefix = `${scope}/`
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    return await this.#store.get(`${TABLES}${table}`, `${this.#prefix}${key}`)
  }

  async scan(table: string, range: ScanRange = {}): Promise<readonly StoreRow[]> {
    const { prefix = '', after, before, ...rest } = range
    const rows = await this.#store.scan(`${TABLES}${table}`, {
      ...rest,
      prefix: `${this.#prefix}${prefix}`,
      ...(after === undefined ? {} : { after: `${this.#prefix}${after}` }),
      ...(before === undefined ? {} : { before: `${this.#prefix}${before}` }),
    })
    return rows.map(({ key, value }) => ({ key: key.slice(this.#prefix.length), value }))
  }

  async write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    await this.#store.write(this.scoped(batch), durability)
  }

  /** The same operations as the whole store has them: for a batch with rows of others. */
  scoped(batch: readonly StoreOperation[]): readonly StoreOperation[] {
    return batch.map((operation) => ({
      ...operation,
      table: `${TABLES}${operation.table}`,
      key: `${this.#prefix}${operation.key}`,
    }))
  }

  /** Waits for pending writes; the store itself is closed by whoever opened it. */
  async close(): Promise<void> {
    await this.#store.write([], 'process')
  }
}
