import { MemoryDatastore } from 'datastore-core/memory'
import type { Key } from 'interface-datastore'

/**
 * The memory that libp2p keeps peer and provider records in. Strangers write them, so the oldest give way when there are
 * too many; libp2p itself sets no limit.
 */
export class BoundedDatastore extends MemoryDatastore {
  readonly #recordsMax: number
  /** Keys from least to most recently written. */
  readonly #keys = new Map<string, Key>()

  /** @param recordsMax records kept, 1 or more */
  constructor(recordsMax: number) {
    super()
    this.#recordsMax = recordsMax
  }

  override put(key: Key, value: Uint8Array): Key | Promise<Key> {
    const name = key.toString()
    this.#keys.delete(name)
    this.#keys.set(name, key)
    if (this.#keys.size > this.#recordsMax) {
      const [oldest] = this.#keys.values()
      if (oldest !== undefined) void this.delete(oldest)
    }
    return super.put(key, value)
  }

  override delete(key: Key): void | Promise<void> {
    this.#keys.delete(key.toString())
    return super.delete(key)
  }
}
