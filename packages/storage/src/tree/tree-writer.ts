import type { NodeCache } from './node-cache.ts'
import { childBytes, encodePage, entryBytes, nodeBytes, PAGE_BYTES_MAX, segmentBytes } from './page-codec.ts'
import type { PageLog } from './page-log.ts'
import type { TreeKey } from './tree-key.ts'
import {
  type PagePlace,
  type PageRef,
  TREE_KEY_BYTES_MAX,
  TREE_VALUE_BYTES_MAX,
  type TreeChild,
  type TreeEntry,
  type TreeNode,
} from './tree-node.ts'

/** A row to be written, or taken away. */
export interface TreeChange {
  readonly key: TreeKey
  /** Undefined takes the row away. */
  readonly value: Uint8Array | undefined
}

/** What writing a batch came to. */
export interface TreeUpdate {
  readonly root: PageRef | undefined
  /** Bytes of pages that are new, and of those that nothing refers to any more. */
  readonly addedBytes: number
  readonly removedBytes: number
  /** The new pages. */
  readonly pages: readonly { readonly place: PagePlace; readonly bytes: Uint8Array }[]
}

/** A page that stands in its parent as it was, or one that is not written yet. */
type Item =
  | { readonly child: TreeChild; readonly node?: undefined }
  | { readonly node: TreeNode; readonly child?: undefined }

/** Below this a page is put together with the one beside it. */
const SMALL_BYTES = PAGE_BYTES_MAX / 4
/** How full pages are made that were split or put together: room for more. */
const FILL_BYTES = Math.floor(PAGE_BYTES_MAX * 0.9)
const LEAF_HEAD_BYTES = nodeBytes({ kind: 'leaf', entries: [] })

/**
 * Makes a tree with a batch of changes out of one without: pages on the way to a change are written anew, all others are
 * shared (copy on write). Takes as much memory as the pages that change.
 */
export class TreeWriter {
  readonly #nodes: Pick<NodeCache, 'load'>
  readonly #log: PageLog
  readonly #rewriteBelow: number
  readonly #pages: { readonly place: PagePlace; readonly bytes: Uint8Array; readonly node: TreeNode }[] = []
  #addedBytes = 0
  #removedBytes = 0

  /** @param rewriteBelow pages in segments with a lower number are written anew as well */
  constructor(nodes: Pick<NodeCache, 'load'>, log: PageLog, rewriteBelow = 0) {
    this.#nodes = nodes
    this.#log = log
    this.#rewriteBelow = rewriteBelow
  }

