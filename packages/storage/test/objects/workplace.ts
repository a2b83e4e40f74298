import { silentLogger } from '@stead/core'
import {
  createFrameCipher,
  MemoryRootPointers,
  MemorySegmentStore,
  type ObjectStoreInput,
  PathSecret,
  type RootPointers,
  type SegmentStore,
  TreeObjectStore,
} from '@stead/storage'
import { ManualClock, SeededRandom } from '@stead/testkit'

/** Segments, pointers and a clock that outlive the stores which are opened on them. */
export class Workplace {
  readonly clock: ManualClock = new ManualClock()
  readonly random: SeededRandom = new SeededRandom(7)
  readonly secret: PathSecret = new PathSecret(new Uint8Array(32).fill(5))
  readonly segments: MemorySegmentStore
  readonly pointers: MemoryRootPointers = new MemoryRootPointers()

  constructor(referenceBytes = 16) {
    const { random, clock } = this
    this.segments = new MemorySegmentStore({ cipher: createFrameCipher(), random, clock }, referenceBytes)
  }

  /** Opens a store. Writes do not wait for others, so that no clock must be moved. */
  open(
    options: ObjectStoreInput = {},
    ports: { readonly segments?: SegmentStore; readonly pointers?: RootPointers } = {},
  ): TreeObjectStore {
    const { segments = this.segments, pointers = this.pointers.open } = ports
    const { clock, random, secret } = this
    return new TreeObjectStore(
      { segments, pointers, clock, random, secret, logger: silentLogger },
      { gatherMs: 0, ...options },
    )
  }
}

/** Bytes that look like nothing. */
export function bytesOf(lengthBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(lengthBytes)
  let state = seed
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

/** All bytes of a body. */
export async function bytesFrom(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(Uint8Array.from(part))
  return new Uint8Array(Buffer.concat(parts))
}
