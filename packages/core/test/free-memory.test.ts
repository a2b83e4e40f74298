import { describe, expect, it } from 'vitest'
import { freeMemory } from '../src/index.ts'

const LARGE_BYTES = 1_048_576

describe('freeMemory', () => {
  it('leaves nothing of large bytes that are all of their buffer', () => {
    const bytes = new Uint8Array(LARGE_BYTES)
    const view = bytes.subarray(5)
    freeMemory(bytes)
    expect([bytes.length, view.length, bytes.buffer.byteLength]).toEqual([0, 0, 0])
    // Again is no harm.
    freeMemory(bytes)
  })

  it('leaves alone what others may share, and what is small', () => {
    const buffer = new ArrayBuffer(LARGE_BYTES)
    const part = new Uint8Array(buffer, 0, LARGE_BYTES - 1)
    freeMemory(part)
    const shared = new Uint8Array(new SharedArrayBuffer(LARGE_BYTES))
    freeMemory(shared)
    const small = new Uint8Array(100)
    freeMemory(small)
    expect([part.length, shared.length, small.length]).toEqual([LARGE_BYTES - 1, LARGE_BYTES, 100])
  })
})
