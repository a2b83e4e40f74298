import { narrowLink, parseShareLink } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { bytesFrom, bytesOf } from '../objects/workplace.ts'
import { digestOf, SharePlace } from './share-place.ts'

const INLINE = bytesOf(100, 1)
const PACKED = bytesOf(150_000, 2)
const LARGE = bytesOf(1_300_000, 3)

describe('a shared folder', () => {
  it('shows what is under it, of any size, in the order of the keys, and nothing beside', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    const bodies = { 'a/b.txt': INLINE, 'a/b/c': PACKED, 'a/b/d/e': LARGE, 'a/': new Uint8Array(0), 'a/ü': INLINE }
    for (const [key, body] of Object.entries(bodies)) await store.put('bucket', key, [body])
    await store.put('bucket', 'ab', [INLINE])
    await store.put('bucket', 'b', [LARGE])
    const link = await place.link(store, 'bucket', 'a/')
    expect(parseShareLink(link).name).toBe('a/')
    const seen = await place.seen(link)
    expect(Object.keys(seen)).toEqual(['b.txt', 'b/c', 'b/d/e', 'ü'])
    for (const [key, digest] of Object.entries(seen))
      expect([key, digest]).toEqual([key, digestOf(bodies[`a/${key}` as keyof typeof bodies])])
    const reader = place.reader(link)
    const page = await reader.list({ limit: 1000 })
    expect(page.objects.map(({ key, lengthBytes }) => [key, lengthBytes])).toEqual([
      ['b.txt', 100],
      ['ü', 100],
    ])
    expect(page.folders).toEqual(['b/'])
    expect((await reader.list({ folder: 'b/', limit: 10 })).folders).toEqual(['b/d/'])
    const { body } = await reader.get('b/d/e', { fromByte: 65_510, toByte: 131_050 })
    expect(Buffer.compare(await bytesFrom(body), LARGE.subarray(65_510, 131_050))).toBe(0)
    const { body: small } = await reader.get('b/c', { fromByte: 65_510, toByte: 65_530 })
    expect(await bytesFrom(small)).toEqual(PACKED.slice(65_510, 65_530))
    await expect(reader.get('b')).rejects.toMatchObject({ code: 'STORAGE_OBJECT_UNKNOWN' })
    await expect(reader.get('b.txt', { fromByte: 101 })).rejects.toThrow(RangeError)
  })

  it('is listed page by page', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    const keys = Array.from({ length: 150 }, (_, index) => `f/${index % 7}/${index}`)
    await Promise.all(keys.map((key) => store.put('bucket', key, [INLINE])))
    const reader = place.reader(await place.link(store, 'bucket', ''))
    for (const limit of [1, 7, 150]) {
      const listed: string[] = []
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page = await reader.list({ isRecursive: true, after, limit })
        listed.push(...page.objects.map(({ key }) => key))
        after = page.next
      }
      expect(listed).toEqual(keys.toSorted((left, right) => (left < right ? -1 : 1)))
    }
    const folders = await reader.list({ folder: 'f/', after: 'f/2/', limit: 3 })
    expect(folders).toEqual({ objects: [], folders: ['f/3/', 'f/4/', 'f/5/'], next: 'f/5/', isFilled: true })
  })

  it('follows what its owner changes, copies, uploads in parts and deletes', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.createBucket('other')
    await store.put('bucket', 'a/one', [INLINE])
    const link = await place.link(store, 'bucket', 'a/')
    await store.put('bucket', 'a/one', [PACKED])
    await store.put('bucket', 'a/two', [LARGE])
    await store.put('other', 'x', [LARGE])
    await store.copy({ bucket: 'bucket', key: 'a/two' }, { bucket: 'bucket', key: 'a/deep/er/three' })
    await store.copy({ bucket: 'other', key: 'x' }, { bucket: 'bucket', key: 'a/four' })
    const { id } = await store.beginUpload('bucket', 'a/five')
    const parts = []
    for (const [index, body] of [LARGE, PACKED, INLINE].entries())
      parts.push(await store.putPart('bucket', id, index + 1, [body]))
    await store.completeUpload('bucket', id, parts, { etag: 'whole' })
    await store.shares.publish()
    const five = Buffer.concat([LARGE, PACKED, INLINE])
    const now = {
      one: digestOf(PACKED),
      two: digestOf(LARGE),
      'deep/er/three': digestOf(LARGE),
      four: digestOf(LARGE),
      five: digestOf(five),
    }
    expect(await place.seen(link)).toEqual(now)
    const range = { fromByte: LARGE.length + PACKED.length - 5, toByte: LARGE.length + PACKED.length + 5 }
    const { body } = await place.reader(link).get('five', range)
    expect(await bytesFrom(body)).toEqual(new Uint8Array(five.subarray(range.fromByte, range.toByte)))
    for (const key of ['two', 'deep/er/three', 'four', 'five']) await store.delete('bucket', `a/${key}`)
    await store.shares.publish()
    expect(await place.seen(link)).toEqual({ one: digestOf(PACKED) })
    expect((await place.reader(link).list({ limit: 9 })).folders).toEqual([])
  })

  it('shows the latest version only, and none that was deleted', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.setVersioning('bucket', 'on')
    await store.put('bucket', 'a/one', [PACKED], { metadata: { owner: 'secret' }, contentType: 'text/plain' })
    const second = await store.put('bucket', 'a/one', [INLINE])
    const link = await place.link(store, 'bucket', 'a/')
    expect(await place.seen(link)).toEqual({ one: digestOf(INLINE) })
    await store.delete('bucket', 'a/one', { version: second.version })
    await store.shares.publish()
    expect(await place.seen(link)).toEqual({ one: digestOf(PACKED) })
    await store.delete('bucket', 'a/one')
    await store.shares.publish()
    expect(await place.seen(link)).toEqual({})
  })

  it('can be one object, and shares may lie in each other', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b/c.txt', [INLINE])
    await store.put('bucket', 'a/b/c.txt2', [PACKED])
    const links = []
    for (const prefix of ['', 'a/', 'a/b/', 'a/b/c.txt']) links.push(await place.link(store, 'bucket', prefix))
    await store.put('bucket', 'a/b/c.txt', [LARGE])
    await store.shares.publish()
    const [all, outer = '', inner = '', one = ''] = links
    expect(Object.keys(await place.seen(all ?? ''))).toEqual(['a/b/c.txt', 'a/b/c.txt2'])
    expect(Object.keys(await place.seen(outer))).toEqual(['b/c.txt', 'b/c.txt2'])
    expect(await place.seen(inner)).toEqual({ 'c.txt': digestOf(LARGE), 'c.txt2': digestOf(PACKED) })
    expect(await place.seen(one)).toEqual({ 'c.txt': digestOf(LARGE) })
    await store.shares.unshare(
      'bucket',
      (await store.shares.list('bucket')).find(({ prefix }) => prefix === 'a/')?.id ?? '',
    )
    await expect(place.seen(outer)).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
    expect(Object.keys(await place.seen(inner))).toHaveLength(2)
    await expect(place.link(store, 'bucket', 'a/b')).rejects.toMatchObject({ code: 'STORAGE_OBJECT_UNKNOWN' })
    await store.delete('bucket', 'a/b/c.txt')
    await store.shares.publish()
    await expect(place.reader(one).get('')).rejects.toThrow('the share shows no object c.txt')
    await expect(place.link(store, 'none', 'a/')).rejects.toMatchObject({ code: 'STORAGE_BUCKET_UNKNOWN' })
  })

  it('can be narrowed by whoever has the link', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    for (const key of ['a/x', 'a/b/one', 'a/b/c/two', 'a/b/c/']) await store.put('bucket', key, [Buffer.from(key)])
    const link = parseShareLink(await place.link(store, 'bucket', 'a/'))
    expect(await place.seen(narrowLink(link, { path: 'b/' }))).toEqual({
      one: digestOf(Buffer.from('a/b/one')),
      'c/': digestOf(Buffer.from('a/b/c/')),
      'c/two': digestOf(Buffer.from('a/b/c/two')),
    })
    const twice = narrowLink(narrowLink(link, { path: 'b/' }), { path: 'c/two' })
    expect(twice.name).toBe('two')
    expect(await place.seen(twice)).toEqual({ two: digestOf(Buffer.from('a/b/c/two')) })
    expect(() => narrowLink(twice, { path: 'more' })).toThrow(expect.objectContaining({ code: 'STORAGE_BAD_NAME' }))
  })
})

