import { microUsd } from '@stead/core'
import type { Receipt } from '@stead/protocol'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  bundleReceipts,
  decodeReceiptBundle,
  encodeReceiptBundle,
  type ReceiptBundle,
  type ReceiptChainEvidence,
  verifyReceiptChain,
} from '../src/index.ts'
import { entryOf, secp256k1, World } from './world.ts'

describe('receipts', () => {
  let world: World
  let bundle: ReceiptBundle
  let chain: ReceiptChainEvidence
  beforeAll(async () => {
    world = new World({ payer: { payEntriesMax: 5 } })
    await world.start()
    await world.open()
    for (let i = 0; i < 23; i++) {
      await world.deliver(100 + i, 200, i)
      await world.clock.advance(300)
    }
    await world.within(world.payer.settle())
    bundle = bundleReceipts(world.ledger.identity, await world.payer.receipts({}))
    const [first] = bundle.channels
    if (first === undefined) throw new Error('no channel')
    chain = first
  })

  const difference = (change: Partial<ReceiptChainEvidence>): unknown => {
    const verdict = verifyReceiptChain(secp256k1, world.ledger.identity, { ...chain, ...change })
    return verdict.ok ? 'ok' : [verdict.difference.what, verdict.difference.index]
  }
  const changed = (index: number, change: Partial<Receipt>): readonly Receipt[] =>
    chain.receipts.map((receipt, position) => (position === index ? { ...receipt, ...change } : receipt))

  it('sum up to the vouchers', () => {
    const verdict = verifyReceiptChain(secp256k1, world.ledger.identity, chain)
    const owed = 23n * 100n + (22n * 23n) / 2n
    expect(verdict).toMatchObject({
      ok: true,
      sums: { entries: 23, deliveredMicroUsd: owed, cumulativeMicroUsd: owed, quantity: owed * 10n },
    })
    if (verdict.ok) expect(verdict.increments.length).toBe(verdict.sums.receipts)
  })

  it('are the same on both sides, and survive being written to a file', async () => {
    expect(bundleReceipts(world.ledger.identity, await world.provider.receipts({}))).toEqual(bundle)
    expect(decodeReceiptBundle(encodeReceiptBundle(bundle))).toEqual(bundle)
  })

  it('show the first difference when anything is changed', () => {
    const { terms, seed, branch, receipts } = chain
    expect(difference({ terms: { ...terms, allocationMicroUsd: microUsd(5n) } })).toEqual(['channel', undefined])
    expect(difference({ seed: { ...seed, totalMicroUsd: microUsd(5n) } })).toEqual(['purse', undefined])
    expect(
      difference({
        branch: { index: 0n, steps: [{ sibling: chain.channel, siblingMicroUsd: microUsd(1n) }, ...branch.steps] },
      }),
    ).toEqual(['branch', undefined])
    expect(difference({ quotes: [] })).toEqual(['quotes', undefined])
    expect(difference({ quotes: chain.quotes.map((quote) => ({ ...quote, signature: new Uint8Array(65) })) })).toEqual([
      'quote',
      undefined,
    ])
    expect(difference({ receipts: receipts.slice(1) })).toEqual(['increment', 0])
    expect(difference({ receipts: [...receipts.slice(0, 2), ...receipts.slice(3)] })).toEqual(['increment', 2])
    expect(difference({ receipts: [...receipts, ...receipts.slice(-1)] })).toEqual(['increment', receipts.length])
    expect(
      difference({ receipts: changed(1, { voucherSignature: receipts[2]?.voucherSignature ?? new Uint8Array(65) }) }),
    ).toEqual(['voucher', 1])
    expect(difference({ receipts: changed(1, { providerSignature: new Uint8Array(65) }) })).toEqual(['receipt', 1])
    expect(difference({ receipts: changed(3, { increment: Uint8Array.of(1, 2) }) })).toEqual(['increment', 3])
    const elsewhere = verifyReceiptChain(secp256k1, { ...world.ledger.identity, chainId: 1 }, chain)
    expect(elsewhere).toMatchObject({ ok: false, difference: { what: 'purse' } })
  })

  it('show a difference for any byte of an increment that is changed', () => {
    const victim = chain.receipts[2]
    if (victim === undefined) throw new Error('too few receipts')
    fc.assert(
      fc.property(fc.nat({ max: victim.increment.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const increment = new Uint8Array(victim.increment)
        increment[at] = (increment[at] ?? 0) ^ flip
        const verdict = verifyReceiptChain(secp256k1, world.ledger.identity, {
          ...chain,
          receipts: changed(2, { increment }),
        })
        expect(verdict.ok).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  it('are found by item, channel, node and time', async () => {
    const { item } = entryOf(new Uint8Array(16), 1, 7)
    const [found, ...more] = await world.payer.receipts({ item })
    expect(more).toEqual([])
    expect(found?.increment.entries.some((entry) => entry.item === item)).toBe(true)
    const all = await world.payer.receipts({ channel: chain.channel })
    expect(all).toHaveLength(chain.receipts.length)
    const middle = all[3]?.at
    if (middle === undefined) throw new Error('too few receipts')
    const before = await world.payer.receipts({ until: middle })
    const after = await world.payer.receipts({ from: middle })
    expect(before.length + after.length).toBe(all.length)
    expect(await world.payer.receipts({ node: chain.terms.operator })).toEqual([])
    expect(await world.payer.receipts({ limit: 2 })).toHaveLength(2)
  })

  it('refuse hostile files with a typed error', () => {
    const bytes = encodeReceiptBundle(bundle)
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const hostile = new Uint8Array(bytes)
        hostile[at] = value
        try {
          decodeReceiptBundle(hostile)
        } catch (error) {
          expect(error).toMatchObject({ isSteadError: true })
        }
      }),
    )
    expect(() => decodeReceiptBundle(Uint8Array.of(0xff, 0xff, 0xff))).toThrow(
      expect.objectContaining({ isSteadError: true }),
    )
  })
})
