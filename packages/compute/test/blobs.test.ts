import { type ContentId, hasCode, type PeerId, silentLogger, silentMetrics } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { ManualClock, MemoryHub, MemoryStore, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { BlobCache } from '../src/blobs/blob-cache.ts'
import { BlobExchange } from '../src/blobs/blob-exchange.ts'
import { BlobPins } from '../src/blobs/blob-pins.ts'
import { BLOB_CHUNK_BYTES_MAX, BLOBS_PROTOCOL, blobChunkSchema } from '../src/messages.ts'

const bytesOf = (length: number, seed: number): Uint8Array => new SeededRandom(seed).bytes(length)

describe('the blob cache', () => {
  const options = { memoryBytesMax: 1000, diskBytesMax: 3000 }

  it('finds blobs again after a kill, from the index alone', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore()
    const cache = new BlobCache({ store, clock }, options)
    await cache.start()
    const id = await cache.put(bytesOf(100, 1))
    store.crash()
    const again = new BlobCache({ store: store.reopen('kill'), clock }, options)
    await again.start()
    expect(again.sizeOf(id)).toBe(100)
    expect(again.peek(id)).toBeUndefined()
    expect(await again.get(id)).toEqual(bytesOf(100, 1))
    expect(again.peek(id)).toEqual(bytesOf(100, 1))
  })

  it('drops the least recently used from memory and disk, and never what is pinned', async () => {
    const cache = new BlobCache({ store: new MemoryStore(), clock: new ManualClock() }, options)
    await cache.start()
    const ids = []
    for (let seed = 1; seed <= 3; seed++) ids.push(await cache.put(bytesOf(900, seed)))
    const [first, second, third] = ids
    if (first === undefined || second === undefined || third === undefined) throw new Error('three blobs were put')
    expect(cache.heldBytes).toEqual({ memory: 900, disk: 2700 })
    cache.pin(first)
    await cache.put(bytesOf(900, 4))
    expect([first, second, third].map((id) => cache.has(id))).toEqual([true, false, true])
    cache.unpin(first)
    expect(await cache.get(first)).toEqual(bytesOf(900, 1))
    await cache.put(bytesOf(900, 5))
    expect([first, third].map((id) => cache.has(id))).toEqual([true, false])
  })

  it('drops again what a job let go of, unless another one keeps it', async () => {
    const cache = new BlobCache({ store: new MemoryStore(), clock: new ManualClock() }, options)
    await cache.start()
    const [own, shared] = [await cache.put(bytesOf(900, 1)), await cache.put(bytesOf(900, 2))]
    const [job, other] = [new BlobPins(cache), new BlobPins(cache)]
    for (const id of [own, shared, own]) job.pin(id)
    other.pin(shared)
    for (let seed = 3; seed <= 8; seed++) await cache.put(bytesOf(900, seed))
    expect([own, shared].map((id) => cache.has(id))).toEqual([true, true])
    job.release()
    for (let seed = 9; seed <= 14; seed++) await cache.put(bytesOf(900, seed))
    expect([own, shared].map((id) => cache.has(id))).toEqual([false, true])
    other.release()
    for (let seed = 15; seed <= 20; seed++) await cache.put(bytesOf(900, seed))
    expect(cache.has(shared)).toBe(false)
  })

  it('stays within its limits over many puts', async () => {
    const cache = new BlobCache({ store: new MemoryStore(), clock: new ManualClock() }, options)
    await cache.start()
    for (let seed = 1; seed <= 300; seed++) await cache.put(bytesOf(1 + (seed % 500), seed))
    const { memory, disk } = cache.heldBytes
    expect(memory).toBeLessThanOrEqual(1000)
    expect(disk).toBeLessThanOrEqual(3000)
  })

  it('holds no more blobs than it has places for, however small they are', async () => {
    const cache = new BlobCache(
      { store: new MemoryStore(), clock: new ManualClock() },
      {
        memoryBytesMax: 10_000_000,
        diskBytesMax: 10_000_000,
      },
    )
    await cache.start()
    const one = Uint8Array.of(1)
    let deletions = 0
    for (let number = 0; number < 264_000; number++)
      deletions += cache
        .prepare(`bafk${number}` as ContentId, one)
        .operations.filter(({ kind }) => kind === 'delete').length
    for (const { have, max } of cache.sizes()) expect(have).toBeLessThanOrEqual(max)
    // Two rows of each that gave way.
    expect(deletions).toBe(2 * (264_000 - 262_144))
  })

  it('keeps nothing of a put that the disk refused', async () => {
    const store = new MemoryStore()
    const cache = new BlobCache({ store, clock: new ManualClock() }, options)
    await cache.start()
    store.failWrite(1, 'STORE_FULL')
    await expect(cache.put(bytesOf(10, 1))).rejects.toSatisfy((error) => hasCode(error, 'STORE_FULL'))
    expect(cache.isStored(contentIdOf('raw', bytesOf(10, 1)))).toBe(false)
    await cache.put(bytesOf(10, 1))
    expect(cache.isStored(contentIdOf('raw', bytesOf(10, 1)))).toBe(true)
  })
})

