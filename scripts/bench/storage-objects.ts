import type { Clock, Random, UnixMs } from '@stead/core'
import { silentLogger } from '@stead/core'
import {
  createFrameCipher,
  MemoryRootPointers,
  MemorySegmentStore,
  PathSecret,
  type SegmentStore,
  TreeObjectStore,
} from '@stead/storage'
import { type BenchRow, benchRow } from './row.ts'

const MB = 1_000_000
const OBJECTS = 4000
const OBJECT_BYTES = 4096
/** Clients that write or read at once, each one after another. */
const CLIENTS = 256
const GIB = 1024 ** 3

const clock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return { clear: () => clearTimeout(timer) }
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
}

const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
}

/** Sealed segments that are not kept: what it takes to keep them is measured elsewhere. */
function emptySegments(): SegmentStore {
  const inner = new MemorySegmentStore({ cipher: createFrameCipher(), random, clock })
  return {
    put: async (key, plaintext) => {
      const reference = await inner.put(key, plaintext)
      // Pages are read again; the bytes of a large object are not.
      if (plaintext.length > MB) await inner.release(reference)
      return reference
    },
    read: (reference, key, range) => inner.read(reference, key, range),
    release: (reference) => inner.release(reference),
    list: (after, limit) => inner.list(after, limit),
  }
}

function storeOver(segments: SegmentStore): TreeObjectStore {
  const secret = new PathSecret(random.bytes(32))
  const pointers = new MemoryRootPointers().open
  return new TreeObjectStore({ segments, pointers, secret, random, clock, logger: silentLogger })
}

/** Does something for each number, some at once. @returns how many a second */
async function perSecond(count: number, work: (index: number) => Promise<void>): Promise<number> {
  const start = performance.now()
  let next = 0
  const client = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return count / ((performance.now() - start) / 1000)
}

async function discard(body: AsyncIterable<Uint8Array>): Promise<number> {
  let lengthBytes = 0
  for await (const chunk of body) lengthBytes += chunk.length
  return lengthBytes
}

/** Small objects put and got over segments in memory, and the memory that a large one takes. */
export async function benchObjectStore(): Promise<readonly BenchRow[]> {
  const segments = new MemorySegmentStore({ cipher: createFrameCipher(), random, clock })
  const store = storeOver(segments)
  await store.createBucket('bench')
  const body = [random.bytes(OBJECT_BYTES)]
  const key = (index: number): string => `objects/${((index * 7919) % OBJECTS).toString().padStart(8, '0')}`
  const bytesPerSecond = (sealed: number): number => (sealed * OBJECT_BYTES) / MB
  const puts = await perSecond(OBJECTS, async (index) => {
    await store.put('bench', key(index), body)
  })
  const again = await perSecond(OBJECTS, async (index) => {
    await store.put('bench', key(index), body)
  })
  const gets = await perSecond(OBJECTS, async (index) => {
    await discard((await store.get('bench', key(index))).body)
  })
  let listed = 0
  const listStart = performance.now()
  for (let after: string | undefined; ; ) {
    const page = await store.list('bench', { limit: 1000, ...(after === undefined ? {} : { after }) })
    listed += page.objects.length
    after = page.next?.after
    if (after === undefined) break
  }
  const listing = listed / ((performance.now() - listStart) / 1000)
  const { megabytesPerSecond, memoryBytes } = await putLarge()
  const unit = 'per second'
  const reference = { name: 'MB/s of objects', value: bytesPerSecond(puts) }
  const target = { limit: 1000, better: 'more' } as const
  return [
    benchRow({ name: 'objects of 4 KiB put, memory', unit, value: puts, reference, target }),
    benchRow({ name: '  put again, in place of old ones', unit, value: again, reference: undefined, target }),
    benchRow({ name: '  got', unit, value: gets, reference: undefined, target }),
    benchRow({ name: '  listed', unit, value: listing, reference: undefined, target: undefined }),
    benchRow({
      name: '1 GiB put, sealed and not kept',
      unit: 'MB/s',
      value: megabytesPerSecond,
      reference: undefined,
      target: undefined,
    }),
    benchRow({
      name: '  memory more than before, at most',
      unit: 'MB',
      value: memoryBytes / MB,
      reference: { name: 'one segment', value: 16_777_216 / MB },
      target: { limit: 200, better: 'less' },
    }),
  ]
}

async function putLarge(): Promise<{ readonly megabytesPerSecond: number; readonly memoryBytes: number }> {
  const store = storeOver(emptySegments())
  await store.createBucket('bench')
  const chunk = random.bytes(65_536)
  const before = process.memoryUsage().rss
  let memoryBytes = 0
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < GIB; sent += chunk.length) {
      if (sent % (32 * MB) < chunk.length) memoryBytes = Math.max(memoryBytes, process.memoryUsage().rss - before)
      yield chunk
    }
  }
  const start = performance.now()
  await store.put('bench', 'large', body())
  const megabytesPerSecond = GIB / MB / ((performance.now() - start) / 1000)
  return { megabytesPerSecond, memoryBytes }
}
