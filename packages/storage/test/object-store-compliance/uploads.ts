import { describe, expect, it } from 'vitest'
import { allOf, bytesOf, type ComplianceBench, inChunks, refused, utf8 } from './compliance-bench.ts'

/** Uploads in parts. */
export function uploadsCompliance(bench: ComplianceBench): void {
  describe('uploads in parts', () => {
    it('become an object, in the order of the parts, across opening again', async () => {
      const { id, key } = await bench.store.beginUpload('bucket', 'a', { contentType: 'x/y', metadata: { m: '1' } })
      expect(key).toBe('a')
      const parts = [bytesOf(6_000_000, 1), bytesOf(5000, 2), bytesOf(20_000_000, 3), bytesOf(10, 4)]
      const numbers = [10_000, 2, 5, 1]
      for (const [index, bytes] of parts.entries()) {
        if (index === 2) await bench.reopen()
        const etag = (): string => `part ${numbers[index]}`
        const part = await bench.store.putPart('bucket', id, numbers[index] ?? 0, inChunks(bytes, 1_000_000), { etag })
        expect(part).toMatchObject({ number: numbers[index], lengthBytes: bytes.length, etag: etag() })
      }
      expect((await bench.store.parts('bucket', id, { limit: 10 })).map(({ number }) => number)).toEqual([
        1, 2, 5, 10_000,
      ])
      expect(await bench.store.head('bucket', 'a')).toBeUndefined()
      const wanted = [1, 2, 5, 10_000].map((number) => ({ number, etag: `part ${number}` }))
      const info = await bench.store.completeUpload('bucket', id, wanted, { etag: 'whole-4' })
      expect(info).toMatchObject({ key: 'a', etag: 'whole-4', contentType: 'x/y', metadata: { m: '1' } })
      const whole = Buffer.concat([parts[3], parts[1], parts[2], parts[0]].filter((part) => part !== undefined))
      await bench.reopen()
      const { body } = await bench.store.get('bucket', 'a')
      expect(Buffer.compare(await allOf(body), whole)).toBe(0)
      const range = { fromByte: 5, toByte: 5_100 }
      const across = await bench.store.get('bucket', 'a', { range })
      expect(Buffer.compare(await allOf(across.body), whole.subarray(5, 5_100))).toBe(0)
      await bench.store.copy({ bucket: 'bucket', key: 'a' }, { bucket: 'bucket', key: 'b' })
      await bench.store.delete('bucket', 'a')
      expect(Buffer.compare(await allOf((await bench.store.get('bucket', 'b')).body), whole)).toBe(0)
      await refused(bench.store.putPart('bucket', id, 1, []), 'STORAGE_UPLOAD_UNKNOWN')
      await refused(bench.store.parts('bucket', id, { limit: 1 }), 'STORAGE_UPLOAD_UNKNOWN')
      await refused(bench.store.completeUpload('bucket', id, wanted, { etag: '' }), 'STORAGE_UPLOAD_UNKNOWN')
    })

    it('take the last part of a number, and leave out what is not named', async () => {
      const { id } = await bench.store.beginUpload('bucket', 'a')
      const send = (number: number, text: string): Promise<unknown> =>
        bench.store.putPart('bucket', id, number, [utf8.encode(text)], { etag: () => text })
      await send(1, 'old')
      await send(1, 'new')
      await send(2, 'left out')
      await send(3, ' and more')
      await refused(
        bench.store.completeUpload('bucket', id, [{ number: 1, etag: 'old' }], { etag: '' }),
        'STORAGE_PART_UNKNOWN',
      )
      await refused(
        bench.store.completeUpload('bucket', id, [{ number: 4, etag: 'x' }], { etag: '' }),
        'STORAGE_PART_UNKNOWN',
      )
      const parts = [
        { number: 1, etag: 'new' },
        { number: 3, etag: ' and more' },
      ]
      await bench.store.completeUpload('bucket', id, parts, { etag: '' })
      expect(await bench.textOf('a')).toBe('new and more')
    })

    it('may be of one part, and are conditional', async () => {
      await bench.put('a', 'there')
      const { id } = await bench.store.beginUpload('bucket', 'a')
      const { etag } = await bench.store.putPart('bucket', id, 7, [utf8.encode('one')])
      const complete = (condition: { is: 'absent' } | { is: 'present'; etag: string }): Promise<unknown> =>
        bench.store.completeUpload('bucket', id, [{ number: 7, etag }], { etag: 'e', condition })
      await refused(complete({ is: 'absent' }), 'STORAGE_CONDITION')
      await complete({ is: 'present', etag: 'etag of there' })
      expect(await bench.textOf('a')).toBe('one')
    })

    it('are listed in the order of keys, then of ids, and not any more once they ended', async () => {
      const begun = []
      for (const key of ['b/1', 'a', 'b/1', 'c', 'b/2']) begun.push(await bench.store.beginUpload('bucket', key))
      const order = begun.toSorted((left, right) =>
        left.key === right.key ? (left.id < right.id ? -1 : 1) : left.key < right.key ? -1 : 1,
      )
      expect(await bench.store.uploads('bucket', { limit: 10 })).toEqual(order)
      expect(await bench.store.uploads('bucket', { limit: 10, prefix: 'b/' })).toEqual(order.slice(1, 4))
      const seen = []
      for (let after = undefined as { key: string; id: string } | undefined; ; ) {
        const page = await bench.store.uploads('bucket', { limit: 2, ...(after === undefined ? {} : { after }) })
        seen.push(...page)
        after = page.at(-1)
        if (after === undefined) break
      }
      expect(seen).toEqual(order)
      // A key without an id leaves all of its uploads behind.
      expect(await bench.store.uploads('bucket', { limit: 10, after: { key: 'b/1' } })).toEqual(order.slice(3))
      expect(await bench.store.uploads('bucket', { limit: 1001 })).toEqual(order)
      for (const { id } of begun) await bench.store.abortUpload('bucket', id)
      await bench.store.abortUpload('bucket', begun[0]?.id ?? '')
      await bench.store.abortUpload('bucket', 'no id at all')
      expect(await bench.store.uploads('bucket', { limit: 10 })).toEqual([])
      await refused(bench.store.putPart('bucket', begun[0]?.id ?? '', 1, []), 'STORAGE_UPLOAD_UNKNOWN')
      await refused(bench.store.putPart('bucket', 'no id at all', 1, []), 'STORAGE_UPLOAD_UNKNOWN')
    })

    it('have parts in pages, with numbers from 1 to 10000', async () => {
      const { id } = await bench.store.beginUpload('bucket', 'a')
      for (const number of [3, 1, 10_000, 2]) await bench.store.putPart('bucket', id, number, [Uint8Array.of(number)])
      const page = async (after: number): Promise<number[]> =>
        (await bench.store.parts('bucket', id, { after, limit: 2 })).map(({ number }) => number)
      expect(await page(0)).toEqual([1, 2])
      expect(await page(2)).toEqual([3, 10_000])
      expect(await page(10_000)).toEqual([])
      for (const number of [0, 10_001, 1.5])
        await expect(bench.store.putPart('bucket', id, number, [])).rejects.toThrow(RangeError)
    })

    it('that are completed again give the same object, while that is there', async () => {
      const { id } = await bench.store.beginUpload('bucket', 'a')
      const part = await bench.store.putPart('bucket', id, 1, [utf8.encode('in parts')])
      const condition = { is: 'absent' } as const
      const complete = (key = 'a', etag = 'whole-1', upload = id): Promise<unknown> => {
        const parts = [{ number: 1, etag: part.etag }]
        return bench.store.completeUpload('bucket', upload, parts, { key, etag, condition })
      }
      const first = await complete()
      expect(await complete()).toEqual(first)
      await bench.reopen()
      // Also when the first time was on condition that there was nothing.
      expect(await complete()).toEqual(first)
      expect(await bench.textOf('a')).toBe('in parts')
      for (const other of [complete('a', 'other-1'), complete('b'), complete('a', 'whole-1', id.replace(/./g, '0'))])
        await refused(other, 'STORAGE_UPLOAD_UNKNOWN')
      await bench.store.copy({ bucket: 'bucket', key: 'a' }, { bucket: 'bucket', key: 'b' })
      await refused(complete('b'), 'STORAGE_UPLOAD_UNKNOWN')
      await bench.put('a', 'later')
      await refused(complete(), 'STORAGE_UPLOAD_UNKNOWN')
      expect(await bench.textOf('a')).toBe('later')
    })

    it('make versions like any write', async () => {
      await bench.store.setVersioning('bucket', 'on')
      const first = await bench.put('a', 'first')
      const { id } = await bench.store.beginUpload('bucket', 'a')
      const { etag } = await bench.store.putPart('bucket', id, 1, [utf8.encode('second')])
      const second = await bench.store.completeUpload('bucket', id, [{ number: 1, etag }], { etag: 'e' })
      expect(await bench.textOf('a', first.version)).toBe('first')
      expect(await bench.textOf('a', second.version)).toBe('second')
    })
  })
}
