import type { Address } from '@stead/core'
import { NodeLoad } from './lane.ts'

/** Nodes at which nothing is in flight that are remembered; those that were used longest ago go. */
const IDLE_MAX = 4096

/** What this payer has in flight at which node, over all of its jobs. */
export class NodeLoads {
  /** In order of use, the most recent last. */
  readonly #loads: Map<Address, NodeLoad> = new Map()

  /** Nodes that are remembered, and the most that may be. */
  get size(): { readonly have: number; readonly max: number } {
    let busy = 0
    for (const { inFlight } of this.#loads.values()) if (inFlight > 0) busy++
    return { have: this.#loads.size, max: IDLE_MAX + busy }
  }

  /** The load of a node that a job is about to use. */
  of(node: Address): NodeLoad {
    const load = this.#loads.get(node) ?? new NodeLoad(node)
    this.#loads.delete(node)
    this.#loads.set(node, load)
    this.#shrink()
    return load
  }

  #shrink(): void {
    for (const [node, { inFlight }] of this.#loads) {
      if (this.#loads.size <= IDLE_MAX) return
      if (inFlight === 0) this.#loads.delete(node)
    }
  }
}
