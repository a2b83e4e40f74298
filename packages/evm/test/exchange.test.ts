import { type Exchange, hasCode, microUsd, type UnixMs } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { costOfSwap, quoteSwap } from '../src/exchange/constant-product.ts'
import type { EvmChain } from '../src/index.ts'
import { type Devnet, dollars, newSigner, startDevnet } from './devnet.ts'

const TOKEN = 10n ** 18n

describe('a quote', () => {
  const pool = { dollarMicroUsd: dollars(1000), tokenUnits: 10_000n * TOKEN }

  it('is near the price for a small amount, and its impact grows with the amount', () => {
    const small = quoteSwap(pool, 'dollars-to-tokens', dollars(0.01))
    expect(small.amountOut).toBeLessThan((10n * TOKEN * 997n) / 100_000n)
    expect(small.impactPpm).toBe(10)
    const large = quoteSwap(pool, 'dollars-to-tokens', dollars(1000))
    expect(large.impactPpm).toBe(499_249)
    expect(large.amountOut).toBe((pool.tokenUnits * 997n) / 1997n)
  })

  it('there and back never gains', () => {
    for (const amount of [1n, 7n, 1_000_003n, dollars(500)]) {
      const there = quoteSwap(pool, 'dollars-to-tokens', amount)
      if (there.amountOut === 0n) continue
      const after = {
        dollarMicroUsd: microUsd(pool.dollarMicroUsd + amount),
        tokenUnits: pool.tokenUnits - there.amountOut,
      }
      expect(quoteSwap(after, 'tokens-to-dollars', there.amountOut).amountOut).toBeLessThanOrEqual(amount)
    }
  })

  it('names the least that brings an amount, and that there is none for all of it', () => {
    for (const amount of [1n, 12_345n, 3n * TOKEN, 9_999n * TOKEN]) {
      const cost = costOfSwap(pool, 'dollars-to-tokens', amount) ?? 0n
      expect(quoteSwap(pool, 'dollars-to-tokens', cost).amountOut).toBeGreaterThanOrEqual(amount)
      if (cost > 1n) expect(quoteSwap(pool, 'dollars-to-tokens', cost - 1n).amountOut).toBeLessThanOrEqual(amount)
    }
    expect(costOfSwap(pool, 'dollars-to-tokens', pool.tokenUnits)).toBeUndefined()
  })

  it('refuses nothing, and an empty pool', () => {
    expect(() => quoteSwap(pool, 'tokens-to-dollars', 0n)).toThrow(RangeError)
    expect(() => quoteSwap({ dollarMicroUsd: microUsd(0n), tokenUnits: 0n }, 'tokens-to-dollars', 1n)).toThrow(/empty/)
  })
})

describe('the exchange on a real chain', () => {
  let devnet: Devnet
  let chain: EvmChain
  let exchange: Exchange
  let later: UnixMs
  beforeAll(async () => {
    devnet = await startDevnet({ holder: newSigner().address })
    chain = await devnet.connect()
    exchange = await chain.exchange(devnet.book)
    later = ((await chain.blockTime()) + 3_600_000) as UnixMs
  })
  afterAll(() => devnet.stop())

  it('gives exactly what it quoted, in both directions', async () => {
    expect(await exchange.pool()).toEqual({ dollarMicroUsd: dollars(100_000), tokenUnits: 1_000_000n * TOKEN })
    const bought = await exchange.quote('dollars-to-tokens', dollars(100))
    const minimumOut = bought.amountOut
    const swap = { direction: bought.direction, amountIn: dollars(100), minimumOut, deadline: later }
    const outcome = await exchange.swap(swap)
    expect(outcome.amountOut).toBe(bought.amountOut)
    // The first swap in another second than the pool's last change writes two new places, whenever it was estimated.
    const sent = (await devnet.rpc('eth_getTransactionByHash', outcome.transaction)) as { readonly gas: string }
    expect(BigInt(sent.gas) - outcome.gasUsed).toBeGreaterThan(44_200n)
    const economy = await chain.economy(devnet.book)
    expect(await economy.tokenBalance(chain.account)).toBe(bought.amountOut)
    const sold = await exchange.quote('tokens-to-dollars', bought.amountOut)
    await exchange.swap({ ...sold, minimumOut: sold.amountOut, deadline: later })
    expect(await economy.tokenBalance(chain.account)).toBe(0n)
    expect((await chain.balances(chain.account)).dollarMicroUsd).toBe(dollars(900) + sold.amountOut)
  })

  it('swaps nothing below the minimum, after the deadline, or without the money', async () => {
    const { amountOut } = await exchange.quote('dollars-to-tokens', dollars(10))
    const request = {
      direction: 'dollars-to-tokens',
      amountIn: dollars(10),
      minimumOut: amountOut,
      deadline: later,
    } as const
    const before = await exchange.pool()
    const codeOf = (change: Partial<typeof request>): Promise<unknown> =>
      exchange.swap({ ...request, ...change }).catch((error: unknown) => error)
    const moved = await codeOf({ minimumOut: (amountOut + 1n) as never })
    expect(moved).toMatchObject({ code: 'CHAIN_PRICE_MOVED', details: { needOut: amountOut + 1n, haveOut: amountOut } })
    expect(await codeOf({ deadline: 1000 as UnixMs })).toMatchObject({ code: 'CHAIN_PRICE_MOVED', retryable: true })
    const poor = await codeOf({ amountIn: dollars(5000) as never, minimumOut: 1n as never })
    expect(poor).toSatisfy((error) => hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS'))
    expect(poor).toMatchObject({ details: { needMicroUsd: dollars(5000) } })
    const tokens = { direction: 'tokens-to-dollars', amountIn: TOKEN, minimumOut: 1n, deadline: later } as const
    await expect(exchange.swap(tokens)).rejects.toMatchObject({
      details: { needTokenUnits: TOKEN, haveTokenUnits: 0n },
    })
    expect(await exchange.pool()).toEqual(before)
  })
})
