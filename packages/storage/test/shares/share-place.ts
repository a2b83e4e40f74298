import { bytesToHex, nobleSecp256k1, peerIdOfPublicKey, sha256 } from '@stead/protocol'
import {
  createFrameCipher,
  formatShareLink,
  type ObjectStoreInput,
  parseShareLink,
  type RootPointers,
  SharedFolder,
  SharedTree,
  type ShareLink,
  type TreeObjectStore,
} from '@stead/storage'
import { NodeMemory } from '../../src/tree/node-memory.ts'
import { bytesFrom, Workplace } from '../objects/workplace.ts'

const KEEPER = peerIdOfPublicKey(nobleSecp256k1.publicKey(new Uint8Array(32).fill(9)))

/** What bytes are told by in failures. */
export function digestOf(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes)).slice(2, 18)
}

/** A workplace whose pointers are also found by their names, as those who have a link find them. */
export class SharePlace extends Workplace {
  readonly #seeds = new Map<string, Uint8Array>()

  readonly namedPointers: RootPointers = (seed) => {
    this.#seeds.set(bytesToHex(sha256(seed)), seed)
    return this.pointers.open(seed)
  }

  openStore(options: ObjectStoreInput = {}): TreeObjectStore {
    return this.open({ segmentBytes: 65_520, ...options }, { pointers: this.namedPointers })
  }

  /** Shares, and gives the link as text. */
  async link(store: TreeObjectStore, bucket: string, prefix: string, forMs?: number): Promise<string> {
    const expiresAt =
      forMs === undefined ? undefined : ((this.clock.now() + forMs) as ReturnType<Workplace['clock']['now']>)
    const { grant } = await store.shares.share(bucket, prefix, expiresAt)
    return formatShareLink({ ...grant, keepers: [KEEPER] })
  }

  /** What a stranger has who was given a link and knows nothing else. */
  reader(link: string | ShareLink): SharedFolder {
    const opened = typeof link === 'string' ? parseShareLink(link) : link
    const seed = this.#seeds.get(bytesToHex(opened.pointer))
    const pointer = { read: async () => (seed === undefined ? undefined : await this.pointers.open(seed).read()) }
    const { segments, clock } = this
    const tree = new SharedTree({ segments, pointer, memory: new NodeMemory(2 ** 20) }, opened.pages, opened.sequence)
    return new SharedFolder({ tree, segments, cipher: createFrameCipher(), clock }, opened)
  }

  /** All that a link shows, by key. */
  async seen(link: string | ShareLink): Promise<Record<string, string>> {
    const reader = this.reader(link)
    const { objects } = await reader.list({ isRecursive: true, limit: 1000 })
    const seen: Record<string, string> = {}
    for (const { key } of objects) {
      const { body } = await reader.get(reader.isObject ? '' : key)
      seen[key] = digestOf(await bytesFrom(body))
    }
    return seen
  }
}
