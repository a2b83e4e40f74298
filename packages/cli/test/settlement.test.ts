import type { Address, Fuel, Hash, MicroUsd, UnixMs, Wei } from '@stead/core'
import type { SettledChannel, SettlementTransaction } from '@stead/sdk/api'
import { describe, expect, it } from 'vitest'
import { booksOf } from '../src/start/settlement.ts'

const address = (digit: number): Address => `0x${String(digit).repeat(40)}` as Address
const hash = (digit: number): Hash => `0x${String(digit).repeat(64)}` as Hash

function claim(node: number, gross: bigint, transaction: number): SettledChannel {
  const fee = (gross * 500n) / 10_000n
  return {
    channel: hash(node),
    purse: hash(9),
    node: address(node),
    operator: address(node + 1),
    grossMicroUsd: gross as MicroUsd,
    feeMicroUsd: fee as MicroUsd,
    netMicroUsd: (gross - fee) as MicroUsd,
    transaction: hash(transaction),
  }
}

function transaction(digit: number, action: 'fund' | 'claim', gasUsed: bigint): SettlementTransaction {
  return { transaction: hash(digit), action, gasUsed, gasCostWei: gasUsed as Wei, at: 0 as UnixMs, reason: 'asked' }
}

describe('the books of a job', () => {
  it('close to the last micro-dollar, per node and in all, with the gas of exactly its transactions', () => {
    const purses = [
      {
        purse: hash(9),
        depositedMicroUsd: 1_000n as MicroUsd,
        claims: [claim(1, 333n, 5), claim(2, 101n, 6), claim(1, 7n, 6)],
      },
    ]
    const nodes = [
      { node: address(1), operator: address(2), tasks: 4, fuel: 11n as Fuel, grossMicroUsd: 340n as MicroUsd },
    ]
    const transactions = [transaction(8, 'fund', 100n), transaction(5, 'claim', 10n), transaction(6, 'claim', 20n)]
    const books = booksOf({ nodes }, { purses, transactions })
    const { settlement } = books
    expect(settlement.depositedMicroUsd).toBe(
      settlement.paidMicroUsd + settlement.feesMicroUsd + settlement.remainingMicroUsd,
    )
    expect(books.nodes.reduce((sum, each) => sum + each.netMicroUsd, 0n)).toBe(settlement.paidMicroUsd)
    expect(settlement.gasUsed).toBe(130n)
    expect(settlement.transactions.map((each) => each.transaction)).toEqual([hash(8), hash(5), hash(6)])
    expect(books.nodes[0]).toMatchObject({ node: address(1), tasks: 4, fuel: 11n, grossMicroUsd: 340n, gasUsed: 30n })
    expect(books.nodes[1]).toMatchObject({ node: address(2), tasks: 0, grossMicroUsd: 101n, gasUsed: 20n })
  })
})
