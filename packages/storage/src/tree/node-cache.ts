import type { NodeMemory } from './node-memory.ts'
import { decodePage } from './page-codec.ts'
import type { PageSource } from './page-store.ts'
import type { PagePlace, TreeNode } from './tree-node.ts'

/** Pages of one tree, read once while they are remembered. A page never changes, so that nothing here gets old. */
export class NodeCache {
  readonly #source: PageSource
  readonly #memory: NodeMemory
  readonly #tree: number
  readonly #loading = new Map<string, Promise<TreeNode>>()

  constructor(source: PageSource, memory: NodeMemory) {
    this.#source = source
    this.#memory = memory
    this.#tree = memory.nextTree()
  }

  /** What a page holds. @throws as {@link PageSource}; ProtocolError PROTOCOL_VERSION, PROTOCOL_MALFORMED */
  async load(place: PagePlace): Promise<TreeNode> {
    const name = this.#nameOf(place)
    return this.#memory.get(name) ?? (await (this.#loading.get(name) ?? this.#read(place, name)))
  }

  /** Remembers a page that was written. Spelled out anew: what it was made of lies in pages that went before. */
  add(place: PagePlace, bytes: Uint8Array): void {
    let node: TreeNode | undefined
    this.#memory.keep(this.#nameOf(place), place.lengthBytes, () => {
      node ??= decodePage(bytes, place.segment)
      return node
    })
  }

  #read(place: PagePlace, name: string): Promise<TreeNode> {
    const loading = (async () => {
      try {
        const node = decodePage(await this.#source.read(place), place.segment)
        this.#memory.keep(name, place.lengthBytes, () => node)
        return node
      } finally {
        this.#loading.delete(name)
      }
    })()
    this.#loading.set(name, loading)
    return loading
  }

  #nameOf({ segment, fromByte }: PagePlace): string {
    return `${this.#tree}/${segment.number}/${fromByte}`
  }
}
