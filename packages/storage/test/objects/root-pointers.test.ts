import { MemoryRootPointers, POINTER_VALUE_BYTES_MAX, type RootPointers } from '@stead/storage'
import { describe, expect, it } from 'vitest'

const SEED = new Uint8Array(32).fill(9)
const make = (): RootPointers => new MemoryRootPointers().open

describe('pointers in memory', () => {
  it('go step by step, and only from what was expected', async () => {
    const pointer = make()(SEED)
    expect(await pointer.read()).toBeUndefined()
    expect(await pointer.swap(1, Uint8Array.of(1))).toBe('moved')
    expect(await pointer.swap(0, Uint8Array.of(1))).toBe('done')
    expect(await pointer.swap(0, Uint8Array.of(2))).toBe('moved')
    expect(await pointer.read()).toEqual({ sequence: 1, value: Uint8Array.of(1) })
    expect(await pointer.swap(1, new Uint8Array(POINTER_VALUE_BYTES_MAX))).toBe('done')
    expect(await pointer.read()).toEqual({ sequence: 2, value: new Uint8Array(POINTER_VALUE_BYTES_MAX) })
  })

  it('are swapped by one of many only', async () => {
    const open = make()
    const swaps = Array.from({ length: 10 }, (_, index) => open(SEED).swap(0, Uint8Array.of(index)))
    const outcomes = await Promise.all(swaps)
    expect(outcomes.filter((outcome) => outcome === 'done').length).toBe(1)
    expect((await open(SEED).read())?.value).toEqual(Uint8Array.of(outcomes.indexOf('done')))
  })

  it('are one for each seed, and copy what they are given and give', async () => {
    const open = make()
    const value = Uint8Array.of(1)
    await open(SEED).swap(0, value)
    value[0] = 2
    const read = await open(SEED).read()
    expect(read?.value).toEqual(Uint8Array.of(1))
    read?.value.fill(3)
    expect((await open(SEED).read())?.value).toEqual(Uint8Array.of(1))
    expect(await open(new Uint8Array(32)).read()).toBeUndefined()
  })
})
