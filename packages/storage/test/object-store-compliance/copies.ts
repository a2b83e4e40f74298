import { describe, expect, it } from 'vitest'
import { allOf, bytesOf, type ComplianceBench, refused } from './compliance-bench.ts'

/** Copies within a bucket and across. */
export function copiesCompliance(bench: ComplianceBench): void {
  describe('copies', () => {
    it.each([10, 100_000, 20_000_000])('of %i bytes outlive what they were made of', async (lengthBytes) => {
      const bytes = bytesOf(lengthBytes)
      const metadata = { a: 'b' }
      const { etag } = await bench.store.put('bucket', 'a', [bytes], { contentType: 'text/plain', metadata })
      await bench.store.createBucket('other')
      const from = { bucket: 'bucket', key: 'a' }
      expect(await bench.store.copy(from, { bucket: 'bucket', key: 'b' })).toMatchObject({
        key: 'b',
        lengthBytes,
        etag,
        contentType: 'text/plain',
        metadata,
      })
      expect(await bench.store.copy(from, { bucket: 'other', key: 'c' })).toMatchObject({ key: 'c', lengthBytes, etag })
      const replace = { contentType: 'image/png', metadata: {} }
      expect(await bench.store.copy(from, from, { replace })).toMatchObject({ contentType: 'image/png', metadata: {} })
      expect(await bench.store.head('bucket', 'b')).toMatchObject({ contentType: 'text/plain', metadata })
      await bench.store.delete('bucket', 'a')
      for (const [bucket, key] of [['bucket', 'b'] as const, ['other', 'c'] as const])
        expect(Buffer.compare(await allOf((await bench.store.get(bucket, key)).body), bytes)).toBe(0)
      await bench.store.copy({ bucket: 'bucket', key: 'b' }, { bucket: 'bucket', key: 'd' })
      await bench.store.delete('bucket', 'b')
      expect(Buffer.compare(await allOf((await bench.store.get('bucket', 'd')).body), bytes)).toBe(0)
    })

    it('are made of a version, and not of what is not there', async () => {
      const to = { bucket: 'bucket', key: 'b' }
      await refused(bench.store.copy({ bucket: 'bucket', key: 'a' }, to), 'STORAGE_OBJECT_UNKNOWN')
      await bench.store.setVersioning('bucket', 'on')
      const { version } = await bench.put('a', 'one')
      await bench.put('a', 'two')
      await bench.store.delete('bucket', 'a')
      await refused(bench.store.copy({ bucket: 'bucket', key: 'a' }, to), 'STORAGE_OBJECT_UNKNOWN')
      await bench.store.copy({ bucket: 'bucket', key: 'a', version }, to)
      expect(await bench.textOf('b')).toBe('one')
    })
  })
}
