import { type ContentId, type Logger, messageOf } from '@stead/core'
import { usesFloats } from '@stead/sandbox/facts'
import type { BlobCache } from '../blobs/blob-cache.ts'

/** Modules that are remembered, the least recently learned going first. */
const MODULES_MAX = 1024

/** Which modules have float arithmetic, so that honest nodes may give different raw results. */
export class FloatModules {
  readonly #components: { readonly cache: BlobCache; readonly logger: Logger }
  readonly #known: Map<ContentId, boolean> = new Map()

  constructor(components: { readonly cache: BlobCache; readonly logger: Logger }) {
    this.#components = components
  }

  /** Looks into modules that are not known yet. @throws CoreError STORE_FAILED */
  async learn(modules: Iterable<ContentId>): Promise<void> {
    for (const id of new Set(modules)) {
      if (this.#known.has(id)) continue
      const bytes = await this.#components.cache.get(id)
      if (bytes !== undefined) this.#remember(id, this.#look(id, bytes))
    }
  }

  /** Modules that are remembered, and the most that ever are. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#known.size, max: MODULES_MAX }
  }

  /** True as well for a module that could not be looked into: then nobody is blamed without a second look. */
  has(id: ContentId): boolean {
    return this.#known.get(id) ?? true
  }

  #look(id: ContentId, bytes: Uint8Array): boolean {
    try {
      return usesFloats(bytes)
    } catch (error) {
      // Providers will refuse it by name.
      this.#components.logger.debug('a module cannot be read', { id, error: messageOf(error) })
      return true
    }
  }

  #remember(id: ContentId, hasFloats: boolean): void {
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MODULES_MAX) break
      this.#known.delete(oldest)
    }
    this.#known.set(id, hasFloats)
  }
}
