import type { Durability, Store, StoreOperation } from '@stead/core'

/**
 * Writes to the store in order. Small writes of one turn (`append`) share one batch, so that thousands of deliveries a
 * second cost a few writes; a `write` takes what was appended before it along, so that it can never be overtaken.
 */
export class Journal {
  readonly #store: Store
  /** Kept rows that the disk is not known to have, the newest of each place. */
  readonly #kept: Map<string, StoreOperation> = new Map()
  #pending: StoreOperation[] = []
  #shared: Promise<void> | undefined
  #settle: ((written: Promise<void>) => void) | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** Writes with durability `process` together with whatever else is appended in this turn. @throws as Store.write */
  append(...operations: readonly StoreOperation[]): Promise<void> {
    for (const operation of operations) this.#pending.push(operation)
    if (this.#shared === undefined) {
      this.#shared = new Promise<void>((resolve) => {
        this.#settle = resolve
      })
      queueMicrotask(() => this.#flush())
    }
    return this.#shared
  }

  /**
   * As {@link append}, and while the disk is not known to have these rows, every `write` takes them along: what rests on
   * them is never on disk without them, also when the disk refuses them first. @throws as Store.write; they are kept then
   */
  async keep(...operations: readonly StoreOperation[]): Promise<void> {
    for (const operation of operations) this.#kept.set(placeOf(operation), operation)
    await this.append(...operations)
    this.#release(operations)
  }

  /** Writes a batch after all that was appended before. @throws as Store.write */
  async write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    this.#flush()
    const overtaken = batch.flatMap((operation) => this.#kept.get(placeOf(operation)) ?? [])
    this.#release(overtaken)
    const kept = Array.from(this.#kept.values())
    try {
      await this.#store.write([...kept, ...batch], durability)
    } catch (error) {
      // What would have taken their place is not on disk either.
      for (const operation of overtaken) {
        const place = placeOf(operation)
        if (!this.#kept.has(place)) this.#kept.set(place, operation)
      }
      throw error
    }
    this.#release(kept)
  }

  /** Waits for everything that was appended; failures are their callers' to handle. */
  async drain(): Promise<void> {
    this.#flush()
    await this.#store.write([], 'process')
  }

  #release(operations: readonly StoreOperation[]): void {
    for (const operation of operations) {
      const place = placeOf(operation)
      if (this.#kept.get(place) === operation) this.#kept.delete(place)
    }
  }

  #flush(): void {
    const [operations, settle] = [this.#pending, this.#settle]
    if (settle === undefined) return
    this.#pending = []
    this.#shared = undefined
    this.#settle = undefined
    settle(this.#store.write(operations, 'process'))
  }
}

function placeOf({ table, key }: StoreOperation): string {
  return `${table} ${key}`
}
