import { type Address, microUsd } from '@stead/core'
import {
  defaultQualityParameters,
  epochNumber,
  KAPPA_BPS_MAX,
  type LotPart,
  ppm,
  QualityTable,
  type SoldLot,
  tokenUnits,
  utilityProgram,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOf } from './world.ts'

/** Token units for a micro-dollar; a fair sale burns exactly what its fees are worth. */
const PRICE = 10n ** 12n

interface Deal {
  readonly identity: number
  readonly epoch: number
  readonly grossMicroUsd: bigint
  readonly qualityPpm: number
  readonly isAttacker: boolean
}

const anyDeal: fc.Arbitrary<Deal> = fc.record({
  identity: fc.nat({ max: 8 }),
  epoch: fc.nat({ max: 4 }),
  grossMicroUsd: fc.bigInt({ min: 0n, max: 10n ** 12n }),
  qualityPpm: fc.nat({ max: 1_000_000 }),
  isAttacker: fc.boolean(),
})

const feeOf = (gross: bigint, feeBps: bigint): bigint => (gross * feeBps) / 10_000n
const nameOf = ({ isAttacker, identity }: Deal): Address =>
  addressOf(`${isAttacker ? 'attacker' : 'honest'} ${identity}`)

/** What the utility program mints to all of the attacker's names, over all epochs. */
function mintedToAttacker(deals: readonly Deal[], sale: { feeBps: bigint; kappaBps: number }): bigint {
  const soldLots: SoldLot[] = [...Map.groupBy(deals, ({ epoch }) => epoch)].map(([epoch, inEpoch]) => {
    const parts: LotPart[] = [...Map.groupBy(inEpoch, nameOf)].map(([operator, own]) => ({
      operator,
      feeMicroUsd: microUsd(own.reduce((sum, { grossMicroUsd }) => sum + feeOf(grossMicroUsd, sale.feeBps), 0n)),
      // The attacker's probers say what it likes.
      qualityPpm: ppm(own[0]?.isAttacker ? 1_000_000 : (own[0]?.qualityPpm ?? 0)),
      reason: '',
    }))
    const total = parts.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n)
    const burnedTokenUnits = tokenUnits(total * PRICE)
    return {
      lot: epochNumber(epoch),
      burnedTokenUnits,
      kappaBps: sale.kappaBps,
      saleFeesMicroUsd: microUsd(total),
      parts,
    }
  })
  const operators = [...new Set(deals.map(nameOf))].sort()
  const shares = utilityProgram.shares(
    {
      epoch: epochNumber(9),
      operators,
      quality: new QualityTable([]),
      parts: [],
      soldLots,
      budgetMicroUsd: microUsd(0n),
      given: new Map(),
    },
    { quality: defaultQualityParameters },
  )
  const attackers = new Set(deals.filter(({ isAttacker }) => isAttacker).map(nameOf))
  return shares.reduce((sum, share) => sum + (attackers.has(share.operator) ? share.amountUnits : 0n), 0n)
}

describe('a self-dealer', () => {
  test('never ends above its start, over any split of identities, epochs and quality, and loses 1 - κ of its fees', () => {
    fc.assert(
      fc.property(
        fc.array(anyDeal, { minLength: 1, maxLength: 40 }),
        fc.bigInt({ min: 1n, max: 1000n }),
        fc.nat({ max: KAPPA_BPS_MAX }),
        (deals, feeBps, kappaBps) => {
          const minted = mintedToAttacker(deals, { feeBps, kappaBps })
          const own = deals.filter(({ isAttacker }) => isAttacker)
          const paid = own.reduce((sum, { grossMicroUsd }) => sum + grossMicroUsd, 0n)
          const credited = own.reduce(
            (sum, { grossMicroUsd }) => sum + grossMicroUsd - feeOf(grossMicroUsd, feeBps),
            0n,
          )
          const lostFees = paid - credited
          // In token units: what it mints is at most κ of what its own fees are worth.
          expect(minted * 10_000n).toBeLessThanOrEqual(lostFees * PRICE * BigInt(kappaBps))
          expect(credited * PRICE + minted).toBeLessThanOrEqual(paid * PRICE)
          if (lostFees > 0n) expect(credited * PRICE + minted).toBeLessThan(paid * PRICE)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('gains nothing by more names: one identity mints at least what many do together', () => {
    fc.assert(
      fc.property(fc.array(anyDeal, { minLength: 1, maxLength: 30 }), (deals) => {
        const asOne = deals.map((deal) => (deal.isAttacker ? { ...deal, identity: 0 } : deal))
        const sale = { feeBps: 500n, kappaBps: 8000 }
        expect(mintedToAttacker(deals, sale)).toBeLessThanOrEqual(mintedToAttacker(asOne, sale))
      }),
    )
  })

  test('is 1 % poorer at φ = 5 %, κ = 0.8 and q = 1: the figure of the reward rule', () => {
    const deal = { identity: 0, epoch: 0, grossMicroUsd: 1_000_000n, qualityPpm: 1_000_000, isAttacker: true }
    const minted = mintedToAttacker([deal], { feeBps: 500n, kappaBps: 8000 })
    expect(950_000n + minted / PRICE).toBe(990_000n)
  })
})
