import { silentLogger } from '@stead/core'
import { bytesToHex, nobleSecp256k1, peerIdOfPublicKey, sha256 } from '@stead/protocol'
import {
  createFrameCipher,
  formatShareLink,
  type ObjectStoreComponents,
  type ObjectStoreInput,
  type OpenedShare,
  parseShareLink,
  type RootPointer,
  type RootPointers,
  SharedFolder,
  SharedTree,
  type ShareLink,
  TreeObjectStore,
} from '@stead/storage'
import { tableRange } from '../../src/objects/row-keys.ts'
import { NodeMemory } from '../../src/tree/node-memory.ts'
import type { FaultyPorts } from '../objects/faulty-ports.ts'
import { bytesFrom, Workplace } from '../objects/workplace.ts'

const OWNER = peerIdOfPublicKey(nobleSecp256k1.publicKey(new Uint8Array(32).fill(9)))

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

  /** @param payer who pays for segments, as the catalogue notes it */
  openStore(options: ObjectStoreInput = {}, payer?: ObjectStoreComponents['payer']): TreeObjectStore {
    const { segments, clock, random, secret, namedPointers: pointers } = this
    return new TreeObjectStore(
      { segments, pointers, clock, random, secret, logger: silentLogger, ...(payer === undefined ? {} : { payer }) },
      { gatherMs: 0, segmentBytes: 65_520, ...options },
    )
  }

  /** A store whose calls may go wrong. */
  openFaulty(ports: FaultyPorts, options: ObjectStoreInput): TreeObjectStore {
    return this.open(options, { segments: ports.segments(this.segments), pointers: ports.pointers(this.namedPointers) })
  }

  /** Lets everything run that is ready. */
  async tick(): Promise<false> {
    await new Promise((resolve) => setImmediate(resolve))
    return false
  }

  /** Shares, and gives the link as text. */
  async link(store: TreeObjectStore, bucket: string, prefix: string, forMs?: number): Promise<string> {
    const expiresAt =
      forMs === undefined ? undefined : ((this.clock.now() + forMs) as ReturnType<Workplace['clock']['now']>)
    return this.linkOf(await store.shares.share(bucket, prefix, expiresAt))
  }

  linkOf({ grant }: OpenedShare): string {
    return formatShareLink({ ...grant, owner: OWNER })
  }

  /** What a pointer's seed is known by. */
  nameOf(seed: Uint8Array): Uint8Array {
    return sha256(seed)
  }

  /** The pointer of a name, to be read. */
  pointerNamed(name: Uint8Array): Pick<RootPointer, 'read'> {
    const seed = this.#seeds.get(bytesToHex(name))
    return { read: async () => (seed === undefined ? undefined : await this.pointers.open(seed).read()) }
  }

  /** What a stranger has who was given a link and knows nothing else. */
  reader(link: string | ShareLink): SharedFolder {
    const opened = typeof link === 'string' ? parseShareLink(link) : link
    const pointer = this.pointerNamed(opened.pointer)
    const { segments, clock } = this
    const tree = new SharedTree({ segments, pointer, memory: new NodeMemory(2 ** 20) }, opened.pages, opened.sequence)
    return new SharedFolder({ tree, segments, cipher: createFrameCipher(), clock }, opened)
  }

  /** Rows of a table of a share's tree. */
  async countRows(link: string, table: Parameters<typeof tableRange>[0]): Promise<number> {
    const { pages, pointer: name } = parseShareLink(link)
    const pointer = this.pointerNamed(name)
    const tree = new SharedTree({ segments: this.segments, pointer, memory: new NodeMemory(2 ** 20) }, pages, 0)
    return await tree.read(async (rows) => {
      let count = 0
      const { from, before } = tableRange(table)
      for await (const _ of rows.scan(from, before)) count++
      return count
    })
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
