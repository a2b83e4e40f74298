import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PAGE_BYTES_MAX } from '../../src/tree/page-codec.ts'
import { bytesOfKey, endOfPrefix, keyOfBytes, keyOfText, keyOfUint, uintOfKey } from '../../src/tree/tree-key.ts'
import type { PageRef } from '../../src/tree/tree-node.ts'
import type { TreeChange } from '../../src/tree/tree-writer.ts'
import { MemoryTree } from './memory-pages.ts'

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

function bytesFrom(seed: number, lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes).map((_, index) => seed * 31 + index)
}

/** All rows of a tree from a key on. */
async function rowsOf(tree: MemoryTree, from = '', before?: string): Promise<[string, Uint8Array][]> {
  const rows: [string, Uint8Array][] = []
  for await (const { key, value } of tree.reader.scan(from, before)) rows.push([key, Uint8Array.from(value)])
  return rows
}

/** Every page of a tree, checked: not too long, its oldest segment right, children in order. */
async function checkPages(tree: MemoryTree): Promise<{ bytes: number; pages: number; depth: number }> {
  const visit = async (page: PageRef): Promise<{ bytes: number; pages: number; depth: number; oldest: number }> => {
    expect(page.lengthBytes).toBeLessThanOrEqual(PAGE_BYTES_MAX)
    const node = await tree.cache.load(page)
    if (node.kind === 'leaf') {
      const keys = node.entries.map(({ key }) => key)
      expect(keys).toEqual(keys.toSorted(compare))
      expect(page.oldest).toBe(page.segment.number)
      return { bytes: page.lengthBytes, pages: 1, depth: 1, oldest: page.oldest }
    }
    const firstKeys = node.children.map(({ firstKey }) => firstKey)
    expect(firstKeys).toEqual(firstKeys.toSorted(compare))
    let [bytes, pages, oldest] = [page.lengthBytes, 1, page.segment.number]
    const depths = new Set<number>()
    for (const { page: below } of node.children) {
      const found = await visit(below)
      bytes += found.bytes
      pages += found.pages
      oldest = Math.min(oldest, found.oldest)
      depths.add(found.depth)
    }
    expect(depths.size).toBe(1)
    expect(page.oldest).toBe(oldest)
    return { bytes, pages, depth: Math.max(...depths) + 1, oldest }
  }
  if (tree.root === undefined) return { bytes: 0, pages: 0, depth: 0 }
  return await visit(tree.root)
}

const key = fc.oneof(
  fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '\u0000', '\u00ff') }),
  fc.string({ maxLength: 300, unit: fc.constantFrom('a', 'b') }),
)
const change = fc.record({
  key,
  value: fc.option(fc.tuple(fc.nat(255), fc.oneof(fc.nat(100), fc.nat(12_000))), { nil: undefined }),
})