async function pair(options: { readonly latencyMs?: number } = {}) {
  const clock = new ManualClock()
  const hub = new MemoryHub({ clock, random: new SeededRandom(7) })
  const make = async (name: string) => {
    const network = hub.createNode(name as PeerId)
    await network.start()
    const store = new MemoryStore()
    const components = { network, store, clock, logger: silentLogger, metrics: silentMetrics }
    return { network, exchange: new BlobExchange(components, { memoryBytesMax: 8 * 1024 * 1024 }) }
  }
  const [giver, taker] = [await make('giver'), await make('taker')]
  for (const [from, to] of [
    [giver, taker],
    [taker, giver],
  ] as const)
    await from.network.connect(to.network.self, 1000)
  hub.setDefaultLink({ latencyMs: options.latencyMs ?? 0 })
  await taker.exchange.start()
  return { clock, hub, giver, taker }
}

const pulling = { bytesMax: 8 * 1024 * 1024, timeoutMs: 1000 }

describe('pulling a blob', () => {
  it('brings it whole, in parts, and once for all who wait', async () => {
    const { giver, taker } = await pair()
    await giver.exchange.start()
    const bytes = bytesOf(3 * BLOB_CHUNK_BYTES_MAX + 5, 3)
    const id = await giver.exchange.cache.put(bytes)
    giver.exchange.grant('taker' as PeerId, id)
    const first = taker.exchange.pull('giver' as PeerId, id, pulling)
    const second = taker.exchange.pull('giver' as PeerId, id, pulling)
    expect(await first).toEqual(bytes)
    expect(await second).toBe(await first)
  })

  it('is refused without a grant, and with one that has ended', async () => {
    const { giver, taker } = await pair()
    await giver.exchange.start()
    const id = await giver.exchange.cache.put(bytesOf(10, 4))
    const pull = () => taker.exchange.pull('giver' as PeerId, id, pulling)
    const isRefused = (error: unknown): boolean => hasCode(error, 'COMPUTE_BLOB_UNAVAILABLE')
    await expect(pull()).rejects.toSatisfy(isRefused)
    giver.exchange.grant('taker' as PeerId, id)
    expect(await pull()).toEqual(bytesOf(10, 4))
    giver.exchange.revoke('taker' as PeerId, id)
    await expect(pull()).rejects.toSatisfy(isRefused)
  })

  it('stops at the first part when the blob is too large', async () => {
    const { giver, taker } = await pair()
    await giver.exchange.start()
    const id = await giver.exchange.cache.put(bytesOf(2 * BLOB_CHUNK_BYTES_MAX, 5))
    giver.exchange.grant('taker' as PeerId, id)
    const pull = taker.exchange.pull('giver' as PeerId, id, { ...pulling, bytesMax: BLOB_CHUNK_BYTES_MAX })
    await expect(pull).rejects.toMatchObject({ code: 'COMPUTE_BLOB_TOO_LARGE' })
  })

  it.each([
    ['other bytes', { totalBytes: 4, bytes: Uint8Array.of(1, 2, 3, 4) }, 'PROTOCOL_CONTENT'],
    ['fewer bytes than there are', { totalBytes: 9, bytes: Uint8Array.of(1, 2) }, 'COMPUTE_BLOB_UNAVAILABLE'],
    [
      'a size without end',
      { totalBytes: 2 ** 52, bytes: new Uint8Array(BLOB_CHUNK_BYTES_MAX) },
      'COMPUTE_BLOB_TOO_LARGE',
    ],
  ])('refuses a giver that sends %s', async (_, chunk, code) => {
    const { giver, taker } = await pair()
    const limits = { messageBytesMax: 1 << 20, inFlightPerPeerMax: 8, handlerTimeoutMs: 1000 }
    giver.network.handle(BLOBS_PROTOCOL, limits, async () => blobChunkSchema.encodeMessage(chunk))
    const id = contentIdOf('raw', bytesOf(4, 1))
    await expect(taker.exchange.pull('giver' as PeerId, id, pulling)).rejects.toMatchObject({ code })
  })

  it('ends in time when the giver drips', async () => {
    const { clock, giver, taker } = await pair()
    const limits = { messageBytesMax: 1 << 20, inFlightPerPeerMax: 8, handlerTimeoutMs: 60_000 }
    let parts = 0
    giver.network.handle(BLOBS_PROTOCOL, limits, async () => {
      parts++
      await clock.sleep(400)
      return blobChunkSchema.encodeMessage({ totalBytes: 1 << 22, bytes: new Uint8Array(BLOB_CHUNK_BYTES_MAX) })
    })
    const pull = taker.exchange.pull('giver' as PeerId, contentIdOf('raw', bytesOf(4, 1)), pulling)
    const ended = expect(pull).rejects.toMatchObject({ code: 'COMPUTE_BLOB_UNAVAILABLE', details: { timeoutMs: 1000 } })
    await clock.advance(1100)
    await ended
    expect(parts).toBeLessThan(20)
  })

  it('goes on for others when one of those who wait gives up', async () => {
    const { clock, giver, taker } = await pair({ latencyMs: 10 })
    await giver.exchange.start()
    const bytes = bytesOf(2 * BLOB_CHUNK_BYTES_MAX, 6)
    const id = await giver.exchange.cache.put(bytes)
    giver.exchange.grant('taker' as PeerId, id)
    const abort = new AbortController()
    const first = taker.exchange.pull('giver' as PeerId, id, { ...pulling, signal: abort.signal })
    const second = taker.exchange.pull('giver' as PeerId, id, pulling)
    const gaveUp = expect(first).rejects.toThrow('no more')
    abort.abort(new Error('no more'))
    await gaveUp
    await clock.advance(100)
    expect(await second).toEqual(bytes)
  })
})
