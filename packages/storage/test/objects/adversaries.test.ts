import { hasCode } from '@stead/core'
import { MemoryRootPointers, type ObjectStore, type RootPointers, type SegmentStore } from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FaultyPorts } from './faulty-ports.ts'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

const CODES = [
  'STORAGE_OLD_ROOT',
  'STORAGE_NOT_AUTHENTIC',
  'STORAGE_SEGMENT_UNKNOWN',
  'STORAGE_WRITE_LATE',
  'NETWORK_TIMEOUT',
] as const

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'done'
  } catch (error) {
    for (const code of CODES) if (hasCode(error, code)) return code
    throw error
  }
}

describe('nodes that keep a bucket', () => {
  it('learn nothing of names, types, metadata or bytes', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('secret-bucket')
    const words = ['secret-bucket', 'secret-key', 'secret-type', 'secret-name', 'secret-value', 'secret-etag']
    const secret = Buffer.from('secret-bytes '.repeat(10))
    for (const body of [secret, Buffer.concat(Array(1000).fill(secret)), Buffer.concat(Array(20_000).fill(secret))])
      await store.put('secret-bucket', `secret-key-${body.length}`, [body], {
        contentType: 'secret-type',
        metadata: { 'secret-name': 'secret-value' },
        etag: () => 'secret-etag',
      })
    const kept = [...place.segments.sealed(), ...[...place.pointers.values().values()].map(({ value }) => value)]
    expect(kept.length).toBeGreaterThan(5)
    for (const bytes of kept)
      for (const word of [...words, 'secret-bytes']) expect(Buffer.from(bytes).includes(word)).toBe(false)
  })

  it('that change a segment or a root are found out, whichever it is', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    const bytes = bytesOf(2_000_000)
    await store.put('bucket', 'a', [bytes])
    let changed = 0
    for (const sealed of place.segments.sealed()) {
      const at = sealed.length >> 1
      sealed[at] = (sealed[at] ?? 0) ^ 1
      const code = await codeOf(
        (async () => {
          const { body } = await place.open().get('bucket', 'a')
          expect(Buffer.compare(await bytesFrom(body), bytes)).toBe(0)
        })(),
      )
      if (code === 'STORAGE_NOT_AUTHENTIC') changed++
      sealed[at] = (sealed[at] ?? 0) ^ 1
    }
    // The catalogue's page, the bucket's page, and the object.
    expect(changed).toBe(3)
    const honest = place.pointers.values()
    for (const [name, { sequence, value }] of honest) {
      const bad = Uint8Array.from(value)
      bad[20] = (bad[20] ?? 0) ^ 1
      place.pointers.restore(new Map([[name, { sequence, value: bad }]]))
      expect(await codeOf(place.open().head('bucket', 'a'))).toBe('STORAGE_NOT_AUTHENTIC')
      // An old root under a new number is none.
      place.pointers.restore(new Map([[name, { sequence: sequence + 1, value }]]))
      expect(await codeOf(place.open().head('bucket', 'a'))).toBe('STORAGE_NOT_AUTHENTIC')
      place.pointers.restore(honest)
    }
    expect(await codeOf(place.open().head('bucket', 'a'))).toBe('done')
  })

  it('that give an old root, or another one of the same number, are found out by whoever saw the newer one', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    await store.put('bucket', 'a', [bytesOf(10)])
    const old = place.pointers.values()
    await store.put('bucket', 'a', [bytesOf(20)])
    const newest = place.pointers.values()
    place.pointers.restore(old)
    for (const read of [store.head('bucket', 'a'), store.list('bucket', { limit: 1 }), store.get('bucket', 'a')])
      expect(await codeOf(read)).toBe('STORAGE_OLD_ROOT')
    expect(await codeOf(store.put('bucket', 'b', []))).toBe('STORAGE_OLD_ROOT')
    // Another history from there on.
    await place.open().put('bucket', 'a', [bytesOf(30)])
    expect(await codeOf(store.head('bucket', 'a'))).toBe('STORAGE_OLD_ROOT')
    // No root at all.
    const forgetful: RootPointers = (seed) => {
      const pointer = place.pointers.open(seed)
      return { ...pointer, read: async () => (isForgetful ? undefined : await pointer.read()) }
    }
    let isForgetful = false
    const reader = place.open({}, { pointers: forgetful })
    await reader.head('bucket', 'a')
    isForgetful = true
    expect(await codeOf(reader.head('bucket', 'a'))).toBe('STORAGE_OLD_ROOT')
    place.pointers.restore(newest)
    expect((await store.head('bucket', 'a'))?.lengthBytes).toBe(20)
  })

  it('that know nothing of a bucket that was created do not make it be taken for empty', async () => {
    const place = new Workplace()
    await place.open().createBucket('bucket')
    await place.open().put('bucket', 'a', [bytesOf(10)])
    const catalogue = Buffer.from(place.secret.key('pointer')).toString('hex')
    const pointers: RootPointers = (seed) =>
      catalogue === Buffer.from(seed).toString('hex') ? place.pointers.open(seed) : new MemoryRootPointers().open(seed)
    const reader = place.open({}, { pointers })
    const calls = [
      () => reader.list('bucket', { limit: 1 }),
      () => reader.head('bucket', 'a'),
      () => reader.put('bucket', 'b', []),
      () => reader.deleteBucket('bucket'),
      () => reader.collect(),
    ]
    for (const call of calls) expect(await codeOf(call())).toBe('STORAGE_OLD_ROOT')
  })

  it('that lose what a bucket is set to before it is listed leave no bucket', async () => {
    for (const kind of ['refuse-before', 'refuse-after'] as const) {
      const place = new Workplace()
      const ports = new FaultyPorts()
      const store = place.open(
        {},
        { segments: ports.segments(place.segments), pointers: ports.pointers(place.pointers.open) },
      )
      await store.createBucket('other')
      ports.plan(ports.calls.length + 2, kind)
      expect(await codeOf(store.createBucket('bucket'))).toBe('NETWORK_TIMEOUT')
      expect(ports.calls.at(-1)).toBe('put')
      expect((await place.open().buckets()).map(({ name }) => name)).toEqual(['other'])
      expect((await place.open().createBucket('bucket')).name).toBe('bucket')
    }
  })

  it('that have lost a segment do not make others be taken for empty', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    await store.put('bucket', 'a', [bytesOf(10)])
    for (const { reference } of await place.segments.list(undefined, 100)) await place.segments.release(reference)
    expect(await codeOf(place.open().list('bucket', { limit: 1 }))).toBe('STORAGE_SEGMENT_UNKNOWN')
  })
})

