import { type Address, type MicroUsd, microUsd } from '@stead/core'
import type { ShareReason } from './reasons.ts'

/** A part of an operator's share, with the network that earned it. */
export interface Payment {
  readonly operator: Address
  readonly network: string
  readonly amountMicroUsd: MicroUsd
}

/** At most so much for all payments of one key. */
export interface PaymentCap {
  /** Reason code for those who get less. */
  readonly code: string
  readonly keyOf: (payment: Payment) => string
  readonly maxMicroUsd: MicroUsd
}

/**
 * Cuts the payments of each key that has more than its cap, all of them by the same share and rounded down, and tells
 * their operators why. Rounding only ever leaves some of the cap unpaid.
 */
export function capPayments(
  payments: readonly Payment[],
  { code, keyOf, maxMicroUsd }: PaymentCap,
  reasons: ReadonlyMap<Address, ShareReason[]>,
): readonly Payment[] {
  const sums = new Map<string, bigint>()
  for (const payment of payments) {
    const key = keyOf(payment)
    sums.set(key, (sums.get(key) ?? 0n) + payment.amountMicroUsd)
  }
  const told = new Set<string>()
  return payments.map((payment) => {
    const key = keyOf(payment)
    const sum = sums.get(key) ?? 0n
    if (sum <= maxMicroUsd) return payment
    const once = `${payment.operator} ${key}`
    if (!told.has(once)) {
      told.add(once)
      reasons.get(payment.operator)?.push({ code, about: key, need: sum, have: maxMicroUsd })
    }
    return { ...payment, amountMicroUsd: microUsd((payment.amountMicroUsd * maxMicroUsd) / sum) }
  })
}
