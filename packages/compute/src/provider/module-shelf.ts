import { type ContentId, isSteadError, type Size, type SteadError } from '@stead/core'
import type { Executor, FloatMode, LoadedModule } from '@stead/sandbox'
import { isAboutTask } from '../sandbox-verdicts.ts'

/** Refusals that are remembered, so that a bad module is not checked again for each of its tasks. */
const REFUSALS_MAX = 256

/** A module in one float mode; the same bytes are another module in another mode. */
export interface ShelvedModule {
  readonly id: ContentId
  readonly floats: FloatMode
}

/** The modules that are loaded, by content id and float mode. Loads of one module are shared; the least recently used module goes first. */
export class ModuleShelf {
  readonly #executor: Executor
  readonly #modulesMax: number
  readonly #loaded: Map<string, LoadedModule> = new Map()
  readonly #refused: Map<string, SteadError> = new Map()
  readonly #loading: Map<string, Promise<LoadedModule>> = new Map()

  constructor(executor: Executor, modulesMax: number) {
    this.#executor = executor
    this.#modulesMax = modulesMax
  }

  /** The module when it is ready. @throws SandboxError when it was refused lately */
  peek(module: ShelvedModule): LoadedModule | undefined {
    const key = keyOf(module)
    const loaded = this.#loaded.get(key)
    if (loaded === undefined) {
      const refusal = this.#refused.get(key)
      if (refusal !== undefined) throw refusal
      return undefined
    }
    this.#loaded.delete(key)
    this.#loaded.set(key, loaded)
    return loaded
  }

  /** What this shelf holds, with the most that it may. */
  sizes(): readonly Size[] {
    return [
      { what: 'modules that are loaded', have: this.#loaded.size, max: this.#modulesMax },
      { what: 'modules that were refused', have: this.#refused.size, max: REFUSALS_MAX },
    ]
  }

  /** True when the module is ready in some mode. */
  has(id: ContentId): boolean {
    return this.#loaded.has(keyOf({ id, floats: 'raw' })) || this.#loaded.has(keyOf({ id, floats: 'strict' }))
  }

  /**
   * Loads a module from the bytes that `fetch` gives.
   * @throws whatever `fetch` throws, and SandboxError as Executor.load
   */
  load(module: ShelvedModule, fetch: () => Promise<Uint8Array>): Promise<LoadedModule> {
    const key = keyOf(module)
    const running = this.#loading.get(key)
    if (running !== undefined) return running
    const load = this.#load(module, fetch).finally(() => this.#loading.delete(key))
    this.#loading.set(key, load)
    return load
  }

  async #load(module: ShelvedModule, fetch: () => Promise<Uint8Array>): Promise<LoadedModule> {
    const key = keyOf(module)
    const bytes = await fetch()
    let loaded: LoadedModule
    try {
      loaded = await this.#executor.load(bytes, { floats: module.floats })
    } catch (error) {
      if (isSteadError(error) && isAboutTask(error.code)) bounded(this.#refused, REFUSALS_MAX).set(key, error)
      throw error
    }
    bounded(this.#loaded, this.#modulesMax).set(key, loaded)
    return loaded
  }
}

function keyOf({ id, floats }: ShelvedModule): string {
  return `${id} ${floats}`
}

/** Drops the oldest entry when one more would be too many. */
function bounded<K, V>(map: Map<K, V>, sizeMax: number): Map<K, V> {
  if (map.size >= sizeMax) for (const key of map.keys()) return map.delete(key) ? map : map
  return map
}
