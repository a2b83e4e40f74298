import { hasCode, type Network, type UnixMs } from '@stead/core'
import { narrowWriteLink } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { bytesFrom } from '../objects/workplace.ts'
import { digestOf } from '../shares/share-place.ts'
import { GrantPlace, INLINE, LARGE, PACKED, PART_BYTES } from './grant-place.ts'

describe('a link to write', () => {
  it('writes objects of any size under its prefix, which its owner then has', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('inbox/')
    expect(link).toMatchObject({ name: 'inbox/', isObject: false, mayReplace: false })
    for (const [path, body] of Object.entries({ small: INLINE, 'a/packed': PACKED, 'a/b/large': LARGE })) {
      const given = await place.give(link, path, body, {
        contentType: 'text/x',
        changedAt: 1_700_000_000_123 as UnixMs,
      })
      expect(given).toMatchObject({ lengthBytes: body.length, resumedBytes: 0 })
    }
    expect(await place.has()).toEqual({
      'inbox/a/b/large': digestOf(LARGE),
      'inbox/a/packed': digestOf(PACKED),
      'inbox/small': digestOf(INLINE),
    })
    const info = await place.store.head('bucket', 'inbox/a/b/large')
    const [grant] = await place.store.grants.list('bucket')
    expect(info).toMatchObject({ contentType: 'text/x', metadata: { mtime: '1700000000.123', grant: grant?.id } })
    expect(info?.etag).toMatch(/^[0-9a-f]{32}-5$/)
    expect((await place.store.head('bucket', 'inbox/small'))?.etag).toMatch(/^[0-9a-f]{32}$/)
    expect((await place.store.uploads('bucket', { limit: 10 })).length).toBe(0)
  })

  it('counts what it writes, the smallest object as 4 KiB, and takes no more than was granted', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('', { limitBytes: LARGE.length + PACKED.length + 4096 })
    await place.give(link, 'small', INLINE)
    expect(await place.used()).toEqual({ usedBytes: 4096, objects: 1 })
    await place.give(link, 'large', LARGE)
    expect(await place.used()).toEqual({ usedBytes: 4096 + LARGE.length, objects: 2 })
    const more = place.give(link, 'more', new Uint8Array(PACKED.length + 1))
    await expect(more).rejects.toMatchObject({ code: 'STORAGE_GRANT_SPENT', details: { leftBytes: PACKED.length } })
    await place.give(link, 'packed', PACKED)
    await expect(place.give(link, 'none', new Uint8Array(0))).rejects.toMatchObject({ code: 'STORAGE_GRANT_SPENT' })
    expect(Object.keys(await place.has())).toEqual(['large', 'packed', 'small'])
    expect(await place.used()).toEqual({ usedBytes: 4096 + LARGE.length + PACKED.length, objects: 3 })
  })

  it('replaces nothing, unless it was made for that', async () => {
    const place = await GrantPlace.of()
    await place.store.put('bucket', 'a', [PACKED])
    for (const body of [INLINE, PACKED, LARGE])
      await expect(place.give(await place.grant(''), 'a', body)).rejects.toMatchObject({ code: 'STORAGE_CONDITION' })
    expect(await place.has()).toEqual({ a: digestOf(PACKED) })
    const link = await place.grant('', { mayReplace: true })
    for (const body of [INLINE, LARGE, PACKED, INLINE]) {
      await place.give(link, 'a', body)
      expect(await place.has()).toEqual({ a: digestOf(body) })
    }
  })

  it('may be to one object, and then to nothing else', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('sensors/door', { mayReplace: true })
    expect(link).toMatchObject({ name: 'door', isObject: true })
    await place.give(link, '', INLINE)
    await place.give(link, '', LARGE)
    await expect(place.give(link, 'x', INLINE)).rejects.toMatchObject({ code: 'STORAGE_BAD_NAME' })
    expect(await place.has()).toEqual({ 'sensors/door': digestOf(LARGE) })
  })

  it('is narrowed to a folder, an object or an earlier end without asking, and its owner’s node keeps to that', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('in/')
    const folder = narrowWriteLink(link, { path: 'ana/' })
    expect(folder).toMatchObject({ name: 'ana/', isObject: false })
    await place.give(folder, 'x', INLINE)
    const object = narrowWriteLink(folder, { path: 'deep/er', expiresAt: (place.clock.now() + 10_000) as UnixMs })
    expect(object).toMatchObject({ name: 'er', isObject: true })
    await place.give(object, '', LARGE)
    expect(Object.keys(await place.has())).toEqual(['in/ana/deep/er', 'in/ana/x'])
    await place.clock.advance(10_000)
    await expect(place.give(object, '', INLINE)).rejects.toMatchObject({ code: 'STORAGE_GRANT_ENDED' })
    // A later end than that of the whole is no step: nothing would come of it.
    expect(narrowWriteLink(object, { expiresAt: (place.clock.now() + 1e9) as UnixMs })).toEqual(object)
    await place.give(folder, 'y', INLINE)
  })

  it('goes on where it stopped, and sends again only what is another part now', async () => {
    const sizes: number[] = []
    const place = await GrantPlace.of((network) => {
      const request: typeof network.request = (peer, protocol, payload, options) => {
        if (payload.length > 10_000) sizes.push(payload.length)
        return network.request(peer, protocol, payload, options)
      }
      return withRequest(network, request)
    })
    const link = await place.grant('')
    const upload = place.upload()
    const abort = new AbortController()
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield LARGE.subarray(0, 1_100_000)
      while (sizes.length < 4) await place.tick()
      await place.clock.advance(100)
      abort.abort()
      yield LARGE.subarray(1_100_000)
    }
    const stopped = place.writer.give(link, { path: 'x', upload, signal: abort.signal }, cut())
    await expect(place.within(stopped)).rejects.toMatchObject({ code: 'CORE_ABORTED' })
    expect(await place.has()).toEqual({})
    const stand = await place.within(place.writer.look(link, { path: 'x', upload }))
    expect(stand.keptBytes).toBe(4 * PART_BYTES)
    expect(stand.leftBytes).toBe(2 ** 30 - 4 * PART_BYTES)
    sizes.length = 0
    const changed = Uint8Array.from(LARGE)
    changed[PART_BYTES] = (changed[PART_BYTES] ?? 0) ^ 1
    const given = await place.give(link, 'x', changed, { upload, lengthBytes: changed.length })
    expect(given.resumedBytes).toBe(3 * PART_BYTES)
    expect(sizes.length).toBe(2)
    expect(await place.has()).toEqual({ x: digestOf(changed) })
    expect((await place.used()).usedBytes).toBe(LARGE.length + PART_BYTES)
  })

  it('writes many at once, few of which are under way, and none is refused for that', async () => {
    let [now, most, busy] = [0, 0, 0]
    const place = await GrantPlace.of((network) => {
      const request: typeof network.request = async (...args) => {
        most = Math.max(most, ++now)
        try {
          return await network.request(...args)
        } catch (error) {
          if (hasCode(error, 'NETWORK_BUSY')) busy++
          throw error
        } finally {
          now--
        }
      }
      return withRequest(network, request)
    })
    const link = await place.grant('')
    const all = Array.from({ length: 60 }, (_, index) => place.give(link, `${index}`, INLINE))
    await Promise.all([...all, place.give(link, 'large', LARGE)])
    expect([most, busy]).toEqual([16, 0])
    expect(await place.used()).toEqual({ usedBytes: 60 * 4096 + LARGE.length, objects: 61 })
  })

  it('shows what it wrote in a share of the same folder', async () => {
    const place = await GrantPlace.of()
    const shown = await place.link(place.store, 'bucket', 'both/')
    const link = await place.grant('both/')
    await place.give(link, 'x', LARGE)
    await place.store.shares.publish()
    expect(await place.seen(shown)).toEqual({ x: digestOf(LARGE) })
  })

  it('waits for its owner’s node, which goes on after a restart', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    place.hub.kill(place.owner)
    const giving = place.give(link, 'x', LARGE)
    await place.clock.advance(4000)
    const store = await place.restartOwner()
    await giving
    expect(await place.has(store)).toEqual({ x: digestOf(LARGE) })
    expect(await place.used(store)).toEqual({ usedBytes: LARGE.length, objects: 1 })
    place.hub.kill(place.owner)
    await expect(place.give(link, 'y', INLINE)).rejects.toMatchObject({ code: 'STORAGE_GRANT_AWAY', retryable: true })
  })

  it('is told apart in a listing, and what it wrote is read as all else', async () => {
    const place = await GrantPlace.of()
    await place.grant('a/', { limitBytes: 5000, forMs: 1000 })
    await place.clock.advance(1)
    await place.grant('b', { mayReplace: true })
    const [first, second] = await place.store.grants.list('bucket')
    expect(first).toMatchObject({
      bucket: 'bucket',
      prefix: 'a/',
      limitBytes: 5000,
      usedBytes: 0,
      objects: 0,
      mayReplace: false,
    })
    expect(second).toMatchObject({ prefix: 'b', mayReplace: true, expiresAt: undefined })
    const opened = await place.store.grants.open('bucket', second?.id ?? '')
    await place.give(place.asHeld(opened), '', PACKED)
    const { body } = await place.store.get('bucket', 'b', { range: { fromByte: 10, toByte: 20 } })
    expect(await bytesFrom(body)).toEqual(PACKED.slice(10, 20))
    await place.clock.advance(1000)
    expect((await place.store.grants.list('bucket')).map(({ id }) => id)).toEqual([second?.id])
  })
})

/** A network whose requests are seen on their way. */
function withRequest(network: Network, request: Network['request']): Network {
  return new Proxy(network, {
    get: (target, name) => {
      if (name === 'request') return request
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
