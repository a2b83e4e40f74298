import { describe, expect, it } from 'vitest'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

const OPTIONS = { graceMs: 1000, keepUnfinishedMs: 50_000, segmentBytes: 65_520 }
const LARGE = bytesOf(3_000_000)

async function sweep(place: Workplace, rounds: number): Promise<void> {
  const store = place.open(OPTIONS)
  for (let round = 0; round < rounds; round++) {
    place.clock.jumpWall(OPTIONS.keepUnfinishedMs + OPTIONS.graceMs)
    await store.collect()
    await store.stop()
  }
}

describe('a copy into another bucket', () => {
  it('moves no bytes, and outlives the bucket that it came from', async () => {
    const place = new Workplace()
    const store = place.open(OPTIONS)
    await store.createBucket('one')
    await store.createBucket('two')
    await store.createBucket('three')
    const { id } = await store.beginUpload('one', 'a')
    const bodies = [LARGE, bytesOf(100, 2), bytesOf(70_000, 3)]
    const parts = []
    for (const [index, body] of bodies.entries()) parts.push(await store.putPart('one', id, index + 1, [body]))
    await store.completeUpload('one', id, parts, { etag: 'whole' })
    const whole = Buffer.concat(bodies)
    const before = place.segments.sealedBytes
    await store.copy({ bucket: 'one', key: 'a' }, { bucket: 'two', key: 'b' })
    await store.copy({ bucket: 'two', key: 'b' }, { bucket: 'three', key: 'c' })
    await store.copy({ bucket: 'three', key: 'c' }, { bucket: 'three', key: 'd' })
    expect(place.segments.sealedBytes - before).toBeLessThan(200_000)
    for (const [bucket, key] of [['one', 'a'] as const, ['two', 'b'] as const, ['three', 'c'] as const]) {
      await store.delete(bucket, key)
      if (bucket !== 'three') await store.deleteBucket(bucket)
      await sweep(place, 3)
      const { body } = await place.open().get('three', 'd')
      expect(Buffer.compare(await bytesFrom(body), whole)).toBe(0)
    }
    const range = { fromByte: LARGE.length - 5, toByte: LARGE.length + 105 }
    const { body } = await store.get('three', 'd', { range })
    expect(await bytesFrom(body)).toEqual(new Uint8Array(whole.subarray(range.fromByte, range.toByte)))
    await store.delete('three', 'd')
    await store.deleteBucket('three')
    await sweep(place, 8)
    expect(place.segments.sealedBytes).toBeLessThan(5000)
  })

  it('takes nothing with it when it is deleted', async () => {
    const place = new Workplace()
    const store = place.open(OPTIONS)
    await store.createBucket('one')
    await store.createBucket('two')
    await store.put('one', 'a', [LARGE])
    await store.copy({ bucket: 'one', key: 'a' }, { bucket: 'two', key: 'b' })
    await store.delete('two', 'b')
    await sweep(place, 4)
    const { body } = await place.open().get('one', 'a')
    expect(Buffer.compare(await bytesFrom(body), LARGE)).toBe(0)
  })

  it('that is refused leaves nothing with either', async () => {
    const place = new Workplace()
    const store = place.open(OPTIONS)
    await store.createBucket('one')
    await store.createBucket('two')
    await store.put('one', 'a', [LARGE])
    await store.put('two', 'b', [])
    const copy = store.copy({ bucket: 'one', key: 'a' }, { bucket: 'two', key: 'b' }, { condition: { is: 'absent' } })
    await expect(copy).rejects.toMatchObject({ code: 'STORAGE_CONDITION' })
    await store.delete('one', 'a')
    await sweep(place, 3)
    expect(place.segments.sealedBytes).toBeLessThan(10_000)
  })
})
