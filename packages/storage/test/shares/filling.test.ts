import { type SegmentStore, StorageError, type TreeObjectStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { bytesOf } from '../objects/workplace.ts'
import { digestOf, SharePlace } from './share-place.ts'

const INLINE = bytesOf(100, 1)
const PACKED = bytesOf(6000, 2)
const LOST = bytesOf(6000, 3)
const OPTIONS = { graceMs: 1000, keepUnfinishedMs: 50_000 }

function tooFewPieces(): StorageError {
  return new StorageError('STORAGE_TOO_FEW_PIECES', 'need 2 pieces of a segment, have 0')
}

/** Segments whose nodes answer no reads for a while, and have lost some bytes for good. */
class BusyReads {
  isBusy = false
  /** So many reads are answered before the next one is not. */
  answered = 0

  over(inner: SegmentStore): SegmentStore {
    return {
      put: (key, plaintext) => inner.put(key, plaintext),
      read: async (reference, key, range) => {
        if (this.isBusy && this.answered-- <= 0) throw tooFewPieces()
        const bytes = await inner.read(reference, key, range)
        if (Buffer.compare(bytes, LOST) === 0) throw tooFewPieces()
        return bytes
      },
      release: (reference) => inner.release(reference),
      list: (after, limit) => inner.list(after, limit),
    }
  }
}

interface Begun {
  readonly place: SharePlace
  readonly reads: BusyReads
  readonly store: TreeObjectStore
}

/** A bucket of objects whose bytes must be read to be shared, and others that need not. */
async function begun(packed: number): Promise<Begun> {
  const place = new SharePlace()
  const reads = new BusyReads()
  const store = place.open(OPTIONS, { segments: reads.over(place.segments), pointers: place.namedPointers })
  await store.createBucket('bucket')
  for (let index = 0; index < packed; index++) await store.put('bucket', `a/packed-${index}`, [PACKED])
  for (let index = 0; index < 3; index++) await store.put('bucket', `a/inline-${index}`, [INLINE])
  return { place, reads, store }
}

/** Lets time pass until something is done. @returns how much passed, in milliseconds */
async function pass(place: SharePlace, work: () => Promise<unknown>): Promise<number> {
  let isDone = false
  const done = work().finally(() => {
    isDone = true
  })
  let passedMs = 0
  for (; !isDone && passedMs < 600_000; passedMs += 100) {
    await place.clock.advance(100)
    await place.tick()
  }
  await done
  return passedMs
}

/** Waits until a share is whole. */
async function whole({ place, store }: Begun): Promise<void> {
  while (!(await isFilled(store))) await place.tick()
}

async function isFilled(store: TreeObjectStore): Promise<boolean | undefined> {
  return (await store.shares.list('bucket'))[0]?.isFilled
}

/** What whoever has a link is told. */
async function told(place: SharePlace, link: string): Promise<readonly [objects: number, isFilled: boolean]> {
  const page = await place.reader(link).list({ isRecursive: true, limit: 1000 })
  return [page.objects.length, page.isFilled]
}

describe('a share of which objects could not be shown', () => {
  it('says so to its owner and to whoever reads it, until they are shown soon after', async () => {
    const world = await begun(300)
    const { place, reads, store } = world
    reads.isBusy = true
    reads.answered = 150
    let link = ''
    let isWhole: boolean | undefined
    await pass(place, async () => {
      const made = await store.shares.share('bucket', 'a/')
      isWhole = made.info.isFilled
      link = place.linkOf(made)
    })
    expect(isWhole).toBe(false)
    expect(await isFilled(store)).toBe(false)
    expect(await told(place, link)).toEqual([153, false])
    const shown = Object.keys(await place.seen(link))
    const missing = Array.from({ length: 300 }, (_, index) => `packed-${index}`).find((key) => !shown.includes(key))
    await expect(place.reader(link).get(missing ?? '')).rejects.toMatchObject({
      code: 'STORAGE_SHARE_FILLING',
      retryable: true,
    })
    reads.isBusy = false
    expect(await pass(place, () => whole(world))).toBeLessThanOrEqual(30_100)
    expect(await told(place, link)).toEqual([303, true])
    await expect(place.reader(link).get('none')).rejects.toMatchObject({ code: 'STORAGE_OBJECT_UNKNOWN' })
    expect((await place.seen(link))[missing ?? '']).toBe(digestOf(PACKED))
    await store.stop()
  }, 30_000)

  it('is whole when this resolves where a second try is enough', async () => {
    const { place, reads, store } = await begun(5)
    reads.isBusy = true
    reads.answered = 2
    place.clock.setTimer(700, () => {
      reads.isBusy = false
    })
    let link = ''
    const passedMs = await pass(place, async () => {
      const made = await store.shares.share('bucket', 'a/')
      expect(made.info.isFilled).toBe(true)
      link = place.linkOf(made)
    })
    expect(passedMs).toBeLessThan(5000)
    expect(await told(place, link)).toEqual([8, true])
    await store.stop()
  })

  it('is told of again when a change cannot be shown, and only then', async () => {
    const world = await begun(2)
    const { place, reads, store } = world
    const link = await place.link(store, 'bucket', 'a/')
    expect(await told(place, link)).toEqual([5, true])
    await store.put('bucket', 'a/inline-0', [bytesOf(50, 9)])
    await store.shares.publish()
    expect(await told(place, link)).toEqual([5, true])
    reads.isBusy = true
    await store.put('bucket', 'a/new', [PACKED])
    await store.shares.publish()
    expect(await told(place, link)).toEqual([5, false])
    expect(await isFilled(store)).toBe(false)
    reads.isBusy = false
    expect(await pass(place, () => whole(world))).toBeLessThan(3000)
    expect(await told(place, link)).toEqual([6, true])
    await store.stop()
  })

  it('shows what comes after any number of objects that are lost for good, and each change behind them', async () => {
    const { place, reads, store } = await begun(0)
    for (let index = 0; index < 800; index++) await store.put('bucket', `a/a-${index}`, [LOST])
    await store.put('bucket', 'a/z', [PACKED])
    let link = ''
    await pass(place, async () => {
      link = await place.link(store, 'bucket', 'a/')
    })
    const shows = (text: string) => async (): Promise<void> => {
      while ((await place.seen(link)).z !== text) await place.tick()
    }
    expect(await pass(place, shows(digestOf(PACKED)))).toBeLessThan(60_000)
    expect(await told(place, link)).toEqual([4, false])
    await store.put('bucket', 'a/z', [INLINE])
    expect(await pass(place, shows(digestOf(INLINE)))).toBeLessThan(60_000)
    expect(await isFilled(store)).toBe(false)
    for (let index = 0; index < 800; index++) await store.delete('bucket', `a/a-${index}`)
    expect(await pass(place, () => whole({ place, reads, store }))).toBeLessThan(60_000)
    expect(await told(place, link)).toEqual([4, true])
    await store.stop()
  }, 60_000)

  it('stays told of by the next process, which fills it; one that is whole stays so', async () => {
    const { place, reads, store } = await begun(3)
    reads.isBusy = true
    let link = ''
    await pass(place, async () => {
      link = await place.link(store, 'bucket', 'a/')
    })
    expect(await told(place, link)).toEqual([3, false])
    await store.stop()
    const next = place.openStore(OPTIONS)
    expect(await isFilled(next)).toBe(false)
    await next.shares.publish()
    expect(await isFilled(next)).toBe(true)
    expect(await told(place, link)).toEqual([6, true])
    await next.stop()
    // Another takes over, and stops before it shows anything.
    const last = place.openStore(OPTIONS)
    await last.put('bucket', 'a/new', [PACKED])
    const publishing = last.shares.publish()
    await last.stop()
    await publishing
    expect((await told(place, link))[1]).toBe(true)
    expect(await isFilled(place.openStore(OPTIONS))).toBe(true)
  })
})
