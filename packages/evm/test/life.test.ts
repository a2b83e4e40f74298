import { hasCode } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPurse, type Devnet, dollars, newSigner, startDevnet } from './devnet.ts'

const DAY_SECONDS = 86_400
const feeOf = (amount: bigint): bigint => (amount * 500n) / 10_000n

describe('the life of a purse on a real chain', () => {
  let devnet: Devnet
  beforeAll(async () => {
    devnet = await startDevnet()
  })
  afterAll(() => devnet.stop())

  it('fund, first claim, later claims, batch, payout, thaw, close: every micro-dollar is accounted for', async () => {
    const payer = await devnet.connect()
    const provider = await devnet.connect()
    expect(await payer.escrowTerms()).toEqual({ feeBps: 500, thawSeconds: DAY_SECONDS })
    const voucherKey = newSigner()
    const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey }, [dollars(3), dollars(2), dollars(5)])
    expect(await payer.purse(purse.purse)).toBeUndefined()
    const before = await payer.balances(payer.account)

    const funded = await payer.fund(purse)
    expect(funded.purse).toBe(purse.purse)
    expect(funded.gasUsed).toBeGreaterThan(50_000n)
    expect(await provider.purse(purse.purse)).toEqual({
      purse: purse.purse,
      payer: payer.account,
      voucherSigner: voucherKey.address,
      root: purse.root,
      totalMicroUsd: dollars(10),
      claimedMicroUsd: 0n,
      thawEndsAt: undefined,
      closed: false,
    })
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(before.dollarMicroUsd - dollars(10))

    const first = await provider.claim([purse.claimOf(0, dollars(1))])
    expect(first.channels).toEqual([
      {
        channel: purse.channelOf(0),
        purse: purse.purse,
        node: purse.leaves[0]?.node,
        operator: purse.leaves[0]?.operator,
        cumulativeMicroUsd: dollars(1),
        grossMicroUsd: dollars(1),
        feeMicroUsd: feeOf(dollars(1)),
      },
    ])
    const later = await provider.claim([purse.claimOf(0, dollars(1.5), false)])
    expect(later.channels[0]?.grossMicroUsd).toBe(dollars(0.5))
    expect(later.gasUsed).toBeLessThan(first.gasUsed)

    // One of the batch is stale: it changes nothing and does not hold up the others.
    const batch = await provider.claim([
      purse.claimOf(1, dollars(2)),
      purse.claimOf(0, dollars(1), false),
      purse.claimOf(2, 1n as never),
    ])
    expect(batch.channels.map((channel) => channel.channel)).toEqual([purse.channelOf(1), purse.channelOf(2)])
    expect(await provider.claimedMicroUsd(purse.channelOf(0))).toBe(dollars(1.5))
    expect(await provider.claimedMicroUsd(purse.channelOf(1))).toBe(dollars(2))

    const operator = purse.leaves[1]?.operator ?? payer.account
    expect(await provider.owedMicroUsd(operator)).toBe(dollars(2) - feeOf(dollars(2)))
    const paid = await provider.payout(operator)
    expect(paid.gasCostWei).toBeGreaterThan(0n)
    expect((await provider.balances(operator)).dollarMicroUsd).toBe(dollars(1.9))
    expect(await provider.owedMicroUsd(operator)).toBe(0n)

    const thawed = await payer.thaw(purse.purse)
    const now = await payer.blockTime()
    expect(thawed.endsAt).toBe(now + DAY_SECONDS * 1000)
    expect((await payer.purse(purse.purse))?.thawEndsAt).toBe(thawed.endsAt)
    await expect(payer.close(purse.purse)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_REVERTED'))
    await provider.claim([purse.claimOf(2, dollars(4), false)])
    await devnet.passSeconds(DAY_SECONDS + 2)
    const closed = await provider.close(purse.purse)
    expect(closed.refundMicroUsd).toBe(dollars(10) - dollars(1.5) - dollars(2) - dollars(4))
    expect((await payer.purse(purse.purse))?.closed).toBe(true)

    const claims = await payer.claimsOf(purse.purse)
    expect(claims.map((claim) => claim.cumulativeMicroUsd)).toEqual([
      dollars(1),
      dollars(1.5),
      dollars(2),
      1n,
      dollars(4),
    ])
    expect(claims[0]?.transaction).toBe(first.transaction)
    const gross = claims.reduce((sum, claim) => sum + claim.grossMicroUsd, 0n)
    expect(gross + closed.refundMicroUsd).toBe(dollars(10))
  })

  it('funds once however often it is asked, as a payer does that was killed before it saw the answer', async () => {
    const payer = await devnet.connect()
    const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(7)])
    const first = await payer.fund(purse)
    const again = await payer.fund(purse)
    expect(again).toEqual(first)
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(993))
  })

  it('approves exactly when told so', async () => {
    const payer = await devnet.connect({ approval: 'exact' })
    for (const amount of [dollars(3), dollars(4)]) {
      const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [amount])
      await payer.fund(purse)
    }
    expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(993))
  })

  it('knows no operator of a node that nobody bonded', async () => {
    const chain = await devnet.connect()
    expect(await chain.operatorOf(newSigner().address)).toBeUndefined()
    expect(await chain.gasPrice()).toBeGreaterThan(0n)
  })

  it('refuses an empty batch and one that no block should have to take', async () => {
    const chain = await devnet.connect()
    await expect(chain.claim([])).rejects.toThrow(RangeError)
    const purse = buildPurse(devnet.book, { payer: chain.account, voucherKey: newSigner() }, [dollars(1)])
    const claim = purse.claimOf(0, dollars(1))
    await expect(chain.claim(new Array(101).fill(claim))).rejects.toThrow(/1 .. 100 claims, not 101/)
  })
})
