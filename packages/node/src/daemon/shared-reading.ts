import type { Store } from '@stead/core'
import { bytesToHex, concatBytes, sha256 } from '@stead/protocol'
import {
  CarePlaces,
  createErasureKernel,
  createFrameCipher,
  deskOfOwner,
  HolderReach,
  loadPairHasher,
  openSharedTree,
  parseShareLink,
  RegisterReader,
  SegmentReader,
  type SegmentReaderParts,
  type ShareDesk,
  SharedFolder,
  type SharedTree,
  type ShareLink,
  storageConsumerOptionsSchema,
} from '@stead/storage'
import type { Foundation } from './foundation.ts'

/** hash of a share's pointer -> the newest place in its sequence that was seen, as decimal text */
const SEEN_TABLE = 'storage-shares-seen'
/** Shares whose pages are remembered. */
const SHARES_MAX = 16

interface OpenShare {
  readonly tree: SharedTree
  readonly segments: SegmentReader
}

/** Reads what others share, with nothing but a link: no account, no agreement, no money. */
export class SharedReading {
  readonly #foundation: Foundation
  readonly #parts: SegmentReaderParts
  /** By pointer and secret; what was used last is last. */
  readonly #shares = new Map<string, OpenShare>()

  readonly #own: ShareDesk

  private constructor(foundation: Foundation, parts: SegmentReaderParts, own: ShareDesk) {
    this.#foundation = foundation
    this.#parts = parts
    this.#own = own
  }

  /** @param own says what others would be told by this node: nobody asks itself over the network */
  static async open(foundation: Foundation, own: ShareDesk): Promise<SharedReading> {
    const parts = {
      ...foundation,
      cipher: createFrameCipher(),
      hasher: await loadPairHasher(),
      kernel: createErasureKernel(),
      identity: foundation.chain.identity,
      elsewhere: new CarePlaces(foundation).elsewhere,
      reach: new HolderReach(foundation),
    }
    return new SharedReading(foundation, parts, own)
  }

  /**
   * Does something in what a link shows, and remembers which state was seen: an older one is never believed again.
   * @throws StorageError STORAGE_BAD_LINK; what `work` throws
   */
  async in<Result>(text: string, work: (folder: SharedFolder) => Promise<Result>): Promise<Result> {
    const link = parseShareLink(text)
    const { clock, store } = this.#foundation
    const { tree, segments } = await this.#shareOf(link)
    const folder = new SharedFolder({ tree, segments, cipher: this.#parts.cipher, clock }, link)
    const before = tree.sequence
    try {
      return await work(folder)
    } finally {
      if (tree.sequence > before) await noteSeen(store, link, tree.sequence)
    }
  }

  async #shareOf(link: ShareLink): Promise<OpenShare> {
    const name = bytesToHex(sha256(concatBytes(link.pointer, link.pages)))
    const share = this.#shares.get(name) ?? (await this.#opened(link))
    this.#shares.delete(name)
    this.#shares.set(name, share)
    const [oldest] = this.#shares.keys()
    if (this.#shares.size > SHARES_MAX && oldest !== undefined) this.#shares.delete(oldest)
    return share
  }

  async #opened(link: ShareLink): Promise<OpenShare> {
    const { network, store } = this.#foundation
    const owner = link.owner === network.self ? this.#own : deskOfOwner(this.#foundation, link)
    const segments = new SegmentReader(this.#parts, storageConsumerOptionsSchema.parse({}), owner.places)
    const pointer = new RegisterReader(this.#foundation, link.pointer, link.keepers)
    const seenSequence = Math.max(link.sequence, await seenOf(store, link))
    return { segments, tree: openSharedTree({ segments, pointer }, link.pages, seenSequence) }
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