describe('a share that has ended', () => {
  it('shows nothing, keeps nothing, and is never written to again', async () => {
    const place = new SharePlace()
    const store = place.openStore({ graceMs: 1000, keepUnfinishedMs: 5000 })
    await store.createBucket('bucket')
    const before = place.segments.sealedBytes
    for (const [index, body] of [INLINE, PACKED, LARGE].entries()) await store.put('bucket', `a/${index}`, [body])
    const link = await place.link(store, 'bucket', 'a/')
    const [info] = await store.shares.list('bucket')
    const reader = place.reader(link)
    await reader.list({ limit: 10 })
    await store.shares.unshare('bucket', info?.id ?? '')
    await store.put('bucket', 'a/new', [INLINE])
    await store.shares.publish()
    for (const each of [reader, place.reader(link)]) {
      await expect(each.list({ limit: 10 })).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
      await expect(each.get('new')).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
    }
    expect(await store.shares.list('bucket')).toEqual([])
    const again = store.shares.unshare('bucket', info?.id ?? '')
    await expect(again).rejects.toMatchObject({ code: 'STORAGE_SHARE_UNKNOWN' })
    for (const key of ['a/0', 'a/1', 'a/2', 'a/new']) await store.delete('bucket', key)
    await store.deleteBucket('bucket')
    for (let round = 0; round < 6; round++) {
      place.clock.jumpWall(8 * 86_400_000)
      await store.collect()
      await store.stop()
    }
    expect(place.segments.sealedBytes - before).toBeLessThan(5000)
  })

  it('ends by itself when its time is over, for whoever looks and for its owner', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b', [INLINE])
    const link = await place.link(store, 'bucket', 'a/', 60_000)
    expect(Object.keys(await place.seen(link))).toEqual(['b'])
    place.clock.jumpWall(60_001)
    await expect(place.seen(link)).rejects.toMatchObject({ code: 'STORAGE_SHARE_EXPIRED' })
    // A program that does not look at the time in the link finds it in the share, and then nothing at all.
    const { expiresAt: _, ...stubborn } = parseShareLink(link)
    await expect(place.seen(stubborn)).rejects.toMatchObject({ code: 'STORAGE_SHARE_EXPIRED' })
    await store.shares.publish()
    await expect(place.seen(stubborn)).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
    expect(await store.shares.list('bucket')).toEqual([])
    await expect(store.shares.share('bucket', 'a/', place.clock.now())).rejects.toMatchObject({
      code: 'STORAGE_SHARE_EXPIRED',
    })
  })

  it('ends with its bucket', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b', [INLINE])
    const link = await place.link(store, 'bucket', 'a/')
    await expect(store.deleteBucket('bucket')).rejects.toMatchObject({ code: 'STORAGE_BUCKET_NOT_EMPTY' })
    expect(Object.keys(await place.seen(link))).toEqual(['b'])
    await store.delete('bucket', 'a/b')
    await store.deleteBucket('bucket')
    await expect(place.seen(link)).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
  })
})

