import { ComputeError } from '@stead/compute'
import type { ContentId } from '@stead/core'
import type { TaskKind } from '@stead/protocol'
import { type FloatMode, prepareModule, SandboxError } from '@stead/sandbox'
import type { SteadNode } from '../daemon/stead-node.ts'

/** Modules that were looked at; a job that is submitted again need not wait. */
const CHECKED_MAX = 256

/** Refuses modules that no provider would run, before anything is locked for them. */
export class ModuleCheck {
  readonly #node: SteadNode
  /** By content id and float mode. */
  readonly #kinds: Map<string, readonly TaskKind[]> = new Map()

  constructor(node: SteadNode) {
    this.#node = node
  }

  /** @throws SandboxError naming what is wrong, ComputeError COMPUTE_BLOB_MISSING */
  async check(module: ContentId, kind: TaskKind, floats: FloatMode): Promise<void> {
    const kinds = this.#kinds.get(`${module} ${floats}`) ?? (await this.#kindsOf(module, floats))
    if (kinds.includes(kind)) return
    throw new SandboxError(
      'SANDBOX_NO_ENTRY',
      `the module has no entry point of kind ${kind}, only ${kinds.join(', ')}`,
      {
        details: { need: kind, have: kinds.join(', ') },
      },
    )
  }

  async #kindsOf(module: ContentId, floats: FloatMode): Promise<readonly TaskKind[]> {
    const bytes = await this.#node.trade.blobs.cache.get(module)
    if (bytes === undefined) {
      throw new ComputeError('COMPUTE_BLOB_MISSING', `the module ${module} was not uploaded`, {
        details: { id: module },
      })
    }
    const { kinds } = prepareModule(bytes, floats).facts
    if (this.#kinds.size >= CHECKED_MAX) this.#kinds.clear()
    this.#kinds.set(`${module} ${floats}`, kinds)
    return kinds
  }
}
