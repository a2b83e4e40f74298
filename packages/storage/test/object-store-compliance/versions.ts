import type { ObjectInfo, ObjectStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { type ComplianceBench, refused } from './compliance-bench.ts'

/** Versions with versioning on and suspended. */
export function versionsCompliance(bench: ComplianceBench): void {
  describe('versions', () => {
    it('are kept while versioning is on, newest first, with what says that the object was deleted', async () => {
      await bench.put('a', 'null')
      await bench.store.setVersioning('bucket', 'on')
      const one = await bench.put('a', 'one')
      const two = await bench.put('a', 'two')
      const marker = await bench.store.delete('bucket', 'a')
      expect(marker).toMatchObject({ key: 'a', isDeleted: true, isLatest: true })
      expect(await bench.store.head('bucket', 'a')).toBeUndefined()
      expect(await bench.keysOf()).toEqual([])
      expect(await bench.textOf('a', one.version)).toBe('one')
      expect(await bench.textOf('a', two.version)).toBe('two')
      expect(await bench.textOf('a', 'null')).toBe('null')
      await refused(bench.store.get('bucket', 'a', { version: 'f'.repeat(18) }), 'STORAGE_OBJECT_UNKNOWN')
      const { objects } = await bench.store.list('bucket', { limit: 10, versions: true })
      expect(objects.map(({ version, isLatest, isDeleted }) => [version, isLatest, isDeleted])).toEqual([
        [marker?.version, true, true],
        [two.version, false, false],
        [one.version, false, false],
        ['null', false, false],
      ])
      const named = objects.slice(0, 3).map(({ version }) => version)
      expect(named).toEqual(named.toSorted())
      expect(await bench.store.head('bucket', 'a', one.version)).toMatchObject({ isLatest: false, etag: 'etag of one' })
    })

    it('go one by one, and the one below comes up', async () => {
      await bench.store.setVersioning('bucket', 'on')
      const one = await bench.put('a', 'one')
      const two = await bench.put('a', 'two')
      const marker = await bench.store.delete('bucket', 'a')
      expect(await bench.store.delete('bucket', 'a', { version: marker?.version ?? '' })).toMatchObject({
        isDeleted: true,
      })
      expect(await bench.textOf('a')).toBe('two')
      await bench.store.delete('bucket', 'a', { version: two.version })
      expect(await bench.textOf('a')).toBe('one')
      expect(await bench.store.head('bucket', 'a', one.version)).toMatchObject({ isLatest: true })
      await bench.store.delete('bucket', 'a', { version: one.version })
      await bench.store.delete('bucket', 'a', { version: one.version })
      await bench.store.delete('bucket', 'a', { version: 'null' })
      expect(await bench.store.head('bucket', 'a')).toBeUndefined()
      expect(await bench.keysOf({ versions: true })).toEqual([])
    })

    it('while suspended, a write takes the place of the null version, whatever is above it', async () => {
      await bench.put('a', 'old null')
      await bench.store.setVersioning('bucket', 'on')
      const one = await bench.put('a', 'one')
      await bench.store.setVersioning('bucket', 'suspended')
      await bench.put('a', 'new null')
      const versions = async (): Promise<string[]> =>
        (await bench.store.list('bucket', { limit: 10, versions: true })).objects.map(({ version }) => version)
      expect(await versions()).toEqual(['null', one.version])
      expect(await bench.textOf('a', 'null')).toBe('new null')
      await bench.put('a', 'newer null')
      expect(await versions()).toEqual(['null', one.version])
      const marker = await bench.store.delete('bucket', 'a')
      expect(marker).toMatchObject({ version: 'null', isDeleted: true })
      expect(await versions()).toEqual(['null', one.version])
      await bench.store.setVersioning('bucket', 'on')
      const three = await bench.put('a', 'three')
      expect(await versions()).toEqual([three.version, 'null', one.version])
      await bench.store.delete('bucket', 'a', { version: 'null' })
      expect(await versions()).toEqual([three.version, one.version])
    })

    it('are listed in pages, also when the one named last is gone', async () => {
      await bench.put('a', 'null')
      await bench.store.setVersioning('bucket', 'on')
      for (let index = 0; index < 5; index++) await bench.put('a', `${index}`)
      await bench.put('b', 'b')
      const all = (await bench.store.list('bucket', { limit: 100, versions: true })).objects
      const seen: ObjectInfo[] = []
      let next: Parameters<ObjectStore['list']>[1] | undefined = { limit: 2, versions: true }
      while (next !== undefined) {
        const page = await bench.store.list('bucket', next)
        seen.push(...page.objects)
        next = page.next === undefined ? undefined : { limit: 2, versions: true, ...page.next }
      }
      expect(seen).toEqual(all)
      const afterNull = await bench.store.list('bucket', { limit: 9, versions: true, after: 'a', afterVersion: 'null' })
      expect(afterNull.objects.map(({ key }) => key)).toEqual(['b'])
      const page = await bench.store.list('bucket', { limit: 6, versions: true })
      await bench.store.delete('bucket', 'a', { version: 'null' })
      const rest = await bench.store.list('bucket', { limit: 6, versions: true, ...page.next })
      expect(rest.objects.map(({ key }) => key)).toEqual(['b'])
    })
  })
}
