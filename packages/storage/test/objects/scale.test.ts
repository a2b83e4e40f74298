import type { SegmentStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { FaultyPorts } from './faulty-ports.ts'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

describe('a bucket with many objects', () => {
  it('is listed by prefix and delimiter without being read as a whole', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    const body = [bytesOf(4096)]
    const puts = Array.from({ length: 3000 }, (_, index) =>
      store.put('bucket', `folder ${index % 5}/${index.toString().padStart(6, '0')}`, body),
    )
    await Promise.all(puts)
    const ports = new FaultyPorts()
    const cold = place.open({}, { segments: ports.segments(place.segments) })
    const readsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = ports.calls.length
      await work()
      return ports.calls.slice(before).filter((name) => name === 'read').length
    }
    const folders = await readsOf(async () => {
      const { commonPrefixes, next } = await cold.list('bucket', { limit: 1000, delimiter: '/' })
      expect(commonPrefixes).toEqual(Array.from({ length: 5 }, (_, index) => `folder ${index}/`))
      expect(next).toBeUndefined()
    })
    // Some two hundred pages of rows; a folder takes the way to its first row, and most of that is shared.
    expect(folders).toBeLessThan(16)
    const page = await readsOf(async () => {
      const { objects } = await cold.list('bucket', { limit: 10, prefix: 'folder 3/', after: 'folder 3/001500' })
      expect(objects.map(({ key }) => key)[0]).toBe('folder 3/001503')
    })
    expect(page).toBeLessThan(6)
    expect(await readsOf(() => cold.head('bucket', 'folder 2/000042'))).toBeLessThan(6)
  })

  it('takes no longer for the newest version of an object that has many', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    await store.setVersioning('bucket', 'on')
    const puts = Array.from({ length: 1500 }, () => store.put('bucket', 'many', [bytesOf(1000)]))
    await Promise.all([...puts, store.put('bucket', 'next', [])])
    const ports = new FaultyPorts()
    const cold = place.open({}, { segments: ports.segments(place.segments) })
    const { objects } = await cold.list('bucket', { limit: 10 })
    expect(objects.map(({ key }) => key)).toEqual(['many', 'next'])
    expect(ports.calls.filter((name) => name === 'read').length).toBeLessThan(8)
  })
})

const SEGMENT = 65_520
const MARK = 0xa5

/** Segments whose bytes are all alike are not kept: they stand for any object of any size. */
function hollowSegments(inner: SegmentStore): { readonly segments: SegmentStore; readonly held: () => number } {
  let [made, held] = [0, 0]
  const isHollow = (reference: Uint8Array): boolean => reference.length === 8
  return {
    held: () => held,
    segments: {
      put: async (key, plaintext) => {
        if (plaintext[0] !== MARK || plaintext.length !== SEGMENT) return await inner.put(key, plaintext)
        const reference = new Uint8Array(8)
        new DataView(reference.buffer).setUint32(0, made++)
        held++
        return reference
      },
      read: async (reference, key, range) => {
        if (!isHollow(reference)) return await inner.read(reference, key, range)
        return new Uint8Array(range.toByte - range.fromByte).fill(MARK)
      },
      release: async (reference) => {
        if (isHollow(reference)) held--
        else await inner.release(reference)
      },
      list: (after, limit) => inner.list(after, limit),
    },
  }
}

describe('an object of many segments', () => {
  it('is written, read in the middle, copied and deleted in small steps', async () => {
    const place = new Workplace()
    const { segments, held } = hollowSegments(place.segments)
    const ports = new FaultyPorts()
    const options = { segmentBytes: SEGMENT, graceMs: 0, keepUnfinishedMs: 1e9 }
    const store = place.open(options, {
      segments: ports.segments(segments),
      pointers: ports.pointers(place.pointers.open),
    })
    await store.createBucket('bucket')
    const count = 4000
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < count; index++) yield new Uint8Array(SEGMENT).fill(MARK)
    }
    const { lengthBytes } = await store.put('bucket', 'large', body())
    expect(lengthBytes).toBe(count * SEGMENT)
    expect(held()).toBe(count)
    // Extents are written down as they come: as many commits as it takes to hold few of them in memory.
    expect(ports.calls.filter((name) => name === 'swap').length).toBeGreaterThan(count / 64)

    const cold = new FaultyPorts()
    const reader = place.open(options, { segments: cold.segments(segments) })
    const fromByte = 2000 * SEGMENT - 5
    const { body: middle } = await reader.get('bucket', 'large', { range: { fromByte, toByte: fromByte + 10 } })
    expect(await bytesFrom(middle)).toEqual(new Uint8Array(10).fill(MARK))
    expect(cold.calls.length).toBeLessThan(16)

    const before = ports.calls.length
    await store.copy({ bucket: 'bucket', key: 'large' }, { bucket: 'bucket', key: 'copy' })
    await store.delete('bucket', 'large')
    expect(ports.calls.length - before).toBeLessThan(16)
    await store.collect()
    await store.stop()
    expect(held()).toBe(count)
    await store.delete('bucket', 'copy')
    place.clock.jumpWall(10)
    const start = ports.calls.length
    await store.collect()
    await store.stop()
    expect(held()).toBe(0)
    expect(ports.calls.slice(start).filter((name) => name === 'swap').length).toBeGreaterThan(count / 600)
  })
})

