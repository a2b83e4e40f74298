import { describe, expect, it } from 'vitest'
import { bytesOf, type ComplianceBench, refused } from './compliance-bench.ts'

/** Buckets: their making, their end, and every call to one that is not there. */
export function bucketsCompliance(bench: ComplianceBench): void {
  describe('buckets', () => {
    it('are listed in the order of their names, with what they are set to, also after opening again', async () => {
      await bench.store.createBucket('zebra')
      const { createdAt } = await bench.store.createBucket('a-bucket')
      await bench.store.setVersioning('zebra', 'on')
      await bench.reopen()
      const buckets = await bench.store.buckets()
      expect(buckets.map(({ name: bucket, versioning }) => [bucket, versioning])).toEqual([
        ['a-bucket', 'off'],
        ['bucket', 'off'],
        ['zebra', 'on'],
      ])
      expect(await bench.store.bucket('a-bucket')).toEqual({ name: 'a-bucket', createdAt, versioning: 'off' })
      await bench.store.setVersioning('zebra', 'suspended')
      expect((await bench.store.bucket('zebra')).versioning).toBe('suspended')
    })

    it('are made once', async () => {
      await refused(bench.store.createBucket('bucket'), 'STORAGE_BUCKET_EXISTS')
      const made = await Promise.allSettled([1, 2, 3].map(() => bench.store.createBucket('same')))
      expect(made.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    })

    it.each([
      '',
      'ab',
      'a'.repeat(64),
      'Capital',
      'under_score',
      'sla/sh',
      'sp ace',
      'ab..cd',
      '-abc',
      'abc.',
      '192.168.0.1',
    ])('cannot be named %j', async (bad) => {
      await refused(bench.store.createBucket(bad), 'STORAGE_BAD_NAME')
      await refused(bench.store.bucket(bad), 'STORAGE_BAD_NAME')
    })

    it('are deleted when they are empty, and begin anew when they are made again', async () => {
      await bench.put('a', '1')
      await refused(bench.store.deleteBucket('bucket'), 'STORAGE_BUCKET_NOT_EMPTY')
      await bench.store.delete('bucket', 'a')
      const { id } = await bench.store.beginUpload('bucket', 'a')
      await refused(bench.store.deleteBucket('bucket'), 'STORAGE_BUCKET_NOT_EMPTY')
      await bench.store.abortUpload('bucket', id)
      await bench.store.setVersioning('bucket', 'on')
      await bench.put('a', '2')
      const marker = await bench.store.delete('bucket', 'a')
      await refused(bench.store.deleteBucket('bucket'), 'STORAGE_BUCKET_NOT_EMPTY')
      for (const { version } of (await bench.store.list('bucket', { limit: 10, versions: true })).objects)
        await bench.store.delete('bucket', 'a', { version })
      expect(marker?.isDeleted).toBe(true)
      await bench.store.deleteBucket('bucket')
      expect(await bench.store.buckets()).toEqual([])
      await refused(bench.put('a', '3'), 'STORAGE_BUCKET_UNKNOWN')
      await bench.store.createBucket('bucket')
      expect((await bench.store.bucket('bucket')).versioning).toBe('off')
      await bench.put('a', '4')
      expect(await bench.textOf('a')).toBe('4')
    })

    it('that are not there are told by every method', async () => {
      const none = 'no-bucket'
      const calls: readonly (() => Promise<unknown>)[] = [
        () => bench.store.bucket(none),
        () => bench.store.deleteBucket(none),
        () => bench.store.setVersioning(none, 'on'),
        () => bench.store.head(none, 'a'),
        () => bench.store.get(none, 'a'),
        () => bench.store.put(none, 'a', []),
        () => bench.store.put(none, 'a', [bytesOf(2_000_000)]),
        () => bench.store.copy({ bucket: none, key: 'a' }, { bucket: none, key: 'b' }),
        () => bench.store.copy({ bucket: none, key: 'a' }, { bucket: 'bucket', key: 'b' }),
        () => bench.store.delete(none, 'a'),
        () => bench.store.list(none, { limit: 1 }),
        () => bench.store.beginUpload(none, 'a'),
        () => bench.store.putPart(none, '00', 1, []),
        () => bench.store.parts(none, '00', { limit: 1 }),
        () => bench.store.uploads(none, { limit: 1 }),
        () => bench.store.completeUpload(none, '00', [{ number: 1, etag: '' }], { etag: '' }),
        () => bench.store.abortUpload(none, '00'),
      ]
      for (const call of calls) await refused(call(), 'STORAGE_BUCKET_UNKNOWN')
    })
  })
}