describe('a tree of pages', () => {
  it('holds what a map holds, after any batches, opened anew each time, with references of any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 60 }), { maxLength: 8 }),
        fc.constantFrom(1, 200, 4096),
        fc.array(key, { maxLength: 5 }),
        async (batches, referenceBytes, probes) => {
          const tree = new MemoryTree({ referenceBytes })
          const model = new Map<string, Uint8Array>()
          for (const [index, batch] of batches.entries()) {
            const changes = new Map<string, TreeChange>()
            for (const { key: name, value } of batch)
              changes.set(name, { key: name, value: value === undefined ? undefined : bytesFrom(...value) })
            for (const { key: name, value } of changes.values())
              if (value === undefined) model.delete(name)
              else model.set(name, value)
            const sorted = [...changes.values()].toSorted((left, right) => compare(left.key, right.key))
            const rewriteBelow = index % 3 === 2 ? Math.max(0, ...tree.pages.segments.keys()) : 0
            await tree.apply(sorted, rewriteBelow)
            expect(tree.root?.oldest ?? rewriteBelow).toBeGreaterThanOrEqual(rewriteBelow)
          }
          const expected = [...model].toSorted(([left], [right]) => compare(left, right))
          expect(await rowsOf(tree)).toEqual(expected)
          expect((await checkPages(tree)).bytes).toBe(tree.liveBytes)
          for (const probe of [...probes, ...model.keys()].slice(0, 20)) {
            expect(await tree.reader.get(probe)).toEqual(model.get(probe))
            const end = endOfPrefix(probe)
            const under = expected.filter(([name]) => name >= probe && (end === undefined || name < end))
            expect(await rowsOf(tree, probe, end)).toEqual(under)
            expect((await tree.reader.first(probe))?.key).toBe(expected.find(([name]) => name >= probe)?.[0])
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('leaves the tree before it as it was', async () => {
    const tree = new MemoryTree()
    const rows = Array.from({ length: 500 }, (_, index) => ({ key: keyOfUint(index, 3), value: bytesFrom(index, 400) }))
    await tree.apply(rows)
    const before = tree.root
    await tree.apply(rows.map(({ key: name }) => ({ key: name, value: undefined })))
    expect(tree.root).toBeUndefined()
    expect(tree.liveBytes).toBe(0)
    tree.root = before
    expect((await rowsOf(tree)).length).toBe(500)
  })

  it('becomes low again when rows go, and writes only the way to a change', async () => {
    const tree = new MemoryTree({ cacheBytes: 1 << 24 })
    const rows = Array.from({ length: 20_000 }, (_, index) => ({
      key: keyOfUint(index, 3),
      value: bytesFrom(index, 400),
    }))
    await tree.apply(rows)
    expect((await checkPages(tree)).depth).toBe(2)
    const one = await tree.apply([{ key: keyOfUint(7777, 3), value: bytesFrom(1, 10) }])
    expect(one.pages.length).toBe(2)
    await tree.apply([{ key: keyOfUint(1_000_000, 3), value: undefined }])
    await tree.apply(rows.slice(100).map(({ key: name }) => ({ key: name, value: undefined })))
    expect(await checkPages(tree)).toMatchObject({ depth: 1, pages: 1 })
    expect((await rowsOf(tree)).length).toBe(100)
  })

  it('refuses keys and values that fit into no page', async () => {
    const tree = new MemoryTree()
    await expect(tree.apply([{ key: 'a'.repeat(3073), value: bytesFrom(1, 1) }])).rejects.toThrow(RangeError)
    await expect(tree.apply([{ key: 'a', value: bytesFrom(1, 12_289) }])).rejects.toThrow(RangeError)
  })

  it('takes no more memory for 200,000 rows than for few, and reads few pages for one', async () => {
    const cacheBytes = 1 << 20
    const tree = new MemoryTree({ cacheBytes })
    const rows = 200_000
    const place = (index: number): number => (index * 7919) % rows
    for (let from = 0; from < rows; from += 8000) {
      const batch = Array.from({ length: 8000 }, (_, index) => ({
        key: keyOfUint(place(from + index), 4),
        value: bytesFrom(from + index, 40),
      }))
      await tree.apply(batch.toSorted((left, right) => compare(left.key, right.key)))
      expect(tree.memory.usedBytes).toBeLessThanOrEqual(cacheBytes)
      for (const number of tree.pages.segments.keys())
        if (number < (tree.root?.oldest ?? 0)) tree.pages.segments.delete(number)
    }
    let count = 0
    for await (const row of tree.reader.scan('')) {
      expect(uintOfKey(row.key)).toBe(count)
      count++
      if (count % 50_000 === 0) expect(tree.memory.usedBytes).toBeLessThanOrEqual(cacheBytes)
    }
    expect(count).toBe(rows)
    tree.pages.reads = 0
    expect(await tree.reader.get(keyOfUint(123_456, 4))).toBeDefined()
    expect(tree.pages.reads).toBeLessThanOrEqual(3)
  })
})

describe('keys of a tree', () => {
  it('are in the order of their bytes, also as UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
        expect(bytesOfKey(keyOfBytes(left))).toEqual(left)
        expect(Math.sign(compare(keyOfBytes(left), keyOfBytes(right)))).toBe(Math.sign(Buffer.compare(left, right)))
      }),
    )
    expect(keyOfText('\u{1f600}') > keyOfText('\uffee')).toBe(true)
  })

  it('end where their prefix ends', () => {
    expect(endOfPrefix('ab')).toBe('ac')
    expect(endOfPrefix('a\u00ff\u00ff')).toBe('b')
    expect(endOfPrefix('\u00ff')).toBeUndefined()
    expect(endOfPrefix('')).toBeUndefined()
  })
})
