import type { Hash, MicroUsd } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Budget } from '../src/consumer/budget.ts'

const channel = '0x01' as Hash
const other = '0x02' as Hash

describe('the cost cap', () => {
  it('is never exceeded by what is spent and reserved, in any order of events', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('reserve' as const), amount: fc.bigInt(0n, 400n) }),
      fc.record({ kind: fc.constant('answer' as const), amount: fc.bigInt(0n, 400n) }),
      fc.record({ kind: fc.constant('accept' as const), amount: fc.constant(0n) }),
      fc.record({ kind: fc.constant('drop' as const), amount: fc.constant(0n) }),
    )
    fc.assert(
      fc.property(fc.bigInt(1n, 1000n), fc.array(step, { maxLength: 200 }), (cap, steps) => {
        const budget = new Budget(cap as MicroUsd)
        const inFlight: bigint[] = []
        const answered: bigint[] = []
        for (const { kind, amount } of steps) {
          if (kind === 'reserve' && budget.reserve(channel, amount)) inFlight.push(amount)
          const first = kind === 'answer' ? inFlight.shift() : undefined
          if (first !== undefined) {
            let real = first
            if (amount < first) real = amount
            budget.shrink(channel, first, real)
            answered.push(real)
          }
          const accepted = kind === 'accept' ? answered.shift() : undefined
          if (accepted !== undefined) budget.spend(channel, accepted)
          const dropped = kind === 'drop' ? inFlight.shift() : undefined
          if (dropped !== undefined) budget.shrink(channel, dropped, 0n)
          expect(budget.spentMicroUsd + budget.reservedMicroUsd <= cap).toBe(true)
        }
      }),
    )
  })

  it('counts what was paid ahead until deliveries on the same channel consume it', () => {
    const budget = new Budget(10n as MicroUsd)
    budget.prepay(channel, 4n)
    expect(budget.reserve(other, 7n)).toBe(false)
    expect(budget.reserve(other, 6n)).toBe(true)
    expect(budget.reserve(channel, 4n)).toBe(true)
    expect(budget.reserve(channel, 1n)).toBe(false)
    budget.spend(channel, 3n)
    expect(budget.freeMicroUsd).toBe(0n)
    budget.shrink(channel, 1n, 0n)
    expect(budget.freeMicroUsd).toBe(0n)
    budget.shrink(other, 6n, 0n)
    expect(budget.freeMicroUsd).toBe(6n)
    expect(
      budget.fits([
        { channel, amount: 1n },
        { channel: other, amount: 6n },
      ]),
    ).toBe(true)
    expect(
      budget.fits([
        { channel, amount: 2n },
        { channel: other, amount: 6n },
      ]),
    ).toBe(false)
  })
})