describe('two machines with one secret', () => {
  it('change one bucket at once, and nothing of either is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ writer: fc.nat(2), key: fc.nat(8), isDelete: fc.boolean(), size: fc.nat(6000) }), {
          minLength: 1,
          maxLength: 40,
        }),
        async (writes) => {
          const place = new Workplace()
          await place.open().createBucket('bucket')
          const stores = [place.open(), place.open(), place.open()] as const
          // Each writer has keys of its own, and writes one after another.
          const models = stores.map(() => new Map<string, number>())
          await Promise.all(
            stores.map(async (store, index) => {
              for (const { key, isDelete, size } of writes.filter(({ writer }) => writer === index)) {
                const name = `${index}/${key}`
                if (isDelete) await store.delete('bucket', name)
                else await store.put('bucket', name, [bytesOf(size, key)])
                if (isDelete) models[index]?.delete(name)
                else models[index]?.set(name, size)
              }
            }),
          )
          const { objects } = await place.open().list('bucket', { limit: 1000 })
          const expected = models.flatMap((model) => [...model]).toSorted(([left], [right]) => (left < right ? -1 : 1))
          expect(objects.map(({ key, lengthBytes }) => [key, lengthBytes])).toEqual(expected)
          for (const { key, lengthBytes } of objects) {
            const { body } = await stores[0].get('bucket', key)
            expect(await bytesFrom(body)).toEqual(bytesOf(lengthBytes, Number(key.slice(2))))
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  it('see what the other wrote before they asked, also when an older question is not answered yet', async () => {
    const place = new Workplace()
    const writer = place.open()
    await writer.createBucket('bucket')
    let gate: Promise<void> | undefined
    const pointers: RootPointers = (seed) => {
      const pointer = place.pointers.open(seed)
      return {
        ...pointer,
        read: async () => {
          const value = await pointer.read()
          await gate
          return value
        },
      }
    }
    const reader = place.open({}, { pointers })
    expect(await reader.head('bucket', 'a')).toBeUndefined()
    let open = (): void => undefined
    gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const early = reader.head('bucket', 'a')
    await place.clock.settle()
    await writer.put('bucket', 'a', [bytesOf(10)])
    const late = reader.head('bucket', 'a')
    await place.clock.settle()
    open()
    expect(await early).toBeUndefined()
    expect((await late)?.lengthBytes).toBe(10)
  })

  it('read on while the other releases the pages that they were reading', async () => {
    const place = new Workplace()
    const writer = place.open()
    await writer.createBucket('bucket')
    for (let index = 0; index < 30; index++) await writer.put('bucket', `${index}`, [bytesOf(4000, index)])
    // It forgets all pages, so that it reads those of the root that it saw, which are gone by then.
    const reads = new FaultyPorts()
    const slow: SegmentStore = {
      put: (key, plaintext) => place.segments.put(key, plaintext),
      release: (reference) => place.segments.release(reference),
      list: (after, limit) => place.segments.list(after, limit),
      read: async (reference, key, range) => {
        reads.calls.push('read')
        if (reads.calls.length === 4)
          for (let round = 0; round < 5; round++) {
            await writer.put('bucket', '7', [bytesOf(4000, round)])
            await writer.stop()
          }
        return await place.segments.read(reference, key, range)
      },
    }
    const reader = place.open({}, { segments: slow })
    const { objects } = await reader.list('bucket', { limit: 1000 })
    expect(objects.length).toBe(30)
    expect(reads.calls.length).toBeGreaterThan(4)
  })
})

describe('a commit', () => {
  it('holds what came within its milliseconds, and one root for all of it', async () => {
    const place = new Workplace()
    const ports = new FaultyPorts()
    const store = place.open(
      { gatherMs: 20, batchWritesMax: 100 },
      { segments: ports.segments(place.segments), pointers: ports.pointers(place.pointers.open) },
    )
    await place.open().createBucket('bucket')
    await store.bucket('bucket')
    const before = ports.calls.length
    const writes = Array.from({ length: 250 }, (_, index) => store.put('bucket', `${index}`, [bytesOf(5000, index)]))
    for (let turn = 0; turn < 10; turn++) await place.clock.advance(20)
    await Promise.all(writes)
    await store.stop()
    const calls = ports.calls.slice(before)
    // Two that were full at once, and the rest after a while: a pack and the pages of each.
    expect(calls.filter((name) => name === 'swap').length).toBe(3)
    expect(calls.filter((name) => name === 'put').length).toBe(6)
    for (let index = 0; index < 250; index++) {
      const { body } = await store.get('bucket', `${index}`)
      expect(await bytesFrom(body)).toEqual(bytesOf(5000, index))
    }
  })

  it('that was not answered is found in the root that another machine built on it', async () => {
    const place = new Workplace()
    const other = place.open()
    await other.createBucket('bucket')
    let isLost = true
    const pointers: RootPointers = (seed) => {
      const pointer = place.pointers.open(seed)
      return {
        read: () => pointer.read(),
        swap: async (expected, value) => {
          const outcome = await pointer.swap(expected, value)
          if (!isLost) return outcome
          isLost = false
          for (let round = 0; round < 3; round++) await other.put('bucket', `other ${round}`, [])
          throw new Error('the answer was lost')
        },
      }
    }
    const store = place.open({}, { pointers })
    let settled: unknown
    store.put('bucket', 'a', [bytesOf(10)], { condition: { is: 'absent' } }).then(
      (info) => {
        settled = info.key
      },
      (error: unknown) => {
        settled = error
      },
    )
    for (let turn = 0; turn < 10; turn++) await place.clock.advance(100)
    // Made again it would have been refused: the object is there, by itself.
    expect(settled).toBe('a')
    expect((await store.list('bucket', { limit: 10 })).objects.length).toBe(4)
  })

  it('that is never answered may have been done: nothing of it is given up', async () => {
    const place = new Workplace()
    const before = place.open()
    await before.createBucket('bucket')
    await before.createBucket('other')
    await before.put('other', 'large', [bytesOf(2_000_000)])
    const bodies = [bytesOf(10), bytesOf(50_000), bytesOf(2_000_000)]
    const writes: readonly ((store: ObjectStore) => Promise<unknown>)[] = [
      ...bodies.map((body) => (store: ObjectStore) => store.put('bucket', `${body.length}`, [body])),
      (store) => store.copy({ bucket: 'other', key: 'large' }, { bucket: 'bucket', key: 'copy' }),
    ]
    for (const write of writes) {
      let swaps = 0
      // A copy is a note, a hold and two commits of rows before the one that makes it an object.
      const pointers: RootPointers = (seed) => {
        const pointer = place.pointers.open(seed)
        return {
          read: () => pointer.read(),
          swap: async (expected, value) => {
            const outcome = await pointer.swap(expected, value)
            swaps++
            if (write === writes.at(-1) && swaps < 4) return outcome
            throw new Error('no answer comes')
          },
        }
      }
      let error: unknown
      write(place.open({}, { pointers })).catch((reason: unknown) => {
        error = reason
      })
      for (let turn = 0; turn < 100 && error === undefined; turn++) await place.clock.advance(100)
      expect(error).toMatchObject({ message: 'no answer comes' })
    }
    const store = place.open()
    await store.collect()
    const { objects } = await store.list('bucket', { limit: 10 })
    expect(objects.map(({ key }) => key)).toEqual(['10', '2000000', '50000', 'copy'])
    for (const { key, lengthBytes } of objects) {
      const { body } = await store.get('bucket', key)
      expect(Buffer.compare(await bytesFrom(body), bytesOf(lengthBytes))).toBe(0)
    }
  })

  it('is refused by a pointer that says moved and never moves', async () => {
    const place = new Workplace()
    await place.open().createBucket('bucket')
    const pointers: RootPointers = (seed) => ({ ...place.pointers.open(seed), swap: async () => 'moved' })
    expect(await codeOf(place.open({}, { pointers }).put('bucket', 'a', []))).toBe('STORAGE_OLD_ROOT')
  })

  it('of a machine that slept since it kept its pages keeps them anew', async () => {
    const place = new Workplace()
    const store = place.open({ keepUnfinishedMs: 10_000 })
    await store.createBucket('bucket')
    const calls: string[] = []
    const segments: SegmentStore = {
      put: async (key, plaintext) => {
        const reference = await place.segments.put(key, plaintext)
        calls.push('put')
        if (calls.length > 1) return reference
        // It sleeps now, and others sweep.
        place.clock.jumpWall(11_000)
        expect((await store.collect()).releasedSegments).toBe(1)
        return reference
      },
      read: (reference, key, range) => place.segments.read(reference, key, range),
      release: (reference) => place.segments.release(reference),
      list: (after, limit) => place.segments.list(after, limit),
    }
    await place.open({ keepUnfinishedMs: 10_000 }, { segments }).put('bucket', 'a', [bytesOf(10)])
    expect(calls.length).toBe(2)
    expect((await place.open().head('bucket', 'a'))?.lengthBytes).toBe(10)
  })

  it('comes too late for a body that stalled longer than its segments are kept', async () => {
    const place = new Workplace()
    const store = place.open({ keepUnfinishedMs: 10_000, segmentBytes: 65_520 })
    await store.createBucket('bucket')
    const stalls = [() => place.clock.advance(6000), async () => place.clock.jumpWall(6000)]
    for (const stall of stalls) {
      async function* body(): AsyncGenerator<Uint8Array> {
        yield bytesOf(1_200_000)
        await stall()
        yield bytesOf(10)
      }
      expect(await codeOf(store.put('bucket', 'a', body()))).toBe('STORAGE_WRITE_LATE')
    }
    expect((await store.list('bucket', { limit: 10 })).objects).toEqual([])
  })
})
