import { type ContentId, isSteadError, type SteadError } from '@stead/core'
import type { Executor, LoadedModule } from '@stead/sandbox'

/** Refusals that are remembered, so that a bad module is not checked again for each of its tasks. */
const REFUSALS_MAX = 256

/** The modules that are loaded, by content id. Loads of one module are shared; the least recently used module goes first. */
export class ModuleShelf {
  readonly #executor: Executor
  readonly #modulesMax: number
  readonly #loaded: Map<ContentId, LoadedModule> = new Map()
  readonly #refused: Map<ContentId, SteadError> = new Map()
  readonly #loading: Map<ContentId, Promise<LoadedModule>> = new Map()

  constructor(executor: Executor, modulesMax: number) {
    this.#executor = executor
    this.#modulesMax = modulesMax
  }

  /** The module when it is ready. @throws SandboxError when it was refused lately */
  peek(id: ContentId): LoadedModule | undefined {
    const loaded = this.#loaded.get(id)
    if (loaded === undefined) {
      const refusal = this.#refused.get(id)
      if (refusal !== undefined) throw refusal
      return undefined
    }
    this.#loaded.delete(id)
    this.#loaded.set(id, loaded)
    return loaded
  }

  /** True when the module is ready. */
  has(id: ContentId): boolean {
    return this.#loaded.has(id)
  }

  /**
   * Loads a module from the bytes that `fetch` gives.
   * @throws whatever `fetch` throws, and SandboxError as Executor.load
   */
  load(id: ContentId, fetch: () => Promise<Uint8Array>): Promise<LoadedModule> {
    const running = this.#loading.get(id)
    if (running !== undefined) return running
    const load = this.#load(id, fetch).finally(() => this.#loading.delete(id))
    this.#loading.set(id, load)
    return load
  }

  async #load(id: ContentId, fetch: () => Promise<Uint8Array>): Promise<LoadedModule> {
    const bytes = await fetch()
    let loaded: LoadedModule
    try {
      loaded = await this.#executor.load(bytes)
    } catch (error) {
      if (isSteadError(error) && !error.retryable) bounded(this.#refused, REFUSALS_MAX).set(id, error)
      throw error
    }
    bounded(this.#loaded, this.#modulesMax).set(id, loaded)
    return loaded
  }
}

/** Drops the oldest entry when one more would be too many. */
function bounded<K, V>(map: Map<K, V>, sizeMax: number): Map<K, V> {
  if (map.size >= sizeMax) for (const key of map.keys()) return map.delete(key) ? map : map
  return map
}
