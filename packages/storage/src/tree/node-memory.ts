import type { TreeNode } from './tree-node.ts'

/** What a page takes in memory, as against its bytes: keys are spelled out, values are cut from it. */
const MEMORY_FACTOR = 2

/** Pages of any number of trees that were used of late, up to so many bytes. */
export class NodeMemory {
  readonly #bytesMax: number
  /** What was used last is last. */
  readonly #nodes = new Map<string, { readonly node: () => TreeNode; readonly memoryBytes: number }>()
  #usedBytes = 0
  #trees = 0

  /** @param bytesMax memory that pages may take, 0 for none */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Memory that pages take now. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** A number for a tree, so that its pages are not taken for those of another. */
  nextTree(): number {
    this.#trees += 1
    return this.#trees
  }

  get(name: string): TreeNode | undefined {
    const known = this.#nodes.get(name)
    if (known === undefined) return undefined
    this.#nodes.delete(name)
    this.#nodes.set(name, known)
    return known.node()
  }

  /** @param lengthBytes of the page */
  keep(name: string, lengthBytes: number, node: () => TreeNode): void {
    const memoryBytes = lengthBytes * MEMORY_FACTOR
    this.#usedBytes += memoryBytes - (this.#nodes.get(name)?.memoryBytes ?? 0)
    this.#nodes.delete(name)
    this.#nodes.set(name, { node, memoryBytes })
    for (const [oldest, { memoryBytes: freedBytes }] of this.#nodes) {
      if (this.#usedBytes <= this.#bytesMax) break
      this.#nodes.delete(oldest)
      this.#usedBytes -= freedBytes
    }
  }
}
