import { hasCode } from '@stead/core'
import { type SegmentStore, StorageError, type TreeObjectStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { type FaultKind, FaultyPorts } from '../objects/faulty-ports.ts'
import { bytesFrom, bytesOf } from '../objects/workplace.ts'
import { digestOf, SharePlace } from './share-place.ts'

const INLINE = bytesOf(100, 1)
const PACKED = bytesOf(6000, 2)
const LARGE = bytesOf(1_100_000, 3)
const OPTIONS = { graceMs: 1000, keepUnfinishedMs: 50_000, segmentBytes: 16_000_000 }

/** A life with shares; what fails is not tried again. */
async function live(store: TreeObjectStore): Promise<void> {
  const steps = [
    () => store.shares.share('bucket', 'a/'),
    () => store.put('bucket', 'a/inline', [PACKED]),
    () => store.put('bucket', 'a/b/packed', [LARGE]),
    () => store.shares.publish(),
    () => store.delete('bucket', 'a/b/large'),
    () => store.put('bucket', 'a/inline', [INLINE]),
    () => store.shares.publish(),
    async () => {
      const [share] = await store.shares.list('bucket')
      if (share !== undefined) await store.shares.unshare('bucket', share.id)
    },
    () => store.shares.share('bucket', ''),
  ]
  for (const step of steps)
    try {
      await step()
    } catch (error) {
      if (!hasCode(error, 'NETWORK_TIMEOUT')) throw error
    }
}

async function begun(): Promise<SharePlace> {
  const place = new SharePlace()
  const store = place.openStore(OPTIONS)
  await store.createBucket('bucket')
  for (const [key, body] of Object.entries({ inline: INLINE, 'b/packed': PACKED, 'b/large': LARGE }))
    await store.put('bucket', `a/${key}`, [body])
  return place
}

/** What the bucket has under a prefix. */
async function has(store: TreeObjectStore, prefix: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { key } of (await store.list('bucket', { prefix, limit: 100 })).objects) {
    const { body } = await store.get('bucket', key)
    found[key.slice(prefix.length)] = digestOf(await bytesFrom(body))
  }
  return found
}

async function run(atCall: number, kind: FaultKind): Promise<{ place: SharePlace; calls: number }> {
  const place = await begun()
  const ports = new FaultyPorts()
  ports.plan(atCall, kind)
  const store = place.openFaulty(ports, OPTIONS)
  const life = live(store)
  while (!ports.isDead && !(await Promise.race([life.then(() => true), place.tick()]))) await place.clock.advance(500)
  return { place, calls: ports.calls.length }
}

const KINDS: readonly FaultKind[] = ['refuse-before', 'refuse-after', 'die-before', 'die-after']

describe('shares', () => {
  it('show what is there after a refusal or a crash at any call, end when they are taken back, and leave nothing', async () => {
    const { calls } = await run(Number.POSITIVE_INFINITY, 'die-before')
    expect(calls).toBeGreaterThan(80)
    const seen = new Set<number>()
    // With four kinds of faults, each third call is met by all of them in turn.
    for (let atCall = 0; atCall < calls; atCall += 3) {
      const { place } = await run(atCall, KINDS[atCall % KINDS.length] ?? 'die-before')
      const store = place.openStore(OPTIONS)
      await store.shares.publish()
      place.clock.jumpWall(OPTIONS.graceMs + 1)
      await store.shares.publish()
      const shares = await store.shares.list('bucket')
      seen.add(shares.length)
      const links: string[] = []
      for (const { id, prefix, isFilled } of shares) {
        expect(isFilled).toBe(true)
        const link = place.linkOf(await store.shares.open('bucket', id))
        links.push(link)
        const there = await has(store, prefix)
        expect(await place.seen(link)).toEqual(there)
        expect(await place.reader(link).list({ limit: 10 })).toMatchObject({ isFilled: true })
        // One extent for each large object, and none of what was given up.
        const larges = Object.values(there).filter((digest) => digest === digestOf(LARGE)).length
        expect(await place.countRows(link, 'sharedExtents')).toBe(larges)
        expect(await place.countRows(link, 'oldContents')).toBe(0)
        await store.shares.unshare('bucket', id)
      }
      for (const link of links) await expect(place.seen(link)).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
      const { objects } = await store.list('bucket', { limit: 100 })
      for (const { key } of objects) await store.delete('bucket', key)
      for (let round = 0; round < 3; round++) {
        place.clock.jumpWall(8 * 86_400_000)
        await store.collect()
        await store.stop()
      }
      // Pages of the catalogue and of the bucket.
      expect(place.segments.sealedBytes).toBeLessThan(10_000)
    }
    expect([...seen].sort().slice(0, 2)).toEqual([0, 1])
  }, 60_000)
})

