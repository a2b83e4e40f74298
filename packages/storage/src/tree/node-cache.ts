import { decodePage } from './page-codec.ts'
import type { PageSource } from './page-store.ts'
import type { PagePlace, TreeNode } from './tree-node.ts'

/** What a page takes in memory, as against its bytes: keys are spelled out, values are cut from it. */
const MEMORY_FACTOR = 2

/** Pages that were read of late, up to so many bytes of memory. A page never changes, so that nothing here gets old. */
export class NodeCache {
  readonly #source: PageSource
  readonly #bytesMax: number
  /** By place; what was used last is last. */
  readonly #nodes = new Map<string, { readonly page: () => TreeNode; readonly memoryBytes: number }>()
  readonly #loading = new Map<string, Promise<TreeNode>>()
  #usedBytes = 0

  /** @param bytesMax memory that pages may take, 0 for none */
  constructor(source: PageSource, bytesMax: number) {
    this.#source = source
    this.#bytesMax = bytesMax
  }

  /** Memory that pages take now. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** What a page holds. @throws as {@link PageSource}; ProtocolError PROTOCOL_VERSION, PROTOCOL_MALFORMED */
  async load(place: PagePlace): Promise<TreeNode> {
    const name = nameOf(place)
    const known = this.#nodes.get(name)
    if (known !== undefined) {
      this.#nodes.delete(name)
      this.#nodes.set(name, known)
      return known.page()
    }
    const loading = this.#loading.get(name) ?? this.#read(place, name)
    return await loading
  }

  /** Remembers a page that was written. Spelled out anew: what it was made of lies in pages that went before. */
  add(place: PagePlace, bytes: Uint8Array): void {
    let node: TreeNode | undefined
    this.#keep(nameOf(place), place, () => {
      node ??= decodePage(bytes, place.segment)
      return node
    })
  }

  #read(place: PagePlace, name: string): Promise<TreeNode> {
    const loading = (async () => {
      try {
        const node = decodePage(await this.#source.read(place), place.segment)
        this.#keep(name, place, () => node)
        return node
      } finally {
        this.#loading.delete(name)
      }
    })()
    this.#loading.set(name, loading)
    return loading
  }

  #keep(name: string, { lengthBytes }: PagePlace, page: () => TreeNode): void {
    const memoryBytes = lengthBytes * MEMORY_FACTOR
    this.#usedBytes += memoryBytes - (this.#nodes.get(name)?.memoryBytes ?? 0)
    this.#nodes.delete(name)
    this.#nodes.set(name, { page, memoryBytes })
    for (const [oldest, { memoryBytes: freedBytes }] of this.#nodes) {
      if (this.#usedBytes <= this.#bytesMax) break
      this.#nodes.delete(oldest)
      this.#usedBytes -= freedBytes
    }
  }
}

function nameOf({ segment, fromByte }: PagePlace): string {
  return `${segment.number}/${fromByte}`
}
