import type { LoadedModule } from '../executor.ts'
import type { ModuleFacts } from '../prepare.ts'
import type { FloatMode } from '../strict/float-mode.ts'

/** What is loaded: the same bytes are another module in another mode. */
export interface ModuleKey {
  readonly moduleId: string
  readonly floats: FloatMode
}

/** A module that the child process has, or is about to have. */
export interface ShelfEntry extends ModuleKey {
  /** The number that stands for the module on the wire. */
  readonly handle: number
  readonly bytes: Uint8Array
  /** Settles when the child has loaded or refused it. */
  readonly ready: Promise<ModuleFacts>
  readonly settle: { readonly resolve: (facts: ModuleFacts) => void; readonly reject: (error: unknown) => void }
  isReady: boolean
  /** Calls and loads that need it now; it is not evicted while there are any. */
  users: number
}

/** The caller's handle: keeps the bytes, so that a module can be loaded again after eviction or a restart. */
export class HeldModule implements LoadedModule {
  readonly moduleId: string
  readonly kinds: LoadedModule['kinds']
  readonly originalBytes: number
  readonly memoryPagesMin: number
  readonly meterVersion: number
  readonly floats: FloatMode
  readonly #bytes: Uint8Array

  constructor(moduleId: string, facts: ModuleFacts, bytes: Uint8Array) {
    this.moduleId = moduleId
    this.kinds = facts.kinds
    this.originalBytes = facts.originalBytes
    this.memoryPagesMin = facts.memoryPagesMin
    this.meterVersion = facts.meterVersion
    this.floats = facts.floats
    this.#bytes = bytes
  }

  /** The original bytes of a module that this executor's `load` gave out; undefined for anything else. */
  static bytesOf(module: LoadedModule): Uint8Array | undefined {
    return #bytes in module ? module.#bytes : undefined
  }
}

/** Which modules the child process holds, least recently used first. */
export class ModuleShelf {
  readonly #modulesMax: number
  readonly #bytesMax: number
  readonly #byKey = new Map<string, ShelfEntry>()
  readonly #byHandle = new Map<number, ShelfEntry>()
  #bytes = 0
  #nextHandle = 1

  constructor(limits: { readonly modulesMax: number; readonly moduleBytesMax: number }) {
    this.#modulesMax = limits.modulesMax
    this.#bytesMax = limits.moduleBytesMax
  }

  /** The entry, now the most recently used. */
  find(module: ModuleKey): ShelfEntry | undefined {
    const key = spelled(module)
    const entry = this.#byKey.get(key)
    if (entry === undefined) return undefined
    this.#byKey.delete(key)
    this.#byKey.set(key, entry)
    return entry
  }

  /** True while the child owes an answer to a load. */
  get isLoading(): boolean {
    for (const entry of this.#byKey.values()) if (!entry.isReady) return true
    return false
  }

  byHandle(handle: number): ShelfEntry | undefined {
    return this.#byHandle.get(handle)
  }

  add({ moduleId, floats }: ModuleKey, bytes: Uint8Array): ShelfEntry {
    const { promise, resolve, reject } = Promise.withResolvers<ModuleFacts>()
    const settle = { resolve, reject }
    const handle = this.#nextHandle++
    const entry = { moduleId, floats, handle, bytes, ready: promise, settle, isReady: false, users: 0 }
    this.#byKey.set(spelled(entry), entry)
    this.#byHandle.set(entry.handle, entry)
    this.#bytes += bytes.length
    return entry
  }

  remove(entry: ShelfEntry): void {
    if (!this.#byHandle.delete(entry.handle)) return
    this.#byKey.delete(spelled(entry))
    this.#bytes -= entry.bytes.length
  }

  /** Takes out unused entries, oldest first, until the limits hold; returns them. */
  evict(): ShelfEntry[] {
    const evicted: ShelfEntry[] = []
    for (const entry of [...this.#byKey.values()]) {
      if (this.#byKey.size <= this.#modulesMax && this.#bytes <= this.#bytesMax) break
      if (entry.users > 0 || !entry.isReady) continue
      this.remove(entry)
      evicted.push(entry)
    }
    return evicted
  }

  /** Takes out everything; returns it. */
  clear(): ShelfEntry[] {
    const all = [...this.#byKey.values()]
    for (const entry of all) this.remove(entry)
    return all
  }
}

function spelled({ moduleId, floats }: ModuleKey): string {
  return `${moduleId} ${floats}`
}
