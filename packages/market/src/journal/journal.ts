import type { Durability, Store, StoreOperation } from '@stead/core'

/**
 * Writes to the store in order. Small writes of one turn (`append`) share one batch, so that thousands of deliveries a
 * second cost a few writes; a `write` takes what was appended before it along, so that it can never be overtaken.
 */
export class Journal {
  readonly #store: Store
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

  /** Writes a batch after all that was appended before. @throws as Store.write */
  write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    this.#flush()
    return this.#store.write(batch, durability)
  }

  /** Waits for everything that was appended; failures are their callers' to handle. */
  async drain(): Promise<void> {
    this.#flush()
    await this.#store.write([], 'process')
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