  /**
   * @param changes ascending, no key twice
   * @throws RangeError for a key or value that is too long; as the source and the sink of pages
   */
  async apply(root: PageRef | undefined, changes: readonly TreeChange[]): Promise<TreeUpdate> {
    for (const change of changes) checkChange(change)
    const before: readonly Item[] =
      root === undefined
        ? leavesOf(withChanges([], changes) ?? [])
        : await this.#applied({ firstKey: '', page: root }, changes)
    return { root: await this.#rootOf(before), ...this.#sizes() }
  }

  #sizes(): Omit<TreeUpdate, 'root'> {
    return { addedBytes: this.#addedBytes, removedBytes: this.#removedBytes, pages: this.#pages }
  }

  /** What stands in the place of a page. */
  async #applied(child: TreeChild, changes: readonly TreeChange[]): Promise<readonly Item[]> {
    const { page } = child
    if (changes.length === 0 && page.oldest >= this.#rewriteBelow) return [{ child }]
    const node = await this.#nodes.load(page)
    if (node.kind === 'leaf') {
      const entries = withChanges(node.entries, changes)
      if (entries === undefined && page.oldest >= this.#rewriteBelow) return [{ child }]
      this.#removedBytes += page.lengthBytes
      return leavesOf(entries ?? node.entries)
    }
    const items: Item[] = []
    let at = 0
    for (const [index, below] of node.children.entries()) {
      const end = node.children[index + 1]?.firstKey
      let to = at
      while (to < changes.length && (end === undefined || (changes[to]?.key ?? '') < end)) to++
      items.push(...(await this.#applied(below, changes.slice(at, to))))
      at = to
    }
    const isSame =
      items.length === node.children.length && items.every(({ child: kept }, i) => kept === node.children[i])
    if (isSame && page.segment.number >= this.#rewriteBelow) return [{ child }]
    this.#removedBytes += page.lengthBytes
    return await this.#parentsOf(items)
  }

  /** The page above all others, written. */
  async #rootOf(items: readonly Item[]): Promise<PageRef | undefined> {
    let level = items
    while (level.length > 1) level = await this.#parentsOf(level)
    const [top] = level
    if (top === undefined) return undefined
    let child =
      top.child ?? (top.node.kind === 'inner' && top.node.children.length === 1 ? top.node.children[0] : undefined)
    if (child === undefined && top.node !== undefined) child = await this.#written(top.node)
    // A page with one page below is none: the tree became lower.
    for (let page = child?.page; page !== undefined; ) {
      const node = await this.#nodeAt(page)
      const only = node.kind === 'inner' && node.children.length === 1 ? node.children[0] : undefined
      if (only === undefined) return page
      this.#removedBytes += page.lengthBytes
      page = only.page
    }
    return child?.page
  }

  async #nodeAt(page: PageRef): Promise<TreeNode> {
    const fresh = this.#pages.find(({ place }) => place.segment === page.segment && place.fromByte === page.fromByte)
    return fresh?.node ?? (await this.#nodes.load(page))
  }

  /** Pages that hold these, which are written with that. */
  async #parentsOf(items: readonly Item[]): Promise<readonly Item[]> {
    const children: TreeChild[] = []
    for (const { child, node } of await this.#withoutSmall(items)) children.push(child ?? (await this.#written(node)))
    return innersOf(children)
  }

  /** Puts new pages together with their neighbours where one of both is small. */
  async #withoutSmall(items: readonly Item[]): Promise<readonly Item[]> {
    const kept: Item[] = []
    for (const item of items) {
      const last = kept.at(-1)
      const isNew = item.node !== undefined || last?.node !== undefined
      if (last === undefined || !isNew || Math.min(itemBytes(last), itemBytes(item)) >= SMALL_BYTES) {
        kept.push(item)
        continue
      }
      kept.pop()
      kept.push(...joined(await this.#opened(last), await this.#opened(item)))
    }
    return kept
  }

  async #opened(item: Item): Promise<TreeNode> {
    if (item.node !== undefined) return item.node
    const node = await this.#nodes.load(item.child.page)
    this.#removedBytes += item.child.page.lengthBytes
    return node
  }

  async #written(node: TreeNode): Promise<TreeChild> {
    const { place, bytes } = await this.#log.add((own) => encodePage(node, own))
    this.#addedBytes += place.lengthBytes
    this.#pages.push({ place, bytes, node })
    const { number } = place.segment
    if (node.kind === 'leaf') return { firstKey: node.entries[0]?.key ?? '', page: { ...place, oldest: number } }
    const oldest = node.children.reduce((least, { page }) => Math.min(least, page.oldest), number)
    return { firstKey: node.children[0]?.firstKey ?? '', page: { ...place, oldest } }
  }
}

function checkChange({ key, value }: TreeChange): void {
  if (key.length > TREE_KEY_BYTES_MAX)
    throw new RangeError(`a key of a tree has at most ${TREE_KEY_BYTES_MAX} bytes, not ${key.length}`)
  if (value !== undefined && value.length > TREE_VALUE_BYTES_MAX)
    throw new RangeError(`a value of a tree has at most ${TREE_VALUE_BYTES_MAX} bytes, not ${value.length}`)
}

/** Rows with changes; undefined when they change nothing. */
function withChanges(entries: readonly TreeEntry[], changes: readonly TreeChange[]): readonly TreeEntry[] | undefined {
  const merged: TreeEntry[] = []
  let isChanged = false
  let at = 0
  for (const { key, value } of changes) {
    for (let entry = entries[at]; entry !== undefined && entry.key < key; entry = entries[at]) {
      merged.push(entry)
      at++
    }
    const isThere = entries[at]?.key === key
    if (isThere) at++
    if (value !== undefined) merged.push({ key, value })
    isChanged ||= isThere || value !== undefined
  }
  if (!isChanged) return undefined
  for (; at < entries.length; at++) {
    const entry = entries[at]
    if (entry !== undefined) merged.push(entry)
  }
  return merged
}

function itemBytes({ child, node }: Item): number {
  return child === undefined ? nodeBytes(node) : child.page.lengthBytes
}

/** Two pages of one level as one, or as two that are about equally full. */
function joined(left: TreeNode, right: TreeNode): readonly Item[] {
  if (left.kind === 'leaf' && right.kind === 'leaf') return leavesOf([...left.entries, ...right.entries])
  if (left.kind === 'inner' && right.kind === 'inner') return innersOf([...left.children, ...right.children])
  throw new TypeError('pages of two levels lie beside each other')
}

/** Leaves about equally full; one when all fits. */
function leavesOf(entries: readonly TreeEntry[]): readonly Item[] {
  const totalBytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
  if (entries.length === 0) return []
  if (totalBytes + LEAF_HEAD_BYTES <= PAGE_BYTES_MAX) return [{ node: { kind: 'leaf', entries } }]
  const targetBytes = totalBytes / Math.ceil(totalBytes / FILL_BYTES)
  const items: Item[] = []
  let from = 0
  let bytes = 0
  for (const [index, entry] of entries.entries()) {
    const more = entryBytes(entry)
    const isFull = bytes + more + LEAF_HEAD_BYTES > PAGE_BYTES_MAX || bytes + more / 2 > targetBytes
    if (index > from && isFull) {
      items.push({ node: { kind: 'leaf', entries: entries.slice(from, index) } })
      from = index
      bytes = 0
    }
    bytes += more
  }
  return [...items, { node: { kind: 'leaf', entries: entries.slice(from) } }]
}

/** Inner pages about equally full; one when all fits. */
function innersOf(children: readonly TreeChild[]): readonly Item[] {
  if (children.length === 0) return []
  const packed = cutChildren(children, PAGE_BYTES_MAX)
  if (packed.length === 1) return packed
  const totalBytes = packed.reduce((sum, item) => sum + itemBytes(item), 0)
  const even = cutChildren(children, Math.min(PAGE_BYTES_MAX, Math.ceil((totalBytes / packed.length) * 1.1)))
  return even.length === packed.length ? even : packed
}

function cutChildren(children: readonly TreeChild[], bytesMax: number): readonly Item[] {
  const items: Item[] = []
  let seen = new Set<number>()
  let from = 0
  let bytes = LEAF_HEAD_BYTES
  const cost = (child: TreeChild): number =>
    childBytes(child) + (seen.has(child.page.segment.number) ? 0 : segmentBytes(child.page.segment))
  for (const [index, child] of children.entries()) {
    if (index > from && bytes + cost(child) > bytesMax) {
      items.push({ node: { kind: 'inner', children: children.slice(from, index) } })
      from = index
      bytes = LEAF_HEAD_BYTES
      seen = new Set()
    }
    bytes += cost(child)
    seen.add(child.page.segment.number)
  }
  return [...items, { node: { kind: 'inner', children: children.slice(from) } }]
}
