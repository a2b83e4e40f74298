import { type Address, address, type UnixMs } from '@stead/core'
import type { Offer } from '@stead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OfferShelf, type ShelvedOffer } from '../src/offers/offer-shelf.ts'
import { keyOf, TERMS } from './world.ts'

const NOW = 1_000 as UnixMs
const { peer } = keyOf(1)

function addressOf(kind: string, number: number): Address {
  return address(`0x${kind}${number.toString(16).padStart(40 - kind.length, '0')}`)
}

function entry(node: number, operator: number, change: Partial<ShelvedOffer & { expiresAt: number }> = {}) {
  const { expiresAt = NOW + 1, ...rest } = change
  const offer: Offer = {
    version: 1,
    node: addressOf('aa', node),
    operator: addressOf('bb', operator),
    resource: 'compute',
    chainId: 1,
    escrow: addressOf('cc', 0),
    region: '-',
    sequence: 1,
    issuedAt: 0 as UnixMs,
    expiresAt: expiresAt as UnixMs,
    terms: TERMS,
  }
  const signed = { document: TERMS, signature: TERMS }
  return { offer, peer, signed, isHearsay: false, ...rest }
}

function nodesOf(shelf: OfferShelf<ShelvedOffer>): readonly number[] {
  return Array.from(shelf.entries(), ({ offer }) => Number(BigInt(offer.node) & 0xffffffffn)).sort((a, b) => a - b)
}

describe('room for offers', () => {
  it('keeps those who came first when strangers without end come after them', () => {
    const shelf = new OfferShelf<ShelvedOffer>(4)
    for (const node of [1, 2, 3, 4]) expect(shelf.put(entry(node, node), NOW)).toBe(true)
    for (let node = 100; node < 200; node++) expect(shelf.put(entry(node, node), NOW)).toBe(false)
    expect(shelf.put(entry(1, 1), NOW)).toBe(true)
    expect(nodesOf(shelf)).toEqual([1, 2, 3, 4])
  })

  it('takes from the operator that has the most, never from one that has as few', () => {
    const shelf = new OfferShelf<ShelvedOffer>(6)
    for (let node = 1; node <= 6; node++) shelf.put(entry(node, 77), NOW)
    expect([10, 11, 12, 13].map((node) => shelf.put(entry(node, 88), NOW))).toEqual([true, true, true, false])
    expect(nodesOf(shelf)).toEqual([1, 2, 3, 10, 11, 12])
  })

  it('takes the last that came, so that who borrows the name of an operator pushes none of its nodes out', () => {
    const shelf = new OfferShelf<ShelvedOffer>(6)
    for (const node of [1, 2]) shelf.put(entry(node, 77), NOW)
    for (let liar = 50; liar < 54; liar++) shelf.put(entry(liar, 77), NOW)
    for (let node = 10; node < 20; node++) {
      shelf.put(entry(node, node), NOW)
      for (let liar = 50; liar < 60; liar++) shelf.put(entry(liar, 77), NOW)
    }
    expect(nodesOf(shelf).slice(0, 1)).toEqual([1])
    expect(nodesOf(shelf).filter((node) => node >= 50)).toEqual([])
  })

  it('gives the place of hearsay to who speaks itself, and none to more hearsay', () => {
    const shelf = new OfferShelf<ShelvedOffer>(3)
    for (const node of [1, 2, 3]) shelf.put(entry(node, node, { isHearsay: true }), NOW)
    expect(shelf.put(entry(4, 4, { isHearsay: true }), NOW)).toBe(false)
    for (const node of [5, 6, 7]) expect(shelf.put(entry(node, node), NOW)).toBe(true)
    expect(nodesOf(shelf)).toEqual([5, 6, 7])
  })

  it('gives the place of what is over to anybody', () => {
    const shelf = new OfferShelf<ShelvedOffer>(2)
    shelf.put(entry(1, 1, { expiresAt: NOW }), NOW)
    shelf.put(entry(2, 2), NOW)
    expect(shelf.put(entry(3, 3, { isHearsay: true }), NOW)).toBe(true)
    expect(nodesOf(shelf)).toEqual([2, 3])
  })

  it('never holds more than it may, nor two of a node, whatever comes', () => {
    const one = fc.record({ node: fc.nat(12), operator: fc.nat(4), isHearsay: fc.boolean(), ends: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 120 }), fc.integer({ min: 1, max: 6 }), (offers, max) => {
        const shelf = new OfferShelf<ShelvedOffer>(max)
        for (const [now, { node, operator, isHearsay, ends }] of offers.entries()) {
          const isKept = shelf.put(entry(node, operator, { isHearsay, expiresAt: now + ends }), now as UnixMs)
          const nodes = nodesOf(shelf)
          expect(nodes.length).toBeLessThanOrEqual(max)
          expect(new Set(nodes).size).toBe(nodes.length)
          expect(nodes.includes(node)).toBe(isKept)
        }
      }),
    )
  })
})
