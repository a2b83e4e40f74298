import { type Address, microUsd } from '@stead/core'
import { ChainError } from '@stead/evm'
import { RewardsError } from '@stead/rewards'
import { describe, expect, it } from 'vitest'
import { EpochEarningsBook } from '../src/epoch-earnings-book.ts'
import { EpochsError } from '../src/errors.ts'

const [OPERATOR, OTHER] = [`0x${'1'.repeat(40)}` as Address, `0x${'2'.repeat(40)}` as Address]

const feesOf = (operator: Address, dollars: bigint) => ({
  operator,
  grossMicroUsd: microUsd(dollars * 1_000_000n),
  feeMicroUsd: microUsd(dollars * 50_000n),
})
/** Two nodes of the operator, and one of another. */
const claims = [feesOf(OPERATOR, 40n), feesOf(OTHER, 7n), feesOf(OPERATOR, 2n)]
const claimed = { grossMicroUsd: 42_000_000n, feeMicroUsd: 2_100_000n }

interface World {
  /** Why the epoch's facts cannot be had. */
  readonly facts?: Error
  /** Why its result cannot be had. */
  readonly result?: Error
  readonly hasBlock?: boolean
}

function bookOf({ facts, result, hasBlock = true }: World) {
  const asked: unknown[] = []
  const history = {
    head: async () => ({ number: 90 }),
    claims: async (span: unknown) => {
      asked.push(span)
      return claims
    },
  }
  const reader = {
    facts: async () => (facts === undefined ? { fees: claims } : Promise.reject(facts)),
    begin: async () => (hasBlock ? { fromBlock: 70 } : undefined),
  }
  const computer = { accepted: async () => Promise.reject(result) }
  const book = new EpochEarningsBook({ history } as never, { facts: reader, computer } as never)
  return { asked, of: () => book.of(OPERATOR, 5) }
}

const notOver = new RewardsError('REWARDS_NOT_OVER', 'not over')

describe('what was claimed in an epoch', () => {
  it.each([
    ['logs-gathered', new EpochsError('EPOCHS_NOT_OVER', 'not yet')],
    ['evidence-missing', new RewardsError('REWARDS_MISSING', 'gone')],
    ['evidence-missing', new EpochsError('EPOCHS_DOCUMENT_UNKNOWN', 'gone')],
    ['REWARDS_POLICY_UNKNOWN', new RewardsError('REWARDS_POLICY_UNKNOWN', 'new')],
  ])('is not zero while its shares are not known: %s', async (unknown, result) => {
    expect(await bookOf({ result }).of()).toEqual({ ...claimed, unknown, shares: undefined, utility: undefined })
  })

  it('is counted while it runs, from its first block on', async () => {
    const { of, asked } = bookOf({ facts: notOver })
    expect(await of()).toMatchObject({ ...claimed, unknown: 'epoch-runs' })
    expect(asked).toEqual([{ fromBlock: 70, toBlock: 90 }])
  })

  it('is nothing before its first block', async () => {
    const { of, asked } = bookOf({ facts: notOver, hasBlock: false })
    expect(await of()).toMatchObject({ grossMicroUsd: 0n, feeMicroUsd: 0n, unknown: 'epoch-runs' })
    expect(asked).toEqual([])
  })

  it('is unknown, and not zero, when the chain does not answer', async () => {
    const dead = new ChainError('CHAIN_UNREACHABLE', 'no answer')
    await expect(bookOf({ facts: dead }).of()).rejects.toThrow('no answer')
    await expect(bookOf({ result: dead }).of()).rejects.toThrow('no answer')
  })
})
