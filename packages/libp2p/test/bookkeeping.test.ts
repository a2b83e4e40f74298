import type { PeerId } from '@stead/core'
import { ManualClock, SeededRandom } from '@stead/testkit'
import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { BoundedDatastore } from '../src/bounded-datastore.ts'
import { PeerBook } from '../src/peer-book.ts'
import { Refusals } from '../src/refusals.ts'
import { TokenBucket } from '../src/token-bucket.ts'

const peer = (name: string | number): PeerId => `peer-${name}` as PeerId

describe('Refusals', () => {
  it('end with their time, and a longer one is not cut short by a shorter', async () => {
    const clock = new ManualClock()
    const refusals = new Refusals(clock)
    refusals.add(peer('a'), 1000)
    refusals.add(peer('a'), 100)
    await clock.advance(999)
    expect([refusals.has(peer('a')), refusals.has(peer('b'))]).toEqual([true, false])
    await clock.advance(1)
    expect(refusals.has(peer('a'))).toBe(false)
  })

  it('are bounded, however many identities an attacker makes', () => {
    const refusals = new Refusals(new ManualClock())
    for (let i = 0; i < 10_001; i++) refusals.add(peer(i), 1000)
    expect([refusals.has(peer(0)), refusals.has(peer(1)), refusals.has(peer(10_000))]).toEqual([false, true, true])
  })
})

describe('TokenBucket', () => {
  it('allows a burst, then the rate, and no more after a long rest than the burst', async () => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(clock, 10, 5)
    const takeAll = (): number => {
      let taken = 0
      while (bucket.take()) taken += 1
      return taken
    }
    expect(takeAll()).toBe(5)
    await clock.advance(300)
    expect(takeAll()).toBe(3)
    await clock.advance(3_600_000)
    expect(takeAll()).toBe(5)
  })
})

describe('PeerBook', () => {
  it('smooths the round trip', () => {
    const book = new PeerBook(new ManualClock(), new SeededRandom(1))
    book.setConnected(peer('a'), true)
    book.addRtt(peer('a'), 100)
    book.addRtt(peer('a'), 180)
    expect(book.list()[0]?.rttMs).toBe(110)
    book.addRtt(peer('unknown'), 5)
    expect(book.list()).toHaveLength(1)
  })

  it('picks peers that may be dialled, tries failed ones later and later, and forgets them in the end', async () => {
    const clock = new ManualClock()
    const book = new PeerBook(clock, new SeededRandom(1))
    book.setAddresses(peer('far'), ['/ip4/127.0.0.1/tcp/1'])
    book.setConnected(peer('near'), true)
    book.setAddresses(peer('near'), ['/ip4/127.0.0.1/tcp/2'])
    expect(book.pickToDial(5)).toEqual([peer('far')])
    book.addFailure(peer('far'))
    expect(book.pickToDial(5)).toEqual([])
    await clock.advance(60_000)
    expect(book.pickToDial(5)).toEqual([peer('far')])
    for (let i = 0; i < 5; i++) book.addFailure(peer('far'))
    expect(book.list().map((info) => info.peer)).toEqual([peer('near')])
  })

  it('is bounded and keeps the connected ones, whatever strangers invent', () => {
    const book = new PeerBook(new ManualClock(), new SeededRandom(1))
    book.setConnected(peer('mine'), true)
    const many = Array.from({ length: 100 }, (_, i) => `/ip4/127.0.0.1/tcp/${i + 1}`)
    for (let i = 0; i < 5000; i++) book.setAddresses(peer(i), many)
    const list = book.list()
    expect(list.length).toBeLessThanOrEqual(1000)
    expect(list[0]?.peer).toBe(peer('mine'))
    expect(Math.max(...list.map(({ addresses }) => addresses.length))).toBe(8)
  })
})

describe('BoundedDatastore', () => {
  it('keeps the records that were written last', async () => {
    const store = new BoundedDatastore(3)
    const has = async (name: string): Promise<boolean> => await store.has(new Key(name))
    const put = async (name: string): Promise<void> => {
      await store.put(new Key(name), Uint8Array.of(1))
    }
    for (const name of ['a', 'b', 'c', 'a', 'd']) await put(name)
    expect([await has('a'), await has('b'), await has('c'), await has('d')]).toEqual([true, false, true, true])
    await store.delete(new Key('a'))
    await put('e')
    expect([await has('c'), await has('d'), await has('e')]).toEqual([true, true, true])
  })
})
