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
    book.distrust(node, 'wrong-result', 5000 as UnixMs)
    expect(book.of(node)).toMatchObject({ valid: 0, wrong: 1, distrustedUntil: 6000, lastLie: 'wrong-result' })
    book.distrust(node, 'over-billed', 5000 as UnixMs)
    expect(book.of(node)).toMatchObject({ wrong: 2, distrustedUntil: 7000 })
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
