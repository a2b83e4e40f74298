import type { PeerId } from '@stead/core'
import { ManualClock, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { TicketBook } from '../../src/bulk/ticket-book.ts'

const peer = (name: string | number): PeerId => `peer-${name}` as PeerId
const LIFE_MS = 1000

function createBook(): { book: TicketBook; clock: ManualClock } {
  const clock = new ManualClock()
  return { book: new TicketBook({ clock, random: new SeededRandom(7) }, LIFE_MS), clock }
}

describe('a ticket', () => {
  it('is good once', () => {
    const { book } = createBook()
    const ticket = book.issue(peer('a'), '/p/1')
    expect(book.take(ticket.id)).toEqual(ticket)
    expect(book.take(ticket.id)).toBeUndefined()
  })

  it('is good until its time is over', async () => {
    const { book, clock } = createBook()
    const [early, late] = [book.issue(peer('a'), '/p/1'), book.issue(peer('a'), '/p/1')]
    await clock.advance(LIFE_MS - 1)
    expect(book.take(early.id)).toEqual(early)
    await clock.advance(1)
    expect(book.take(late.id)).toBeUndefined()
    expect(book.isEmpty).toBe(true)
  })

  it('is void when its peer is gone', () => {
    const { book } = createBook()
    const [mine, other] = [book.issue(peer('a'), '/p/1'), book.issue(peer('b'), '/p/1')]
    book.forget(peer('a'))
    expect([book.take(mine.id), book.take(other.id)]).toEqual([undefined, other])
  })

  it('that nobody made is not good', () => {
    const { book } = createBook()
    const { id } = book.issue(peer('a'), '/p/1')
    expect(book.take(id.map((byte) => byte ^ 1))).toBeUndefined()
    expect(book.isEmpty).toBe(false)
  })
})

describe('tickets', () => {
  it('of one peer are few: asking for more makes the oldest void, and nobody else loses any', () => {
    const { book } = createBook()
    const other = book.issue(peer('b'), '/p/1')
    const tickets = Array.from({ length: 10 }, () => book.issue(peer('a'), '/p/1'))
    expect(tickets.filter(({ id }) => book.take(id) !== undefined)).toEqual(tickets.slice(6))
    expect(book.take(other.id)).toEqual(other)
  })

  it('are bounded, however many identities an attacker makes', () => {
    const { book } = createBook()
    const tickets = Array.from({ length: 1100 }, (_, i) => book.issue(peer(i), '/p/1'))
    expect(tickets.filter(({ id }) => book.take(id) !== undefined)).toHaveLength(1024)
  })
})
