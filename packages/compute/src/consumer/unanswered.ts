import type { Address, Clock } from '@stead/core'

/** A node that did not answer is asked after those that may for so long. */
const PAUSE_MS = 60_000
/** Nodes that are remembered; those that failed longest ago go. */
const NODES_MAX = 8192

/**
 * Nodes that did not answer when they were asked for a quote. Offers cost nothing to make up, and a made-up one is as
 * cheap as it likes: without this memory those that nobody stands behind would be asked again and again before all others.
 */
export class Unanswered {
  readonly #clock: Clock
  /** When each failed, the latest last. */
  readonly #failedAtMs: Map<Address, number> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Nodes that are remembered, and the most that ever are. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#failedAtMs.size, max: NODES_MAX }
  }

  /** The node did not answer. */
  note(node: Address): void {
    this.#failedAtMs.delete(node)
    this.#failedAtMs.set(node, this.#clock.monotonicMs())
    for (const oldest of this.#failedAtMs.keys()) {
      if (this.#failedAtMs.size <= NODES_MAX) break
      this.#failedAtMs.delete(oldest)
    }
  }

  /** Whether a node did not answer when it was asked last. */
  has(node: Address): boolean {
    return this.#failedAtMs.has(node)
  }

  /** The node answered. */
  forget(node: Address): void {
    this.#failedAtMs.delete(node)
  }

  /** The same items, those of nodes that failed lately behind all others. */
  lastly<Item>(items: readonly Item[], nodeOf: (item: Item) => Address): readonly Item[] {
    const sinceMs = this.#clock.monotonicMs() - PAUSE_MS
    const failed = (item: Item): boolean => (this.#failedAtMs.get(nodeOf(item)) ?? Number.NEGATIVE_INFINITY) > sinceMs
    return [...items.filter((item) => !failed(item)), ...items.filter(failed)]
  }
}
