import type { Store } from '@stead/core'
import { bytesToHex, sha256 } from '@stead/protocol'
import {
  createErasureKernel,
  createFrameCipher,
  loadPairHasher,
  openSharedTree,
  parseShareLink,
  pointerOfLink,
  SegmentReader,
  SharedFolder,
  type SharedTree,
  type ShareLink,
  StoreRootPointers,
  storageConsumerOptionsSchema,
} from '@stead/storage'
import type { Foundation } from './foundation.ts'

/** hash of a share's pointer -> the newest place in its sequence that was seen, as decimal text */
const SEEN_TABLE = 'storage-shares-seen'
/** Shares whose pages are remembered. */
const TREES_MAX = 16

/** Reads what others share, with nothing but a link: no account, no agreement, no money. */
export class SharedReading {
  readonly #foundation: Foundation
  readonly #segments: SegmentReader
  readonly #cipher = createFrameCipher()
  /** By pointer and secret; what was used last is last. */
  readonly #trees = new Map<string, SharedTree>()

  private constructor(foundation: Foundation, segments: SegmentReader) {
    this.#foundation = foundation
    this.#segments = segments
  }

  static async open(foundation: Foundation): Promise<SharedReading> {
    const parts = {
      ...foundation,
      cipher: createFrameCipher(),
      hasher: await loadPairHasher(),
      kernel: createErasureKernel(),
      identity: foundation.chain.identity,
    }
    return new SharedReading(foundation, new SegmentReader(parts, storageConsumerOptionsSchema.parse({})))
  }

  /**
   * Does something in what a link shows, and remembers which state was seen: an older one is never believed again.
   * @throws StorageError STORAGE_BAD_LINK; what `work` throws
   */
  async in<Result>(text: string, work: (folder: SharedFolder) => Promise<Result>): Promise<Result> {
    const link = parseShareLink(text)
    const { clock, store } = this.#foundation
    const tree = await this.#treeOf(link)
    const folder = new SharedFolder({ tree, segments: this.#segments, cipher: this.#cipher, clock }, link)
    const before = tree.sequence
    try {
      return await work(folder)
    } finally {
      if (tree.sequence > before) await noteSeen(store, link, tree.sequence)
    }
  }

  async #treeOf(link: ShareLink): Promise<SharedTree> {
    const name = bytesToHex(sha256(Buffer.concat([link.pointer, link.pages])))
    const known = this.#trees.get(name)
    this.#trees.delete(name)
    const tree = known ?? (await this.#opened(link))
    this.#trees.set(name, tree)
    const [oldest] = this.#trees.keys()
    if (this.#trees.size > TREES_MAX && oldest !== undefined) this.#trees.delete(oldest)
    return tree
  }

  async #opened(link: ShareLink): Promise<SharedTree> {
    const { network, store } = this.#foundation
    const pointer = link.keepers.includes(network.self)
      ? { read: () => new StoreRootPointers(store).readNamed(link.pointer) }
      : pointerOfLink(this.#foundation, link)
    const seenSequence = Math.max(link.sequence, await seenOf(store, link))
    return openSharedTree({ segments: this.#segments, pointer }, link.pages, seenSequence)
  }
}

function seenKey({ pointer }: ShareLink): string {
  return bytesToHex(sha256(pointer)).slice(2)
}

async function seenOf(store: Store, link: ShareLink): Promise<number> {
  const row = await store.get(SEEN_TABLE, seenKey(link))
  return row === undefined ? 0 : Number(new TextDecoder().decode(row))
}

async function noteSeen(store: Store, link: ShareLink, sequence: number): Promise<void> {
  const value = new TextEncoder().encode(String(sequence))
  await store.write([{ kind: 'put', table: SEEN_TABLE, key: seenKey(link), value }], 'process')
}
