import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPurse, type Devnet, dollars, newSigner, startDevnet } from './devnet.ts'

describe('what transactions cost', () => {
  let devnet: Devnet
  beforeAll(async () => {
    devnet = await startDevnet()
  })
  afterAll(() => devnet.stop())

  it('gas is what left the account, and a later claim costs less than the first', async () => {
    const payer = await devnet.connect()
    const provider = await devnet.connect()
    const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(3), dollars(1)])
    await payer.fund(purse)
    const before = await provider.balances(provider.account)
    const first = await provider.claim([purse.claimOf(0, dollars(1))])
    const later = await provider.claim([purse.claimOf(0, dollars(2), false)])
    const after = await provider.balances(provider.account)
    expect(before.gasWei - after.gasWei).toBe(first.gasCostWei + later.gasCostWei)
    expect(later.gasUsed).toBeLessThan(first.gasUsed)
    expect(await provider.gasPrice()).toBeGreaterThan(0n)
  })

  it('approval comes once when unlimited and before each funding when exact', async () => {
    const transactionsOf = async (approval: 'unlimited' | 'exact'): Promise<number> => {
      const payer = await devnet.connect({ approval })
      for (let round = 0; round < 3; round++)
        await payer.fund(buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(1)]))
      expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(997))
      return Number(await devnet.rpc('eth_getTransactionCount', payer.account, 'latest'))
    }
    expect(await transactionsOf('unlimited')).toBe(4)
    expect(await transactionsOf('exact')).toBe(6)
  })

  it('a batch of 100 first claims fits into half a block', async () => {
    const [payer, provider] = [await devnet.connect(), await devnet.connect()]
    const allocations = Array.from({ length: 100 }, () => dollars(1))
    const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, allocations)
    await payer.fund(purse)
    const outcome = await provider.claim(allocations.map((_, leaf) => purse.claimOf(leaf, dollars(1))))
    expect(outcome.channels).toHaveLength(100)
    expect(outcome.gasUsed).toBeLessThan(15_000_000n)
  })

  it('refuses an empty batch and one that no block should have to take', async () => {
    const chain = await devnet.connect()
    await expect(chain.claim([])).rejects.toThrow(RangeError)
    const purse = buildPurse(devnet.book, { payer: chain.account, voucherKey: newSigner() }, [dollars(1)])
    const claim = purse.claimOf(0, dollars(1))
    await expect(chain.claim(new Array(101).fill(claim))).rejects.toThrow(/1 .. 100 claims, not 101/)
  })
})
