import { type Hash, hasCode } from '@stead/core'
import type { TestPurse } from '@stead/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildPurse, type Devnet, dollars, newSigner, startDevnet } from './devnet.ts'

describe('sending under load and in trouble', () => {
  let devnet: Devnet
  beforeAll(async () => {
    devnet = await startDevnet()
  })
  afterEach(async () => {
    await devnet.rpc('evm_setAutomine', true)
    await devnet.rpc('evm_mine')
  })
  afterAll(() => devnet.stop())

  const purseOf = (payer: { account: TestPurse['voucherSigner'] }, amount = 1): TestPurse =>
    buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(amount)])
  const waiting = async (count: number): Promise<void> => {
    const expected = `0x${count.toString(16)}`
    await expect
      .poll(async () => ((await devnet.rpc('txpool_status')) as { pending: string }).pending, { timeout: 10_000 })
      .toBe(expected)
  }
  const nonceOf = async (account: string): Promise<number> =>
    Number(await devnet.rpc('eth_getTransactionCount', account, 'latest'))

  it('mines many concurrent sends of one account, each exactly once', async () => {
    const payer = await devnet.connect()
    const provider = await devnet.connect()
    const purses = Array.from({ length: 12 }, () => purseOf(payer))
    await Promise.all(purses.map((purse) => payer.fund(purse)))
    const outcomes = await Promise.all(purses.map((purse) => provider.claim([purse.claimOf(0, dollars(0.5))])))
    expect(new Set(outcomes.map((outcome) => outcome.transaction)).size).toBe(12)
    expect(await nonceOf(provider.account)).toBe(12)
    for (const purse of purses) expect((await payer.purse(purse.purse))?.claimedMicroUsd).toBe(dollars(0.5))
  })

  it('lets several wait for one block', async () => {
    const provider = await devnet.connect()
    const payer = await devnet.connect()
    const purses = [purseOf(payer), purseOf(payer), purseOf(payer)]
    for (const purse of purses) await payer.fund(purse)
    await devnet.rpc('evm_setAutomine', false)
    const claims = Promise.all(purses.map((purse) => provider.claim([purse.claimOf(0, dollars(1))])))
    await waiting(3)
    await devnet.rpc('evm_mine')
    const outcomes = await claims
    expect(new Set(outcomes.map((outcome) => outcome.blockNumber)).size).toBe(1)
  })

  it('goes on after a refused transaction: no gap in the nonces', async () => {
    const payer = await devnet.connect()
    const [good, other] = [purseOf(payer), purseOf(payer)]
    const outcomes = await Promise.allSettled([payer.fund(good), payer.payout(newSigner().address), payer.fund(other)])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('shares an account with another program', async () => {
    const signer = newSigner()
    await devnet.give(signer.address, { gasWei: (10n ** 18n) as never, dollarMicroUsd: dollars(20) })
    const options = { replacedAfterMs: 200 }
    const [left, right] = [await devnet.connect(options, signer), await devnet.connect(options, signer)]
    const purses = Array.from({ length: 8 }, () => purseOf(left))
    for (const purse of purses) await left.fund(purse)
    const operators = purses.map((purse) => purse.leaves[0]?.operator ?? left.account)
    await left.claim(purses.map((purse) => purse.claimOf(0, dollars(1))))
    const paid = operators.map((operator, index) => (index % 2 === 0 ? left : right).payout(operator))
    await Promise.all(paid)
    for (const operator of operators) expect((await left.balances(operator)).dollarMicroUsd).toBe(dollars(0.95))
  })

  it('offers more for a transaction that nobody takes, and recognises whichever version is mined', async () => {
    const payer = await devnet.connect({ feeBumpAfterMs: 300, receiptPollMaxMs: 50 })
    const purse = purseOf(payer)
    await payer.fund(purseOf(payer))
    await devnet.rpc('evm_setAutomine', false)
    const funding = payer.fund(purse)
    await waiting(1)
    const offered = async (): Promise<{ hash: Hash; maxFeePerGas: string }> => {
      const pool = (await devnet.rpc('txpool_content')) as {
        pending: Record<string, Record<string, { hash: Hash; maxFeePerGas: string }>>
      }
      const mine = Object.entries(pool.pending).find(([account]) => account.toLowerCase() === payer.account)
      const [transaction] = Object.values(mine?.[1] ?? {})
      if (transaction === undefined) throw new Error('nothing is offered')
      return transaction
    }
    const first = await offered()
    await expect.poll(async () => (await offered()).hash !== first.hash, { timeout: 10_000 }).toBe(true)
    const second = await offered()
    expect(BigInt(second.maxFeePerGas)).toBeGreaterThanOrEqual((BigInt(first.maxFeePerGas) * 5n) / 4n)
    await devnet.rpc('evm_mine')
    const outcome = await funding
    expect((await payer.purse(purse.purse))?.totalMicroUsd).toBe(dollars(1))
    expect(outcome.transaction).not.toBe(first.hash)
  })

  describe('when another program takes its nonce', () => {
    /** What the account's transactions look like once another one was mined in their place. */
    const replace = async (account: string): Promise<void> => {
      await waiting(1)
      await devnet.rpc('anvil_dropAllTransactions')
      await devnet.rpc('anvil_setNonce', account, `0x${((await nonceOf(account)) + 1).toString(16)}`)
      await devnet.rpc('evm_mine')
    }

    it('sends again', async () => {
      const payer = await devnet.connect({ receiptPollMaxMs: 30, replacedAfterMs: 200 })
      await payer.fund(purseOf(payer))
      await devnet.rpc('evm_setAutomine', false)
      const purse = purseOf(payer)
      const funding = payer.fund(purse)
      await replace(payer.account)
      await waiting(1)
      await devnet.rpc('evm_mine')
      expect((await funding).purse).toBe(purse.purse)
      expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(998))
    })

    it('says so when that does not end', async () => {
      const payer = await devnet.connect({ receiptPollMaxMs: 30, replacedAfterMs: 200 })
      await payer.fund(purseOf(payer))
      await devnet.rpc('evm_setAutomine', false)
      const refused = expect(payer.fund(purseOf(payer))).rejects.toSatisfy((e) => hasCode(e, 'CHAIN_REPLACED'))
      for (let round = 0; round < 3; round++) await replace(payer.account)
      await refused
      await devnet.rpc('evm_setAutomine', true)
      await payer.fund(purseOf(payer))
    })
  })

  it('gives up waiting in time, and asking again later finds the money spent once', async () => {
    const payer = await devnet.connect({ receiptTimeoutMs: 1000 })
    await payer.fund(purseOf(payer))
    await devnet.rpc('evm_setAutomine', false)
    const purse = purseOf(payer)
    await expect(payer.fund(purse)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_TIMEOUT'))
    // The first attempt still waits for a block when the second is made.
    const again = payer.fund(purse)
    await devnet.rpc('evm_mine')
    const outcome = await again
    expect(await payer.fund(purse)).toEqual(outcome)
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(998))
  })

  it('waits for as many blocks as it was told to', async () => {
    const payer = await devnet.connect({ confirmations: 3, receiptPollMaxMs: 50 })
    let heightAtEnd = 0
    const funding = payer.fund(purseOf(payer)).then(async (outcome) => {
      heightAtEnd = Number(await devnet.rpc('eth_blockNumber'))
      return outcome
    })
    await expect.poll(() => nonceOf(payer.account), { timeout: 10_000 }).toBe(1)
    await devnet.rpc('evm_mine')
    // The approval has two blocks and needs three, so the funding cannot even be sent.
    expect(await nonceOf(payer.account)).toBe(1)
    const mineUntilEnd = async (): Promise<boolean> => {
      await devnet.rpc('evm_mine')
      return heightAtEnd > 0
    }
    await expect.poll(mineUntilEnd, { timeout: 20_000 }).toBe(true)
    expect(heightAtEnd).toBeGreaterThanOrEqual(Number((await funding).blockNumber) + 2)
  })

  it('explains a revert that only the block saw', async () => {
    const payer = await devnet.connect()
    const [first, second] = [await devnet.connect(), await devnet.connect()]
    const purse = purseOf(payer)
    await payer.fund(purse)
    const operator = purse.leaves[0]?.operator ?? payer.account
    await first.claim([purse.claimOf(0, dollars(1))])
    await devnet.rpc('evm_setAutomine', false)
    const outcomes = Promise.allSettled([first.payout(operator), second.payout(operator)])
    await waiting(2)
    await devnet.rpc('evm_mine')
    const refused = (await outcomes).filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(1)
    expect(String(refused[0]?.reason)).toMatch(/NothingOwed/)
  })
})