describe('garbage', () => {
  it('stays for its grace, then goes with any later write', async () => {
    const place = new Workplace()
    const store = place.open({ graceMs: 60_000 })
    await store.createBucket('bucket')
    const bytes = bytesOf(2_000_000)
    await store.put('bucket', 'a', [bytes])
    const { body } = await place.open().get('bucket', 'a')
    await store.delete('bucket', 'a')
    place.clock.jumpWall(59_000)
    await store.put('bucket', 'b', [])
    // Somebody else, who began to read before, and gets to it only now.
    expect(Buffer.compare(await bytesFrom(body), bytes)).toBe(0)
    place.clock.jumpWall(2000)
    await store.put('bucket', 'b', [])
    await store.stop()
    expect(place.segments.sealedBytes).toBeLessThan(20_000)
  })

  it.each([100_000, 3_000_000])('of %i bytes stays while it is read here, whatever its grace', async (lengthBytes) => {
    const place = new Workplace()
    const store = place.open({ graceMs: 0, segmentBytes: 65_520 })
    await store.createBucket('bucket')
    const bytes = bytesOf(lengthBytes)
    await store.put('bucket', 'a', [bytes])
    const { body } = await store.get('bucket', 'a', { range: { fromByte: 0, toByte: lengthBytes } })
    const chunks = body[Symbol.asyncIterator]()
    const first = await chunks.next()
    await store.delete('bucket', 'a')
    for (let round = 0; round < 3; round++) {
      place.clock.jumpWall(1000)
      await store.put('bucket', 'b', [])
      await store.collect()
    }
    const held = place.segments.sealedBytes
    expect(held).toBeGreaterThan(lengthBytes)
    const parts = first.done === true ? [] : [Uint8Array.from(first.value)]
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
      parts.push(Uint8Array.from(next.value))
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
    await store.put('bucket', 'b', [])
    await store.stop()
    expect(place.segments.sealedBytes).toBeLessThan(20_000)
  })

  it('of a crash is found by a sweep when it is old enough, and what is in use is not', async () => {
    const place = new Workplace()
    const store = place.open({ keepUnfinishedMs: 10_000, graceMs: 0 })
    await store.createBucket('bucket')
    const sizes = [10, 50_000, 2_000_000]
    for (const size of sizes) await store.put('bucket', `${size}`, [bytesOf(size)])
    await place.segments.put(new Uint8Array(32), bytesOf(1000))
    expect(await store.collect()).toEqual({ releasedSegments: 0, expiredWrites: 0, repackedObjects: 0 })
    place.clock.jumpWall(11_000)
    const young = await place.segments.put(new Uint8Array(32).fill(1), bytesOf(1000))
    expect((await store.collect()).releasedSegments).toBe(1)
    expect((await place.segments.read(young, new Uint8Array(32).fill(1), { fromByte: 0, toByte: 1 })).length).toBe(1)
    for (const size of sizes) {
      const { body } = await place.open().get('bucket', `${size}`)
      expect(Buffer.compare(await bytesFrom(body), bytesOf(size))).toBe(0)
    }
  })

  it('that small objects share a segment with goes, once it is most of it', async () => {
    const place = new Workplace()
    const store = place.open({ graceMs: 1000, gatherMs: 5 })
    const during = async <Result>(work: Promise<Result>): Promise<Result> => {
      for (let turn = 0; turn < 50; turn++) await place.clock.advance(5)
      return await work
    }
    await during(store.createBucket('bucket'))
    const name = (index: number): string => `${index}`
    const all = Array.from({ length: 40 }, (_, index) => index)
    await during(Promise.all(all.map((index) => store.put('bucket', name(index), [bytesOf(100_000, index)]))))
    await during(store.copy({ bucket: 'bucket', key: '1' }, { bucket: 'bucket', key: 'copy' }))
    await during(Promise.all(all.slice(0, 15).map((index) => store.delete('bucket', name(index)))))
    expect((await during(store.collect())).repackedObjects).toBe(0)
    await during(Promise.all(all.slice(15, 36).map((index) => store.delete('bucket', name(index)))))
    const { body } = await store.get('bucket', '39')
    expect((await during(store.collect())).repackedObjects).toBe(5)
    // Who began to read before reads on.
    expect(await bytesFrom(body)).toEqual(bytesOf(100_000, 39))
    place.clock.jumpWall(2000)
    await during(store.collect())
    await store.stop()
    expect(place.segments.sealedBytes).toBeLessThan(600_000)
    for (const [key, seed] of [['36', 36] as const, ['39', 39] as const, ['copy', 1] as const])
      expect(await bytesFrom((await place.open().get('bucket', key)).body)).toEqual(bytesOf(100_000, seed))
  })

  it('of a deleted bucket goes with its tree', async () => {
    const place = new Workplace()
    const store = place.open({ keepUnfinishedMs: 10_000, graceMs: 0 })
    await store.createBucket('bucket')
    await store.put('bucket', 'a', [bytesOf(2_000_000)])
    await store.delete('bucket', 'a')
    await store.deleteBucket('bucket')
    for (let round = 0; round < 3; round++) {
      place.clock.jumpWall(11_000)
      await store.collect()
    }
    await store.stop()
    expect(place.segments.sealedBytes).toBeLessThan(3000)
  })
})
