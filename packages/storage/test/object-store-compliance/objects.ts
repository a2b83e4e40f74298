import { describe, expect, it } from 'vitest'
import { allOf, bytesOf, type ComplianceBench, INLINE, inChunks, refused, SEGMENT, utf8 } from './compliance-bench.ts'

/** Objects of all sizes, their names and descriptions, and reads while they change. */
export function objectsCompliance(bench: ComplianceBench): void {
  describe('objects', () => {
    it.each([0, 1, INLINE, INLINE + 1, 100_000, 1_048_576, 1_048_577, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 12_345])(
      'of %i bytes come back as they were, whole and in ranges, also after opening again',
      async (lengthBytes) => {
        const bytes = bytesOf(lengthBytes)
        const info = await bench.store.put('bucket', 'key', inChunks(bytes, 65_536), {
          contentType: 'image/png',
          metadata: { colour: 'blåbær', 'x-y': '' },
          etag: () => 'an etag',
        })
        expect(info).toMatchObject({
          key: 'key',
          version: 'null',
          isLatest: true,
          isDeleted: false,
          lengthBytes,
          etag: 'an etag',
          contentType: 'image/png',
          metadata: { colour: 'blåbær', 'x-y': '' },
        })
        await bench.reopen()
        expect(await bench.store.head('bucket', 'key')).toEqual(info)
        const whole = await bench.store.get('bucket', 'key')
        expect(whole).toMatchObject({ info, fromByte: 0, toByte: lengthBytes })
        expect(Buffer.compare(await allOf(whole.body), bytes)).toBe(0)
        for (const at of [1, 65_519, 65_521, SEGMENT - 1, SEGMENT, lengthBytes - 1]) {
          if (at < 1 || at >= lengthBytes) continue
          for (const toByte of [at + 1, Math.min(at + 70_000, lengthBytes), lengthBytes + 5, undefined]) {
            const range = toByte === undefined ? { fromByte: at } : { fromByte: at, toByte }
            const part = await bench.store.get('bucket', 'key', { range })
            const end = Math.min(toByte ?? lengthBytes, lengthBytes)
            expect(part).toMatchObject({ fromByte: at, toByte: end })
            expect(Buffer.compare(await allOf(part.body), bytes.subarray(at, end))).toBe(0)
          }
        }
        const behind = { fromByte: Math.max(1, lengthBytes) }
        await expect(bench.store.get('bucket', 'key', { range: behind })).rejects.toThrow(RangeError)
      },
    )

    it('are replaced and deleted, and say when they are not there', async () => {
      expect(await bench.store.head('bucket', 'a')).toBeUndefined()
      await refused(bench.store.get('bucket', 'a'), 'STORAGE_OBJECT_UNKNOWN')
      await bench.put('a', 'one')
      await bench.put('a', 'two')
      expect(await bench.textOf('a')).toBe('two')
      expect(await bench.store.delete('bucket', 'a')).toBeUndefined()
      expect(await bench.store.delete('bucket', 'a')).toBeUndefined()
      expect(await bench.store.head('bucket', 'a')).toBeUndefined()
      expect(await bench.keysOf({ versions: true })).toEqual([])
      await refused(bench.store.get('bucket', 'a', { version: 'null' }), 'STORAGE_OBJECT_UNKNOWN')
    })

    it.each([
      ['no key', ''],
      ['a long one', 'k'.repeat(1025)],
      ['a long one in UTF-8', 'ü'.repeat(513)],
      ['half a character', '\ud800'],
    ])('cannot be named with %s', async (_, key) => {
      await refused(bench.put(key, 'x'), 'STORAGE_BAD_NAME')
      await refused(bench.store.head('bucket', key), 'STORAGE_BAD_NAME')
      await refused(bench.store.delete('bucket', key), 'STORAGE_BAD_NAME')
      await refused(bench.store.beginUpload('bucket', key), 'STORAGE_BAD_NAME')
    })

    it('may have any name that can be', async () => {
      const names = [
        'k'.repeat(1024),
        '\u0000',
        'a\u0000',
        'a\u0000b',
        'a',
        '/',
        '//',
        '..',
        'ü',
        '\u{1f600}',
        '\uffff',
      ]
      for (const name of names) await bench.store.put('bucket', name, [utf8.encode(name)])
      const order = names.toSorted((left, right) => Buffer.compare(utf8.encode(left), utf8.encode(right)))
      expect(await bench.keysOf()).toEqual(order)
      for (const name of names) expect(await bench.textOf(name)).toBe(name)
    })

    it('get an etag of their own when their writer says none', async () => {
      const [one, two] = [await bench.store.put('bucket', 'a', []), await bench.store.put('bucket', 'a', [])]
      expect(one.etag).not.toBe('')
      expect(two.etag).not.toBe(one.etag)
    })

    it('are asked for their etag when their body has ended', async () => {
      let seen = 0
      async function* body(): AsyncGenerator<Uint8Array> {
        for (let part = 0; part < 3; part++) {
          yield Uint8Array.of(part)
          seen += 1
        }
      }
      expect((await bench.store.put('bucket', 'a', body(), { etag: () => `after ${seen}` })).etag).toBe('after 3')
    })

    it('refuse metadata of more than 2 KiB, or in capitals', async () => {
      await bench.store.put('bucket', 'a', [], { metadata: { a: 'x'.repeat(2047) } })
      await expect(bench.store.put('bucket', 'a', [], { metadata: { a: 'x'.repeat(2048) } })).rejects.toThrow(
        RangeError,
      )
      await expect(bench.store.put('bucket', 'a', [], { metadata: { Big: '' } })).rejects.toThrow(RangeError)
    })

    it('are seen by whoever reads after they were written, whoever wrote them', async () => {
      const other = await bench.open()
      for (let round = 0; round < 5; round++) {
        await bench.put('a', `round ${round}`)
        expect((await other.head('bucket', 'a'))?.etag).toBe(`etag of round ${round}`)
        await other.put('bucket', 'b', [utf8.encode(`${round}`)])
        expect(await bench.textOf('b')).toBe(`${round}`)
        await other.delete('bucket', 'b')
        expect(await bench.keysOf()).toEqual(['a'])
      }
    })

    it('that are replaced or deleted while they are read are read to their end', async () => {
      for (const lengthBytes of [100, 100_000, 40_000_000]) {
        const bytes = bytesOf(lengthBytes)
        await bench.store.put('bucket', 'a', [bytes])
        const { body } = await bench.store.get('bucket', 'a')
        const chunks = body[Symbol.asyncIterator]()
        const first = await chunks.next()
        await bench.put('a', 'another')
        await bench.store.delete('bucket', 'a')
        const parts = first.done === true ? [] : [Uint8Array.from(first.value)]
        for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
          parts.push(Uint8Array.from(next.value))
        expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
      }
    })
  })
}
