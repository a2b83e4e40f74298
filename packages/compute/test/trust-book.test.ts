import type { Address, UnixMs } from '@stead/core'
import { MemoryStore, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { TrustBook } from '../src/consumer/trust-book.ts'

const node = '0x00000000000000000000000000000000000000aa' as Address
const options = { adaptiveProbation: 10, distrustMs: 1000 }

function withValid(count: number): TrustBook {
  const book = new TrustBook(options)
  for (let i = 0; i < count; i++) book.confirm(node)
  return book
}

describe('trust', () => {
  it('checks a stranger always and a proven node with falling probability, never below the floor', () => {
    const share = (valid: number, floor: number): number => {
      const book = withValid(valid)
      const random = new SeededRandom(1)
      let checked = 0
      for (let i = 0; i < 4000; i++) if (book.mustReplicate(node, floor, random)) checked++
      return checked / 4000
    }
    expect(share(0, 0)).toBe(1)
    expect(share(9, 0)).toBe(1)
    expect(share(10, 0)).toBeCloseTo(0.1, 1)
    expect(share(1000, 0)).toBeLessThan(0.01)
    expect(share(1000, 0.05)).toBeCloseTo(0.05, 1)
  })

  it('falls to zero with a lie and pauses the node, longer with each lie', () => {
    const book = withValid(50)
    book.distrust(node, { what: 'wrong-result', accusers: [] }, 5000 as UnixMs)
    expect(book.of(node)).toMatchObject({ valid: 0, wrong: 1, distrustedUntil: 6000, lastLie: 'wrong-result' })
    book.distrust(node, { what: 'over-billed', accusers: [] }, 5000 as UnixMs)
    expect(book.of(node)).toMatchObject({ wrong: 2, distrustedUntil: 7000 })
  })

  describe('when a node that spoke against others is caught itself', () => {
    const [first, second, third, fourth] = [1, 2, 3, 4].map((digit) => `0x${String(digit).repeat(40)}` as Address)
    const NOW = 5000 as UnixMs

    function caught(...by: readonly (Address | undefined)[]) {
      return { what: 'wrong-result', accusers: by.flatMap((accuser) => accuser ?? []) }
    }

    function bookWith(...lies: readonly ReturnType<typeof caught>[]): TrustBook {
      const book = withValid(50)
      for (const lie of lies) book.distrust(node, lie, NOW)
      return book
    }

    it('clears whoever one other is left against, as a stranger', () => {
      const book = bookWith(caught(first, second))
      if (first === undefined) throw new Error('four nodes')
      expect(book.distrust(first, caught(third, fourth), NOW)).toEqual([node])
      expect(book.isDistrusted(node, NOW)).toBe(false)
      expect(book.of(node)).toMatchObject({ valid: 0, wrong: 0 })
      expect(book.isDistrusted(first, NOW)).toBe(true)
    })

    it('clears nobody against whom two others speak, who lied for all to see, or who was caught by others as well', () => {
      for (const book of [
        bookWith(caught(first, second, third)),
        bookWith(caught(first, second), caught()),
        bookWith(caught(), caught(first, second)),
        bookWith(caught(first, second), caught(third, fourth)),
      ]) {
        if (first === undefined) throw new Error('four nodes')
        expect(book.distrust(first, caught(third, fourth), NOW)).toEqual([])
        expect(book.isDistrusted(node, NOW)).toBe(true)
      }
    })

    it('clears a node of all that the same two said, also after a restart', async () => {
      const book = bookWith(caught(first, second), caught(second, first))
      const store = new MemoryStore()
      await store.write(book.takeOperations(), 'process')
      const next = new TrustBook(options)
      await next.load(store)
      expect(next.of(node)).toMatchObject({ wrong: 2 })
      if (second === undefined) throw new Error('four nodes')
      expect(next.distrust(second, caught(), NOW)).toEqual([node])
      expect(next.of(node)).toMatchObject({ wrong: 0, distrustedUntil: 0 })
    })
  })

  it('counts time-outs apart from lies', () => {
    const book = withValid(12)
    book.noteTimeOut(node)
    expect(book.of(node)).toMatchObject({ valid: 12, wrong: 0, timedOut: 1, distrustedUntil: 0 })
  })

  it('outlives a kill', async () => {
    const store = new MemoryStore()
    const book = withValid(3)
    await store.write(book.takeOperations(), 'process')
    expect(book.takeOperations()).toEqual([])
    store.crash()
    const next = new TrustBook(options)
    await next.load(store.reopen('kill'))
    expect(next.of(node).valid).toBe(3)
  })
})
