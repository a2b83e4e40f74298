import { hasCode } from '@stead/core'
import { MemoryDisk } from '@stead/testkit'
import { diskCompliance } from '@stead/testkit/compliance'
import { describe, expect, it } from 'vitest'

diskCompliance('in memory', async () => {
  let disk: MemoryDisk | undefined
  return {
    open: async () => {
      disk = disk?.reopen() ?? new MemoryDisk()
      return disk
    },
    clean: async () => undefined,
  }
})

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('a simulated disk', () => {
  it('keeps all that was appended over a kill, and over a loss of power what was forced out', async () => {
    const disk = new MemoryDisk()
    const file = await disk.open('a')
    await file.append(bytes(1, 2))
    await file.sync()
    await file.append(bytes(3, 4, 5, 6))
    disk.crash()
    for (const [kind, share, expected] of [
      ['kill', 0, bytes(1, 2, 3, 4, 5, 6)],
      ['power', 0, bytes(1, 2)],
      ['power', 0.5, bytes(1, 2, 3, 4)],
    ] as const) {
      const found = await disk.reopen(kind, share).open('a')
      expect(await found.read(0, 10)).toEqual(expected)
    }
  })

  it('dies before, within or after a step, and nobody learns of it', async () => {
    for (const [moment, left] of [
      ['before', 0],
      ['within', 2],
      ['after', 4],
    ] as const) {
      const disk = new MemoryDisk()
      const file = await disk.open('a')
      disk.crashAtStep(1, moment)
      const outcome = await Promise.race([
        file.append(bytes(1, 2, 3, 4)).then(() => 'settled'),
        new Promise((resolve) => setTimeout(resolve, 5, 'silent')),
      ])
      expect(outcome).toBe('silent')
      expect((await disk.reopen().list())[0]?.lengthBytes).toBe(left)
    }
  })

  it('is full, fails and rots on demand', async () => {
    const disk = new MemoryDisk({ capacityBytes: 4 })
    const file = await disk.open('a')
    await file.append(bytes(1, 2, 3))
    await expect(file.append(bytes(4, 5))).rejects.toSatisfy((error) => hasCode(error, 'STORE_FULL'))
    expect([file.lengthBytes, (await disk.space()).freeBytes]).toEqual([3, 1])
    disk.failStep(1)
    await expect(file.sync()).rejects.toSatisfy((error) => hasCode(error, 'STORE_FAILED'))
    disk.rot('a', 1)
    expect(await file.read(0, 3)).toEqual(bytes(1, 3, 3))
  })
})
