import {
  type Address,
  type ContentId,
  type Economy,
  type Hash,
  hash,
  microUsd,
  silentLogger,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { ChainError } from '@stead/evm'
import { ManualClock, MemoryStore } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { RewardClaimer } from '../../src/epochs/reward-claimer.ts'

const OPERATOR = `0x${'8'.repeat(40)}` as Address
const TRANSACTION: Hash = hash(`0x${'7'.repeat(64)}`)
const GWEI = 1_000_000_000n

describe('claiming for the operator', () => {
  let owed = 0n
  let gasPrice = GWEI
  let failure: Error | undefined
  let payouts = 0
  beforeEach(() => {
    ;[owed, gasPrice, failure, payouts] = [0n, GWEI, undefined, 0]
  })

  function claimer(): RewardClaimer {
    const clock = new ManualClock()
    const economy: Partial<Economy> = { finalRoot: async () => undefined }
    const outcome = () => ({
      transaction: TRANSACTION,
      blockNumber: 1n,
      gasUsed: 60_000n,
      gasCostWei: (60_000n * gasPrice) as Wei,
    })
    const chain = {
      transaction: async () => outcome(),
      owedMicroUsd: async () => microUsd(owed),
      gasPrice: async () => gasPrice as Wei,
      payout: async () => {
        if (failure !== undefined) throw failure
        payouts++
        owed = 0n
        return outcome()
      },
    }
    const time = { epoch: () => 4, now: () => 0 as UnixMs }
    const history = { head: async () => ({ number: 1 }) }
    const books = { payouts: async () => [] }
    const ports = { clock, economy, chain, history, books, store: new MemoryStore(), logger: silentLogger, time }
    const computer = { resultOf: async () => ({ result: '' as ContentId }) }
    const options = {
      operator: OPERATOR,
      minimumMicroUsd: microUsd(1_000_000n),
      nativeCoinMicroUsd: microUsd(3_000_000_000n),
    }
    return new RewardClaimer(ports as never, computer as never, options)
  }

  it('waits for more than the minimum, and for gas that is a tenth at most', async () => {
    const claims = claimer()
    const reasonOf = async (amount: bigint, gwei: bigint) => {
      ;[owed, gasPrice] = [amount, gwei * GWEI]
      await claims.claim(false)
      return claims.state.reason
    }
    expect(await reasonOf(0n, 1n)).toBe('no-final-root')
    expect(await reasonOf(900_000n, 0n)).toBe('below-minimum')
    // 70,000 gas at 10 gwei are 2.1 dollars.
    expect(await reasonOf(20_000_000n, 10n)).toBe('gas-too-dear')
    expect(payouts).toBe(0)
    expect(await reasonOf(22_000_000n, 10n)).toBe('claimed')
    expect(payouts).toBe(1)
  })

  it('claims what is asked for whatever it costs, once, and keeps what it paid for gas', async () => {
    owed = 5n
    const claims = claimer()
    const [first, second] = await Promise.all([claims.claim(true), claims.claim(true)])
    expect([first.length, second.length, payouts]).toEqual([1, 0, 1])
    expect(await claims.claimed()).toEqual([
      { kind: 'payout', transaction: TRANSACTION, at: first[0]?.at, epoch: 4, gasCostWei: 60_000n * GWEI },
    ])
  })

  it('says why it could not, and goes on', async () => {
    owed = 50_000_000n
    const claims = claimer()
    failure = new ChainError('CHAIN_UNREACHABLE', 'no answer')
    await expect(claims.claim(false)).rejects.toThrow('no answer')
    expect(claims.state).toMatchObject({ reason: 'chain-unreachable', error: 'no answer', sending: undefined })
    failure = new ChainError('CHAIN_REVERTED', 'not so')
    await expect(claims.claim(false)).rejects.toThrow('not so')
    expect(claims.state.reason).toBe('chain-refused')
    failure = undefined
    await claims.claim(false)
    expect(claims.state).toMatchObject({ reason: 'claimed', error: undefined })
  })
})
