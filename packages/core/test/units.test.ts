import { address, formatMicroUsd, fuel, hash, microUsd } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

describe('units', () => {
  test('money and fuel are integers in their range, and nothing else', () => {
    expect(microUsd(0)).toBe(0n)
    expect(microUsd((1n << 128n) - 1n)).toBe((1n << 128n) - 1n)
    expect(fuel((1n << 63n) - 1n)).toBe((1n << 63n) - 1n)
    for (const wrong of [-1n, 1n << 128n]) expect(() => microUsd(wrong)).toThrow(RangeError)
    for (const wrong of [-1n, 1n << 63n]) expect(() => fuel(wrong)).toThrow(RangeError)
    for (const wrong of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => microUsd(wrong)).toThrow(RangeError)
  })

  test('addresses and hashes have one spelling', () => {
    const mixed = '0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
    expect(address(mixed)).toBe(mixed.toLowerCase())
    expect(hash(`0x${'AB'.repeat(32)}`)).toBe(`0x${'ab'.repeat(32)}`)
    for (const wrong of ['', '0x', mixed.slice(2), `${mixed}0`, `0x${'g'.repeat(40)}`, ` ${mixed}`]) {
      expect(() => address(wrong)).toThrow(RangeError)
    }
    expect(() => hash(mixed)).toThrow(RangeError)
  })

  test('an error about a huge text quotes only its beginning', () => {
    expect(() => address('x'.repeat(100_000))).toThrow(/^not an EVM address: "x{80}"$/)
  })

  test('money is printed with all six decimals, also below zero', () => {
    expect(formatMicroUsd(1_234_567n)).toBe('1.234567 USD')
    expect(formatMicroUsd(-5n)).toBe('-0.000005 USD')
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 100n), max: 1n << 100n }), (amount) => {
        const digits = formatMicroUsd(amount).replace(' USD', '').replace('.', '')
        expect(BigInt(digits)).toBe(amount)
      }),
    )
  })
})
