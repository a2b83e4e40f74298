import { describe, expect, it } from 'vitest'
import { dollarsOf, formatPpm, formatWei, tokensOf } from '../src/chain/amounts.ts'
import { describeBond, withdrawable } from '../src/chain/bond-view.ts'
import { reasonText } from '../src/epoch/reason-text.ts'

const TOKEN = 10n ** 18n

describe('the reason of a zero', () => {
  it('is a clause after its code, with amounts in their currency', () => {
    const text = (code: string, need: bigint, have: bigint, isMinting = true): string =>
      reasonText({ code, about: 'lot 3', need, have }, isMinting)
    expect(text('no-fees', 1n, 0n)).toBe('no-fees: nobody paid it in lot 3')
    expect(text('unsold-lot', 150_000n, 0n)).toContain(
      'unsold-lot: fees of lot 3, 0.150000 USD, were not sold in this epoch',
    )
    expect(text('not-bonded', 1n, 0n)).toContain('no node of it was bonded')
    expect(text('quality', 2n * TOKEN, TOKEN)).toBe('quality: lot 3: 1.000000 STEAD of 2.000000 STEAD')
    expect(text('quality', 500_000n, 123_456n, false)).toBe('quality: lot 3: 12.34 %, need 50 %')
    expect(text('quality-unknown', 10n, 4n, false)).toContain('4 of 10 probers')
    expect(text('capped', 2_000_000n, 1_000_000n, false)).toContain('limited to 1.000000 USD of 2.000000 USD')
    expect(text('program-ended', 1n, 0n)).toContain('not in use any more')
    expect(text('a-new-reason', 7n, 5n)).toBe('a-new-reason: lot 3: need 7, have 5')
  })
})

describe('amounts', () => {
  it('are read without losing a digit, and refused when they have too many', () => {
    expect(tokensOf('12.5')).toBe((25n * TOKEN) / 2n)
    expect(tokensOf('0.000000000000000001')).toBe(1n)
    expect(dollarsOf('3')).toBe(3_000_000n)
    for (const text of ['', '0', '-1', '1e3', '0x10', '1.0000001', '1.', '1,5', '9'.repeat(16)]) {
      expect(() => dollarsOf(text)).toThrow(/dollars are a number above 0/)
    }
  })

  it('are printed for people', () => {
    expect(formatPpm(12_345)).toBe('1.2345 %')
    expect(formatWei(1_234_567_890_123n)).toBe('0.000001234 ETH')
  })
})

describe('a bond', () => {
  const bond = {
    node: '0x01' as never,
    operator: undefined,
    bondedTokenUnits: 5n * TOKEN,
    unbondings: [
      { tokenUnits: TOKEN, endsAt: 1000 as never },
      { tokenUnits: 2n * TOKEN, endsAt: 5000 as never },
    ],
    expelled: true,
    minimumTokenUnits: 1000n * TOKEN,
  }

  it('says what it counts for, what leaves when, and what can never be', () => {
    const text = describeBond(bond)
    expect(text).toContain('bonded 5.000000 STEAD (counts in epochs from 1000.000000 STEAD on)')
    expect(text).toContain('unbonding 2.000000 STEAD: can be withdrawn from 1970-01-01T00:00:05.000Z')
    expect(text).toContain('expelled')
  })

  it('knows what can be withdrawn', () => {
    expect(withdrawable(bond, 999 as never)).toEqual({ tokenUnits: 0n, nextAt: 1000 })
    expect(withdrawable(bond, 1000 as never)).toEqual({ tokenUnits: TOKEN, nextAt: 5000 })
    expect(withdrawable(bond, 9000 as never)).toEqual({ tokenUnits: 3n * TOKEN, nextAt: undefined })
  })
})
