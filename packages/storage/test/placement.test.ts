import { type Address, address } from '@stead/core'
import { ManualClock, MemoryStore } from '@stead/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseNodes, type NodeFacts, steadyPieces } from '../src/placement/choose-nodes.ts'
import { STEADY_SHARE, UptimeBook } from '../src/placement/uptime-book.ts'

const HOUR_MS = 3_600_000
const LOOK_MS = 300_000
const NODE = addressOf(1)

function addressOf(number: number): Address {
  return address(`0x${number.toString(16).padStart(40, '0')}`)
}

function nodeOf(number: number, operator = number): NodeFacts {
  return { node: addressOf(number), operator: addressOf(10_000 + operator), subnets: [] }
}

describe('the nodes of a segment', () => {
  const many = Array.from({ length: 40 }, (_, number) => nodeOf(number + 1))
  const choose = (steady: number, count: number, taken: readonly NodeFacts[] = []) => {
    // Steady ones come last: nothing but their uptime speaks for them.
    const isSteady = (node: Address): boolean => Number.parseInt(node.slice(2), 16) > 40 - steady
    const chosen = chooseNodes(many, count, { hasDistinctSubnets: true, taken, isSteady })
    return { chosen, steady: [...chosen, ...taken].filter(({ node }) => isSteady(node)).length }
  }

  it('are steady to the half, rounded up, however many others come first', () => {
    expect(choose(40, 12).steady).toBe(12)
    expect(choose(6, 12).steady).toBe(6)
    expect(choose(10, 12).steady).toBe(6)
    expect(choose(10, 3).steady).toBe(2)
  })

  it('are as many as there can be when few are steady', () => {
    expect(choose(2, 12)).toMatchObject({ chosen: { length: 12 }, steady: 2 })
    expect(choose(0, 12)).toMatchObject({ chosen: { length: 12 }, steady: 0 })
  })

  it('make up in a repair for what the pieces that stay lack', () => {
    const taken = many.slice(0, 8)
    expect(choose(10, 4, taken)).toMatchObject({ chosen: { length: 4 }, steady: 4 })
  })

  it('share no operator, for whatever uptime', () => {
    const arbitrary = fc.array(fc.record({ operator: fc.nat(5), isSteady: fc.boolean() }), { maxLength: 30 })
    fc.assert(
      fc.property(arbitrary, fc.integer({ min: 1, max: 12 }), (nodes, count) => {
        const candidates = nodes.map(({ operator }, number) => nodeOf(number + 1, operator))
        const steady = new Set(candidates.filter((_, place) => nodes[place]?.isSteady).map(({ node }) => node))
        const isSteady = (node: Address): boolean => steady.has(node)
        const chosen = chooseNodes(candidates, count, { hasDistinctSubnets: true, isSteady })
        const operators = new Set(chosen.map(({ operator }) => operator))
        expect(operators.size).toBe(chosen.length)
        expect(chosen.length).toBe(Math.min(count, new Set(candidates.map(({ operator }) => operator)).size))
        const possible = new Set(candidates.filter(({ node }) => steady.has(node)).map(({ operator }) => operator)).size
        expect(chosen.filter(({ node }) => steady.has(node)).length).toBeGreaterThanOrEqual(
          Math.min(steadyPieces(count), possible),
        )
      }),
    )
  })
})

describe('measured uptime', () => {
  const store = new MemoryStore()
  const open = () => {
    const clock = new ManualClock()
    return { clock, book: new UptimeBook({ store: new MemoryStore(), clock }, 2 * LOOK_MS) }
  }
  const look = async ({ clock, book }: ReturnType<typeof open>, hours: number, isThere: (look: number) => boolean) => {
    for (let each = 0; each * LOOK_MS < hours * HOUR_MS; each++) {
      await book.note([[NODE, isThere(each)]])
      await clock.advance(LOOK_MS)
    }
  }

  it('is not known of a node that came a moment ago, however good its first day begins', async () => {
    const seen = open()
    expect(seen.book.shareOf(NODE)).toBeUndefined()
    await look(seen, 23, () => true)
    expect(seen.book.shareOf(NODE)).toBeUndefined()
    await look(seen, 2, () => true)
    expect(seen.book.shareOf(NODE)).toBe(1)
  })

  it('is no better than what was seen: absent at one look of ten is two times of ten', async () => {
    const seen = open()
    await look(seen, 48, (each) => each % 10 !== 0)
    expect(seen.book.shareOf(NODE)).toBeCloseTo(0.8, 1)
    expect(seen.book.shareOf(NODE)).toBeLessThan(STEADY_SHARE)
  })

  it('grows by no more than two looks while nobody looked', async () => {
    const seen = open()
    await look(seen, 2, () => false)
    await look(seen, 24, () => true)
    const before = seen.book.shareOf(NODE) ?? 0
    await seen.clock.advance(30 * 24 * HOUR_MS)
    await seen.book.note([[NODE, true]])
    expect(seen.book.shareOf(NODE) ?? 0).toBeLessThan(before + 0.01)
    expect(seen.book.shareOf(NODE)).toBeLessThan(STEADY_SHARE)
  })

  it('is kept over restarts, and the time between counts for nothing', async () => {
    const clock = new ManualClock()
    const first = new UptimeBook({ store, clock }, 2 * LOOK_MS)
    await look({ clock, book: first }, 30, (each) => each < 324)
    const again = new UptimeBook({ store, clock: new ManualClock() }, 2 * LOOK_MS)
    await again.load()
    expect(again.shareOf(NODE)).toBe(first.shareOf(NODE))
    await again.note([[NODE, true]])
    expect(again.shareOf(NODE)).toBe(first.shareOf(NODE))
  })

  it('falls within a day for a node that is gone, and takes weeks to be good again', async () => {
    const seen = open()
    await look(seen, 24 * 7, () => true)
    await look(seen, 24, () => false)
    expect(seen.book.shareOf(NODE)).toBeLessThan(STEADY_SHARE)
    await look(seen, 24 * 7, () => true)
    expect(seen.book.shareOf(NODE)).toBeLessThan(STEADY_SHARE)
    await look(seen, 24 * 14, () => true)
    expect(seen.book.shareOf(NODE)).toBeGreaterThan(STEADY_SHARE)
  })
})
