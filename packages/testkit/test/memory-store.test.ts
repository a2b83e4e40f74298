import { hasCode, type StoreOperation } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { storeCompliance } from '../src/compliance.ts'
import { MemoryStore } from '../src/index.ts'

storeCompliance('MemoryStore', async () => {
  let store = new MemoryStore()
  let isFirst = true
  return {
    open: async () => {
      if (!isFirst) store = store.reopen()
      isFirst = false
      return store
    },
    clean: async () => undefined,
  }
})

const put = (key: string): StoreOperation => ({ kind: 'put', table: 't', key, value: Uint8Array.of(1) })
const keysOf = async (store: MemoryStore): Promise<string[]> => (await store.scan('t')).map((row) => row.key)
const isPending = async (promise: Promise<unknown>): Promise<boolean> => {
  const marker = Symbol('pending')
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  return (await Promise.race([promise, Promise.resolve(marker)])) === marker
}

describe('MemoryStore faults', () => {
  it('refuses the write it was told to refuse, and only that one', async () => {
    const store = new MemoryStore()
    store.failWrite(2, 'STORE_FULL')
    await store.write([put('a')], 'power')
    await expect(store.write([put('b')], 'power')).rejects.toSatisfy((error) => hasCode(error, 'STORE_FULL'))
    await store.write([put('c')], 'power')
    expect(await keysOf(store)).toEqual(['a', 'c'])
  })

  it('dies before a write: the next process does not find it', async () => {
    const store = new MemoryStore()
    store.crashAtWrite(2, 'before')
    await store.write([put('a')], 'power')
    const second = store.write([put('b')], 'power')
    await store.crashed
    expect(await isPending(second)).toBe(true)
    expect(await isPending(store.get('t', 'a'))).toBe(true)
    expect(await keysOf(store.reopen())).toEqual(['a'])
  })

  it('dies after a write: the next process finds it though nobody was told', async () => {
    const store = new MemoryStore()
    store.crashAtWrite(1, 'after')
    const first = store.write([put('a')], 'process')
    await store.crashed
    expect(await isPending(first)).toBe(true)
    expect(await keysOf(store.reopen())).toEqual(['a'])
  })

  it('loses in a loss of power what nothing forced out, but never a hole in the middle', async () => {
    const store = new MemoryStore()
    await store.write([put('a')], 'process')
    await store.write([put('b')], 'power')
    await store.write([put('c')], 'process')
    await store.write([put('d')], 'process')
    store.crash()
    expect(await keysOf(store.reopen('kill'))).toEqual(['a', 'b', 'c', 'd'])
    expect(await keysOf(store.reopen('power'))).toEqual(['a', 'b'])
    expect(await keysOf(store.reopen('power', 1))).toEqual(['a', 'b', 'c'])
  })

  it('is full when told, applies nothing then, and goes on once there is room', async () => {
    const store = new MemoryStore({ capacityBytes: 4 })
    await store.write([put('a'), put('b')], 'process')
    await expect(store.write([put('a'), put('c')], 'process')).rejects.toSatisfy((e) => hasCode(e, 'STORE_FULL'))
    expect(await keysOf(store)).toEqual(['a', 'b'])
    await store.write([{ kind: 'delete', table: 't', key: 'a' }], 'process')
    await store.write([put('c')], 'process')
    expect(await keysOf(store)).toEqual(['b', 'c'])
  })
})

describe('MemoryStore on a disk that goes wrong', () => {
  const isCorrupt = (error: unknown): boolean => hasCode(error, 'STORE_CORRUPT')

  it('may lose in a loss of power what was to be forced out and is not acknowledged, and all after it', async () => {
    const store = new MemoryStore()
    await store.write([put('a')], 'power')
    const gate = Promise.withResolvers<void>()
    const waiting = store.write([put('b')], 'power', () => gate.promise)
    await store.write([put('c')], 'process')
    expect(await keysOf(store)).toEqual(['a', 'b', 'c'])
    store.crash()
    expect(await isPending(waiting)).toBe(true)
    expect(await keysOf(store.reopen('power'))).toEqual(['a'])
    expect(await keysOf(store.reopen('power', 1))).toEqual(['a', 'b'])
    expect(await keysOf(store.reopen('kill'))).toEqual(['a', 'b', 'c'])
  })

  it('forces out with a batch all that came before it', async () => {
    const store = new MemoryStore()
    const gate = Promise.withResolvers<void>()
    void store.write([put('a')], 'power', () => gate.promise)
    await store.write([put('b')], 'power')
    store.crash()
    expect(await keysOf(store.reopen('power'))).toEqual(['a', 'b'])
  })

  it('refuses a rotten row alone and in scans, in the next process too, and serves the others', async () => {
    const store = new MemoryStore()
    await store.write([put('a'), put('b'), put('c')], 'power')
    expect(store.rot(() => 0.5)).toEqual({ table: 't', key: 'b' })
    expect(new MemoryStore().rot(() => 0.5)).toBeUndefined()
    store.crash()
    const next = store.reopen('power')
    await expect(next.get('t', 'b')).rejects.toSatisfy(isCorrupt)
    await expect(next.scan('t')).rejects.toSatisfy(isCorrupt)
    expect((await next.scan('t', { limit: 1 })).map(({ key }) => key)).toEqual(['a'])
    expect(await next.get('t', 'c')).toEqual(Uint8Array.of(1))
    await next.write([put('b')], 'power')
    expect(await keysOf(next)).toEqual(['a', 'b', 'c'])
    next.rot(() => 0)
    next.repair()
    expect(await keysOf(next)).toEqual(['a', 'b', 'c'])
  })

  it('is full at what it holds: rows may shrink and go, and grow into the room of those', async () => {
    const store = new MemoryStore()
    const long = { ...put('a'), value: new Uint8Array(5) } as StoreOperation
    await store.write([long], 'process')
    store.setFull(true)
    await expect(store.write([put('b')], 'process')).rejects.toSatisfy((e) => hasCode(e, 'STORE_FULL'))
    await store.write([put('a'), put('b')], 'process')
    await expect(store.write([put('c'), put('d')], 'process')).rejects.toSatisfy((e) => hasCode(e, 'STORE_FULL'))
    store.setFull(false)
    await store.write([put('c'), put('d')], 'process')
    expect(await keysOf(store)).toEqual(['a', 'b', 'c', 'd'])
  })
})
