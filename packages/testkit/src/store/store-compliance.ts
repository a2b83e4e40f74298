import { checkStoreKey, hasCode, type Store, type StoreOperation } from '@stead/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compareKeys } from './key-order.ts'

/** Opens stores for the suite: always the same data, so that closing and opening again shows what was kept. */
export interface StoreFixture {
  /** Opens the store; the suite closes it before it opens it again. */
  open(): Promise<Store>
  /** Removes what was made. */
  clean(): Promise<void>
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (table: string, key: string, value: Uint8Array): StoreOperation => ({ kind: 'put', table, key, value })
const remove = (table: string, key: string): StoreOperation => ({ kind: 'delete', table, key })

/** What every Store must do; run on each adapter and on the simulated one. */
export function storeCompliance(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`Store: ${name}`, () => {
    let fixture: StoreFixture
    let store: Store
    beforeEach(async () => {
      fixture = await makeFixture()
      store = await fixture.open()
    })
    afterEach(async () => {
      await store.close()
      await fixture.clean()
    })
    const keysOf = async (table: string, range?: Parameters<Store['scan']>[1]): Promise<string[]> =>
      (await store.scan(table, range)).map((row) => row.key)
    const reopen = async (): Promise<void> => {
      await store.close()
      store = await fixture.open()
    }

    describe('rows', () => {
      it('gives back what was put, and nothing where nothing was put', async () => {
        expect(await store.get('vouchers', 'a')).toBeUndefined()
        await store.write([put('vouchers', 'a', bytes(1, 2, 3))], 'process')
        expect(await store.get('vouchers', 'a')).toEqual(bytes(1, 2, 3))
        expect(await store.get('vouchers', 'b')).toBeUndefined()
        expect(await store.get('receipts', 'a')).toBeUndefined()
      })

      it('replaces and deletes', async () => {
        await store.write([put('t', 'a', bytes(1)), put('t', 'b', bytes(2))], 'process')
        await store.write([put('t', 'a', bytes(9)), remove('t', 'b'), remove('t', 'never'), remove('u', 'x')], 'power')
        expect(await store.get('t', 'a')).toEqual(bytes(9))
        expect(await store.get('t', 'b')).toBeUndefined()
        expect(await store.scan('u')).toEqual([])
      })

      it('applies the operations of a batch in their order', async () => {
        await store.write([put('t', 'a', bytes(1)), remove('t', 'a'), put('t', 'a', bytes(2))], 'process')
        expect(await store.get('t', 'a')).toEqual(bytes(2))
        await store.write([put('t', 'b', bytes(1)), remove('t', 'b')], 'process')
        expect(await store.get('t', 'b')).toBeUndefined()
      })

      it('applies concurrent batches in the order of the calls, whatever their durability', async () => {
        const writes = Array.from({ length: 200 }, (_, index) =>
          store.write([put('t', 'last', bytes(index))], index % 3 === 0 ? 'power' : 'process'),
        )
        await Promise.all(writes)
        expect(await store.get('t', 'last')).toEqual(bytes(199))
      })

      it('keeps empty values and large ones', async () => {
        const large = new Uint8Array(3_000_000).map((_, index) => index * 7)
        await store.write([put('t', 'empty', bytes()), put('t', 'large', large)], 'process')
        expect(await store.get('t', 'empty')).toEqual(bytes())
        expect(Buffer.compare((await store.get('t', 'large')) ?? bytes(), large)).toBe(0)
      })

      it('copies values in and out', async () => {
        const value = bytes(1, 2, 3)
        const written = store.write([put('t', 'a', value)], 'process')
        value[0] = 99
        await written
        const read = await store.get('t', 'a')
        expect(read).toEqual(bytes(1, 2, 3))
        read?.fill(0)
        const [row] = await store.scan('t')
        expect(row?.value).toEqual(bytes(1, 2, 3))
      })

      it('takes an empty batch', async () => {
        await store.write([], 'process')
        await store.write([], 'power')
      })

      it('keeps odd keys apart', async () => {
        const keys = [
          'a',
          'a\u0000',
          'a\u0000b',
          'A',
          'ä',
          'a\u0308',
          ' ',
          '%',
          '_',
          "'",
          '"',
          '\u{10FFFF}',
          'é'.repeat(256),
        ]
        await store.write(
          keys.map((key, index) => put('t', key, bytes(index))),
          'process',
        )
        for (const [index, key] of keys.entries()) expect(await store.get('t', key)).toEqual(bytes(index))
        expect(await keysOf('t')).toEqual(keys.toSorted(compareKeys))
      })
    })

    describe('scans', () => {
      const keys = [
        'a/1',
        'a/10',
        'a/2',
        'a0',
        'b/1',
        'b/2',
        'z',
        '\uD7FF',
        '\uE000',
        '\uFFFD',
        '\u{1F600}',
        '\u{10FFFF}x',
      ]
      beforeEach(async () => {
        await store.write(
          keys.toReversed().map((key) => put('t', key, bytes(key.length))),
          'process',
        )
      })

      it('visits keys in the order of their UTF-8 bytes', async () => {
        expect(await keysOf('t')).toEqual(keys)
        expect(await keysOf('t', { reverse: true })).toEqual(keys.toReversed())
      })

      it('keeps to a prefix', async () => {
        expect(await keysOf('t', { prefix: 'a/' })).toEqual(['a/1', 'a/10', 'a/2'])
        expect(await keysOf('t', { prefix: 'a/1' })).toEqual(['a/1', 'a/10'])
        expect(await keysOf('t', { prefix: 'z' })).toEqual(['z'])
        expect(await keysOf('t', { prefix: 'nothing' })).toEqual([])
        expect(await keysOf('t', { prefix: '\uD7FF' })).toEqual(['\uD7FF'])
        expect(await keysOf('t', { prefix: '\u{10FFFF}' })).toEqual(['\u{10FFFF}x'])
        expect(await keysOf('t', { prefix: 'b/', reverse: true })).toEqual(['b/2', 'b/1'])
      })

      it('pages in both directions', async () => {
        expect(await keysOf('t', { after: 'a/10', limit: 2 })).toEqual(['a/2', 'a0'])
        expect(await keysOf('t', { after: 'a/100' })).toEqual(keys.slice(2))
        expect(await keysOf('t', { before: 'b/1', limit: 2, reverse: true })).toEqual(['a0', 'a/2'])
        expect(await keysOf('t', { prefix: 'a/', after: 'a/1' })).toEqual(['a/10', 'a/2'])
        expect(await keysOf('t', { prefix: 'b/', after: 'a' })).toEqual(['b/1', 'b/2'])
        expect(await keysOf('t', { prefix: 'a/', after: 'b' })).toEqual([])
        expect(await keysOf('t', { prefix: 'a/', before: 'a/2' })).toEqual(['a/1', 'a/10'])
        expect(await keysOf('t', { after: 'a/1', before: 'a0', reverse: true })).toEqual(['a/2', 'a/10'])
        expect(await keysOf('t', { after: '\u{1F600}' })).toEqual(['\u{10FFFF}x'])
        expect(await keysOf('t', { limit: 0 })).toEqual([])
      })

      it('gives the rows as they were when the scan began', async () => {
        const scanned = store.scan('t')
        await store.write(
          keys.map((key) => remove('t', key)),
          'process',
        )
        expect((await scanned).map((row) => row.key)).toEqual(keys)
        expect(await store.scan('t')).toEqual([])
      })
    })

    describe('limits', () => {
      const wrong: readonly (readonly [string, StoreOperation])[] = [
        ['an empty key', put('t', '', bytes())],
        ['a key of 513 bytes', put('t', 'k'.repeat(513), bytes())],
        ['a key of 257 two-byte characters', put('t', 'é'.repeat(257), bytes())],
        ['a key with a lone surrogate', put('t', 'a\uD800', bytes())],
        ['an empty table name', put('', 'k', bytes())],
        ['a table name with other characters', remove('a"b', 'k')],
        ['a table name in capitals', put('Table', 'k', bytes())],
        ['a table name of 65 characters', put('t'.repeat(65), 'k', bytes())],
      ]
      it.each(wrong)('refuses %s, and the batch that it is in', async (_, operation) => {
        await expect(store.write([put('t', 'fine', bytes(1)), operation], 'process')).rejects.toThrow(RangeError)
        expect(await store.get('t', 'fine')).toBeUndefined()
      })

      it('takes the longest key and table name', async () => {
        const key = 'k'.repeat(512)
        const table = 't'.repeat(64)
        checkStoreKey(key)
        await store.write([put(table, key, bytes(1))], 'process')
        expect(await store.get(table, key)).toEqual(bytes(1))
      })
    })

    describe('life', () => {
      it('keeps rows and tables when it is closed and opened again', async () => {
        await store.write([put('t', 'a', bytes(1)), put('u', 'b', bytes(2))], 'process')
        await store.write([remove('t', 'a'), put('t', 'c', bytes(3))], 'power')
        await reopen()
        expect(await keysOf('t')).toEqual(['c'])
        expect(await store.get('u', 'b')).toEqual(bytes(2))
      })

      it('finishes pending writes before it closes', async () => {
        const writes = Array.from({ length: 50 }, (_, index) =>
          store.write([put('t', `k${index}`, bytes(index))], index % 2 === 0 ? 'power' : 'process'),
        )
        const closed = store.close()
        await Promise.all(writes)
        await closed
        store = await fixture.open()
        expect(await store.scan('t')).toHaveLength(50)
      })

      it('says CORE_STOPPED once it is closed, and may be closed twice', async () => {
        await store.close()
        await store.close()
        const calls = [store.get('t', 'a'), store.scan('t'), store.write([put('t', 'a', bytes())], 'process')]
        for (const outcome of await Promise.allSettled(calls))
          expect(outcome.status === 'rejected' && hasCode(outcome.reason, 'CORE_STOPPED')).toBe(true)
      })
    })
  })
}
