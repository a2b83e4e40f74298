import { microUsd, type UnixMs } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { fallenPrice, type LotOffer, secondsUntil } from '../src/market/lot-offer.ts'
import { describeLot, describePool, describeQuote } from '../src/market/market-text.ts'

const offer: LotOffer = {
  lot: 3n,
  feesMicroUsd: microUsd(2_000_000n),
  priceTokenUnits: 20n * 10n ** 12n,
  costTokenUnits: 40n * 10n ** 18n,
  minimumLotMicroUsd: microUsd(1_000_000n),
  halvingSeconds: 3600,
  epochEndsAt: 1_800_000_000_000 as UnixMs,
  priceAtEndTokenUnits: 10n ** 12n,
  costMicroUsd: 4_000_000n,
  gainMicroUsd: -2_000_000n,
  worthItAt: 1_799_999_000_000 as UnixMs,
}

describe('the price of a lot', () => {
  it('halves in each period, in a line between, and never reaches nothing', () => {
    expect([0, 50, 100, 150, 200].map((seconds) => fallenPrice(1000n, seconds, 100))).toEqual([
      1000n,
      750n,
      500n,
      375n,
      250n,
    ])
    expect(fallenPrice(1000n, 100_000, 100)).toBe(1n)
  })

  it('names the first second in which it is low enough', () => {
    for (const wanted of [1000n, 999n, 500n, 499n, 3n, 1n]) {
      const seconds = secondsUntil(1000n, wanted, 100) ?? -1
      expect(fallenPrice(1000n, seconds, 100)).toBeLessThanOrEqual(wanted)
      if (seconds > 0) expect(fallenPrice(1000n, seconds - 1, 100)).toBeGreaterThan(wanted)
    }
    expect(secondsUntil(1000n, 0n, 100)).toBeUndefined()
  })
})

describe('what a person reads', () => {
  it('says whether a lot is worth it, and from when on', () => {
    expect(describeLot(offer)).toContain(
      'not worth it: the tokens cost 4.000000 USD on the exchange, you lose 2.000000 USD',
    )
    expect(describeLot(offer)).toContain('it is from 2027-01-15T07:43:20.000Z on')
    expect(describeLot({ ...offer, costMicroUsd: 1_500_000n, gainMicroUsd: 500_000n })).toContain(
      'you gain 0.500000 USD',
    )
    expect(describeLot({ ...offer, costMicroUsd: undefined, gainMicroUsd: undefined })).toContain(
      'not have so many tokens',
    )
    expect(describeLot({ ...offer, worthItAt: undefined })).toContain('not in this epoch')
  })

  it('says why nothing is for sale', () => {
    expect(describeLot({ ...offer, feesMicroUsd: microUsd(0n) })).toContain('no fees are for sale')
    expect(describeLot({ ...offer, feesMicroUsd: microUsd(1n) })).toContain('need 1.000000 USD, have 0.000001 USD')
  })

  it('shows the pool and a quote with its impact', () => {
    const pool = { dollarMicroUsd: microUsd(100_000_000_000n), tokenUnits: 10n ** 24n }
    expect(describePool(pool)).toContain('1 STEAD = 0.100000 USD')
    expect(describePool({ ...pool, tokenUnits: 0n })).toContain('empty')
    const quote = {
      direction: 'dollars-to-tokens',
      amountIn: 10_000_000n,
      amountOut: 99n * 10n ** 18n,
      impactPpm: 12_345,
      feePpm: 3000,
      pool,
    } as const
    expect(describeQuote(quote)).toBe(
      '10.000000 USD gives 99.000000 STEAD; price impact 1.2345 %, fee of the exchange 0.3 %',
    )
  })
})
