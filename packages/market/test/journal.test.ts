import type { StoreOperation } from '@stead/core'
import { MemoryStore } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { Journal } from '../src/journal/journal.ts'

const put = (key: string, value: number): StoreOperation => ({
  kind: 'put',
  table: 'rows',
  key,
  value: Uint8Array.of(value),
})
const remove = (key: string): StoreOperation => ({ kind: 'delete', table: 'rows', key })

describe('rows that are kept', () => {
  const firstByteOf = async (store: MemoryStore, key: string): Promise<number | undefined> =>
    (await store.get('rows', key))?.[0]

  it('go with the next write when the disk refused them', async () => {
    const store = new MemoryStore()
    const journal = new Journal(store)
    store.failWrite(1)
    await expect(journal.keep(put('result', 1))).rejects.toThrow('refused')
    await journal.write([put('payment', 2)], 'power')
    expect([await firstByteOf(store, 'result'), await firstByteOf(store, 'payment')]).toEqual([1, 2])
  })

  it('are not lost with a refused write that would have taken their place', async () => {
    const store = new MemoryStore()
    const journal = new Journal(store)
    store.failWrite(1)
    await expect(journal.keep(put('result', 1))).rejects.toThrow('refused')
    store.failWrite(1)
    await expect(journal.write([remove('result'), put('payment', 2)], 'power')).rejects.toThrow('refused')
    await journal.write([put('payment', 3)], 'power')
    expect([await firstByteOf(store, 'result'), await firstByteOf(store, 'payment')]).toEqual([1, 3])
  })

  it('do not come back when a write took their place', async () => {
    const store = new MemoryStore()
    const journal = new Journal(store)
    store.failWrite(1)
    await expect(journal.keep(put('result', 1))).rejects.toThrow('refused')
    await Promise.all([journal.write([remove('result')], 'power'), journal.write([put('payment', 2)], 'power')])
    expect([await firstByteOf(store, 'result'), await firstByteOf(store, 'payment')]).toEqual([undefined, 2])
  })
})
