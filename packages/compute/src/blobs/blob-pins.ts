import type { ContentId } from '@stead/core'
import type { BlobCache } from './blob-cache.ts'

/** What one job keeps from being dropped; let go of all at once. */
export class BlobPins {
  readonly #cache: BlobCache
  readonly #ids: Set<ContentId> = new Set()

  constructor(cache: BlobCache) {
    this.#cache = cache
  }

  /** Keeps a blob; again for the same one does nothing. */
  pin(id: ContentId): void {
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    this.#cache.pin(id)
  }

  /** Lets go of everything. */
  release(): void {
    for (const id of this.#ids) this.#cache.unpin(id)
    this.#ids.clear()
  }
}