describe('whoever makes its books again', () => {
  it('finds the segments of shares too: what nothing refers to is dropped then', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b', [PACKED])
    await place.link(store, 'bucket', '')
    await store.stop()
    const found = new Set<string>()
    await place.openStore().forEachSegment((reference) => found.add(digestOf(reference)))
    const kept = await place.segments.list(undefined, 1000)
    expect(kept.filter(({ reference }) => !found.has(digestOf(reference)))).toEqual([])
    expect(kept.length).toBeGreaterThan(4)
  })
})

describe('the sweep', () => {
  it('takes nothing from a share, and what shares copied goes when it is replaced', async () => {
    const place = new SharePlace()
    const options = { graceMs: 1000, keepUnfinishedMs: 5000 }
    const store = place.openStore(options)
    await store.createBucket('bucket')
    const link = await place.link(store, 'bucket', '')
    let after = 0
    for (let round = 0; round < 4; round++) {
      for (const [index, body] of [INLINE, PACKED, LARGE].entries()) await store.put('bucket', `${index}`, [body])
      await store.shares.publish()
      for (let sweeps = 0; sweeps < 3; sweeps++) {
        place.clock.jumpWall(10_000)
        await store.collect()
        await store.stop()
      }
      expect(await place.seen(link)).toEqual({ 0: digestOf(INLINE), 1: digestOf(PACKED), 2: digestOf(LARGE) })
      if (round === 0) after = place.segments.sealedBytes
    }
    expect(place.segments.sealedBytes).toBeLessThan(after + 300_000)
  })
})
