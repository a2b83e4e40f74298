import { expect, test } from 'vitest'
import { freedAfterUse } from '../src/s3/body/freed-after-use.ts'

const LENGTH = 64 * 1024

test('the memory of a chunk goes back when the next one is asked for, unless others share it', async () => {
  const own = new Uint8Array(LENGTH).fill(1)
  const shared = new Uint8Array(LENGTH).fill(2)
  const last = new Uint8Array(LENGTH).fill(3)
  async function* source(): AsyncGenerator<Uint8Array> {
    yield own
    yield shared.subarray(10)
    yield last
  }
  const seen: number[] = []
  for await (const bytes of freedAfterUse(source())) {
    seen.push(bytes.reduce((sum, byte) => sum + byte, 0))
    expect(own.length).toBe(seen.length === 1 ? LENGTH : 0)
  }
  expect(seen).toEqual([LENGTH, 2 * (LENGTH - 10), 3 * LENGTH])
  expect([own.length, shared.length, last.length]).toEqual([0, LENGTH, 0])
})
