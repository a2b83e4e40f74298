import { silentLogger } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { SealedTree } from '../../src/objects/sealed-tree.ts'
import { objectStoreOptionsSchema } from '../../src/options.ts'
import { NodeMemory } from '../../src/tree/node-memory.ts'
import { Workplace } from './workplace.ts'

function treeOf(place: Workplace): SealedTree {
  const { segments, secret, random, clock } = place
  const pointer = place.pointers.open(secret.key('pointer'))
  const memory = new NodeMemory(1 << 24)
  const components = { segments, pointer, secret, random, clock, memory, logger: silentLogger }
  return new SealedTree(components, objectStoreOptionsSchema.parse({ gatherMs: 0 }))
}

describe('writes to a tree', () => {
  it('are committed however soon after the one before they come', async () => {
    const tree = treeOf(new Workplace())
    const write = (row: number): Promise<void> => tree.write(async (rows) => rows.put(`row ${row}`, Uint8Array.of(row)))
    for (let turns = 0; turns < 40; turns++) {
      await write(turns)
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      // In any of these turns the queue may be between having looked for more and having ended.
      await write(turns)
    }
    await tree.read(async (rows) => expect(await rows.get('row 39')).toEqual(Uint8Array.of(39)))
  })

  it('lie in at most twice the pages that live, and some more, however many there were', async () => {
    const place = new Workplace()
    const tree = treeOf(place)
    const value = new Uint8Array(4000)
    await tree.write(async (rows) => {
      for (let row = 0; row < 1000; row++) rows.put(`cold ${row}`, value)
    })
    for (let batch = 0; batch < 300; batch++)
      await tree.write(async (rows) => {
        for (let row = 0; row < 10; row++) rows.put(`hot ${(batch * 7 + row) % 40}`, value.with(0, batch % 256))
      })
    await tree.stop()
    // 4.2 MB of rows in pages that are half full at least; 4 MiB of slack, and what the last commits are about to forget.
    expect(place.segments.sealedBytes).toBeLessThan(2 * 8_400_000 + 4 * 2 ** 20 + 2_000_000)
    expect((await place.segments.list(undefined, 1000)).length).toBeLessThan(250)
    await tree.read(async (rows) => {
      let count = 0
      for await (const { key } of rows.scan('')) count += /^(hot|cold)/.test(key) ? 1 : 0
      expect(count).toBe(1040)
    })
  })

  it('leave nothing behind when nothing is left', async () => {
    const place = new Workplace()
    const tree = treeOf(place)
    await tree.write(async (rows) => {
      for (let row = 0; row < 500; row++) rows.put(`row ${row}`, new Uint8Array(4000))
    })
    await tree.write(async (rows) => {
      for (let row = 0; row < 500; row++) rows.delete(`row ${row}`)
    })
    for (let round = 0; round < 3; round++) await tree.write(async (rows) => rows.put('row', Uint8Array.of(round)))
    await tree.stop()
    expect(place.segments.sealedBytes).toBeLessThan(10_000)
  })
})
