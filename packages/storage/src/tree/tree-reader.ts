import type { NodeCache } from './node-cache.ts'
import type { TreeKey } from './tree-key.ts'
import type { LeafNode, PageRef, TreeChild, TreeEntry } from './tree-node.ts'

/** Rows of a tree as its root has them. */
export class TreeReader {
  readonly root: PageRef | undefined
  readonly #nodes: Pick<NodeCache, 'load'>

  /** @param root undefined for a tree without rows */
  constructor(nodes: Pick<NodeCache, 'load'>, root: PageRef | undefined) {
    this.#nodes = nodes
    this.root = root
  }

  /** The value of a key. @throws as the source of pages */
  async get(key: TreeKey): Promise<Uint8Array | undefined> {
    const entry = await this.first(key, `${key}\u0000`)
    return entry?.value
  }

  /** The first row from a key on. @param before only one whose key is less */
  async first(from: TreeKey, before?: TreeKey): Promise<TreeEntry | undefined> {
    for (let start: TreeKey | undefined = from; start !== undefined; ) {
      const { leaf, next } = await this.#leafOf(start)
      const entry = leaf.entries[lowerBound(leaf.entries, from)]
      if (entry !== undefined) return before === undefined || entry.key < before ? entry : undefined
      start = before !== undefined && next !== undefined && next >= before ? undefined : next
    }
    return undefined
  }

  /** Rows from a key on, ascending. @param before only those whose keys are less */
  async *scan(from: TreeKey, before?: TreeKey): AsyncGenerator<TreeEntry> {
    for (let start: TreeKey | undefined = from; start !== undefined; ) {
      const { leaf, next } = await this.#leafOf(start)
      for (let index = lowerBound(leaf.entries, from); index < leaf.entries.length; index++) {
        const entry = leaf.entries[index]
        if (entry === undefined || (before !== undefined && entry.key >= before)) return
        yield entry
      }
      start = before !== undefined && next !== undefined && next >= before ? undefined : next
    }
  }

  /** The leaf that a key would be in, and where the next one begins. */
  async #leafOf(key: TreeKey): Promise<{ readonly leaf: LeafNode; readonly next: TreeKey | undefined }> {
    let next: TreeKey | undefined
    let page = this.root
    while (page !== undefined) {
      const node = await this.#nodes.load(page)
      if (node.kind === 'leaf') return { leaf: node, next }
      const index = childIndex(node.children, key)
      next = node.children[index + 1]?.firstKey ?? next
      page = node.children[index]?.page
    }
    return { leaf: { kind: 'leaf', entries: [] }, next: undefined }
  }
}

/** Where the first entry is whose key is not less. */
function lowerBound(entries: readonly TreeEntry[], key: TreeKey): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.key ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}

/** Which child a key is in: the last one that does not begin behind it, or the first. */
function childIndex(children: readonly TreeChild[], key: TreeKey): number {
  let [low, high] = [1, children.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((children[middle]?.firstKey ?? '') <= key) low = middle + 1
    else high = middle
  }
  return low - 1
}
