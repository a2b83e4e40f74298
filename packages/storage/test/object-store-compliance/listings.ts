import type { ObjectInfo, ObjectStore } from '@stead/storage'
import { beforeEach, describe, expect, it } from 'vitest'
import { type ComplianceBench, utf8 } from './compliance-bench.ts'

/** Listings by prefix, delimiter and page. */
export function listingsCompliance(bench: ComplianceBench): void {
  describe('listings', () => {
    const keys = ['a', 'a/1', 'a/2', 'a/b/1', 'a0', 'b/', 'b/1', 'c//d', 'ä', 'photos/2024/x', 'photos/2025/y']
    const inOrder = keys.toSorted((left, right) => Buffer.compare(utf8.encode(left), utf8.encode(right)))
    beforeEach(async () => {
      await Promise.all(keys.map((key) => bench.put(key, key)))
    })

    it('have the order of the bytes of keys, by prefix, after a key', async () => {
      expect(await bench.keysOf()).toEqual(inOrder)
      expect(await bench.keysOf({ prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/1'])
      expect(await bench.keysOf({ prefix: 'nothing' })).toEqual([])
      expect(await bench.keysOf({ after: 'a/2' })).toEqual(inOrder.slice(inOrder.indexOf('a/2') + 1))
      expect(await bench.keysOf({ after: 'a/2', prefix: 'a/' })).toEqual(['a/b/1'])
      expect(await bench.keysOf({ after: 'a/1x' })).toEqual(inOrder.slice(inOrder.indexOf('a/2')))
      expect(await bench.keysOf({ after: 'A', prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/1'])
      expect(await bench.keysOf({ after: 'z', prefix: 'a/' })).toEqual([])
    })

    it('roll up what has a delimiter behind the prefix', async () => {
      const page = await bench.store.list('bucket', { limit: 100, delimiter: '/' })
      expect(page.objects.map(({ key }) => key)).toEqual(['a', 'a0', 'ä'])
      expect(page.commonPrefixes).toEqual(['a/', 'b/', 'c/', 'photos/'])
      expect(await bench.keysOf({ delimiter: '/', prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/'])
      expect(await bench.keysOf({ delimiter: '/', prefix: 'c/' })).toEqual(['c//'])
      expect(await bench.keysOf({ delimiter: '2', prefix: 'photos/' })).toEqual(['photos/2'])
      expect(await bench.keysOf({ delimiter: '/', after: 'a/' })).not.toContain('a/')
      expect(await bench.keysOf({ delimiter: '/', versions: true })).toEqual([
        'a',
        'a0',
        'ä',
        'a/',
        'b/',
        'c/',
        'photos/',
      ])
    })

    it.each([1, 2, 3, 7])('in pages of %i say all once, and end', async (limit) => {
      for (const options of [{}, { delimiter: '/' }, { versions: true, delimiter: '/' }, { prefix: 'a' }]) {
        const whole = await bench.store.list('bucket', { limit: 1000, ...options })
        expect(whole.next).toBeUndefined()
        const objects: ObjectInfo[] = []
        const commonPrefixes: string[] = []
        let next: Parameters<ObjectStore['list']>[1] | undefined = { limit, ...options }
        while (next !== undefined) {
          const page = await bench.store.list('bucket', next)
          expect(page.objects.length + page.commonPrefixes.length).toBeLessThanOrEqual(limit)
          objects.push(...page.objects)
          commonPrefixes.push(...page.commonPrefixes)
          next = page.next === undefined ? undefined : { limit, ...options, ...page.next }
        }
        expect({ objects, commonPrefixes }).toEqual({
          objects: whole.objects,
          commonPrefixes: whole.commonPrefixes,
        })
      }
    })

    it('do not show a prefix under which all is deleted', async () => {
      await bench.store.setVersioning('bucket', 'on')
      await bench.store.delete('bucket', 'photos/2024/x')
      expect(await bench.keysOf({ delimiter: '/', prefix: 'photos/' })).toEqual(['photos/2025/'])
      await bench.store.delete('bucket', 'photos/2025/y')
      expect(await bench.keysOf({ delimiter: '/', prefix: 'p' })).toEqual([])
      expect(await bench.keysOf({ delimiter: '/', prefix: 'p', versions: true })).toEqual(['photos/'])
    })

    it('have 1 to 1000 entries', async () => {
      for (const limit of [0, 1001, 1.5, Number.NaN])
        await expect(bench.store.list('bucket', { limit })).rejects.toThrow(RangeError)
    })
  })
}