describe('the end of a share', () => {
  const endings: Record<string, (store: TreeObjectStore) => Promise<unknown>> = {
    alone: async (store) => {
      const [share] = await store.shares.list('bucket')
      await store.shares.unshare('bucket', share?.id ?? '')
    },
    'with its bucket': (store) => store.deleteBucket('bucket'),
  }

  it.each(Object.entries(endings))(
    '%s lets go what can be read, and hides no fault of this program',
    async (_, end) => {
      for (const error of [
        new StorageError('STORAGE_TOO_FEW_PIECES', 'need 2 pieces, have 0'),
        new TypeError('a fault'),
      ]) {
        const place = await begun()
        const link = await place.link(place.openStore(OPTIONS), 'bucket', 'a/')
        let isBroken = false
        const segments: SegmentStore = {
          put: (key, plaintext) => place.segments.put(key, plaintext),
          read: async (reference, key, range) => {
            if (isBroken) throw error
            return await place.segments.read(reference, key, range)
          },
          release: (reference) => place.segments.release(reference),
          list: (after, limit) => place.segments.list(after, limit),
        }
        const store = place.open(OPTIONS, { segments, pointers: place.namedPointers })
        for (const key of ['inline', 'b/packed', 'b/large']) await store.delete('bucket', `a/${key}`)
        await store.shares.list('bucket')
        // What the tree of the share refers to must be read to be let go.
        isBroken = true
        if (error instanceof TypeError) await expect(end(store)).rejects.toThrow(error)
        else {
          await end(store)
          await expect(place.seen(link)).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
        }
      }
    },
  )
})

/** Segments of which one call, once it is asked for, waits. */
class SlowCall {
  readonly #reached = Promise.withResolvers<void>()
  readonly #goOn = Promise.withResolvers<void>()
  readonly #which: 'put' | 'read'
  #isArmed = false

  constructor(which: 'put' | 'read') {
    this.#which = which
  }

  over(inner: SegmentStore): SegmentStore {
    return {
      put: async (key, plaintext) => {
        await this.#pass('put')
        return await inner.put(key, plaintext)
      },
      read: async (reference, key, range) => {
        const bytes = await inner.read(reference, key, range)
        await this.#pass('read')
        return bytes
      },
      release: (reference) => inner.release(reference),
      list: (after, limit) => inner.list(after, limit),
    }
  }

  async #pass(which: 'put' | 'read'): Promise<void> {
    if (!this.#isArmed || which !== this.#which) return
    this.#isArmed = false
    this.#reached.resolve()
    await this.#goOn.promise
  }

  arm(): void {
    this.#isArmed = true
  }

  async reached(): Promise<void> {
    await this.#reached.promise
  }

  goOn(): void {
    this.#goOn.resolve()
  }
}

/** A share that is being written, and waits at the first call of one kind. */
async function publishingSlowly(call: ConstructorParameters<typeof SlowCall>[0]) {
  const place = await begun()
  const slow = new SlowCall(call)
  const store = place.open(OPTIONS, { segments: slow.over(place.segments), pointers: place.namedPointers })
  const link = await place.link(store, 'bucket', 'a/')
  await store.put('bucket', 'a/inline', [PACKED])
  slow.arm()
  const publishing = store.shares.publish()
  await slow.reached()
  return { place, slow, store, link, publishing }
}

describe('what changes while a share is written', () => {
  it('is not forgotten', async () => {
    const { place, slow, store, link, publishing } = await publishingSlowly('put')
    await store.put('bucket', 'a/inline', [LARGE])
    slow.goOn()
    await publishing
    await store.shares.publish()
    expect((await place.seen(link)).inline).toBe(digestOf(LARGE))
  })

  it('is not written over with older things after a sweep that came meanwhile', async () => {
    const { place, slow, store, link, publishing } = await publishingSlowly('read')
    await store.put('bucket', 'a/inline', [INLINE])
    const sweep = store.collect()
    for (let turn = 0; turn < 200; turn++) await place.tick()
    slow.goOn()
    await Promise.all([publishing, sweep])
    await store.shares.publish()
    expect((await place.seen(link)).inline).toBe(digestOf(INLINE))
    await store.stop()
  })

  it('by another machine is not written over with older things', async () => {
    const place = await begun()
    const link = await place.link(place.openStore(OPTIONS), 'bucket', 'a/')
    const slow = new SlowCall('put')
    const store = place.open(OPTIONS, { segments: slow.over(place.segments), pointers: place.namedPointers })
    await store.shares.publish()
    await store.put('bucket', 'a/inline', [PACKED])
    // The first pack or page of the slow machine's share.
    slow.arm()
    const publishing = store.shares.publish()
    await slow.reached()
    const other = place.openStore(OPTIONS)
    await other.delete('bucket', 'a/inline')
    await other.shares.publish()
    slow.goOn()
    await publishing
    expect(Object.keys(await place.seen(link))).toEqual(['b/large', 'b/packed'])
  })
})
