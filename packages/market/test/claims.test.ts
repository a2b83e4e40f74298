import { CoreError, microUsd, type Wei } from '@stead/core'
import { MemoryChain } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { PROVIDER_TABLES } from '../src/journal/tables.ts'
import { decideClaim, estimateClaimGas } from '../src/settlement/claim-policy.ts'
import { OPERATOR, World } from './world.ts'

const OPTIONS = {
  claimMinimumMicroUsd: microUsd(1_000_000n),
  claimGasShareBps: 500,
  nativeCoinMicroUsd: microUsd(3_000_000_000n),
}

describe('the claim policy', () => {
  const claimable = { grossMicroUsd: 2_000_000n, firstClaims: 1, laterClaims: 3 }
  it('claims when the net is worth it, and says with numbers why it waits', () => {
    const cheap = { gasPrice: 10_000_000n as Wei, feeBps: 500 }
    expect(estimateClaimGas(claimable)).toBe(210_000n)
    expect(decideClaim(claimable, cheap, OPTIONS)).toEqual({
      decision: 'claim',
      reason: 'worth-it',
      gasMicroUsd: 6_300n,
      feeMicroUsd: 100_000n,
    })
    const dear = { gasPrice: 1_000_000_000n as Wei, feeBps: 500 }
    expect(decideClaim(claimable, dear, OPTIONS)).toMatchObject({
      decision: 'wait',
      reason: 'gas-too-dear',
      gasMicroUsd: 630_000n,
    })
    const little = { ...claimable, grossMicroUsd: 1_050_000n }
    expect(decideClaim(little, cheap, OPTIONS)).toMatchObject({ decision: 'wait', reason: 'below-minimum' })
    expect(decideClaim({ ...claimable, grossMicroUsd: 0n }, cheap, OPTIONS)).toMatchObject({
      reason: 'nothing-to-claim',
    })
  })
})

/** A provider that holds `amount` on vouchers. */
async function earned(world: World, amount: number): Promise<void> {
  await world.start()
  await world.open(5_000_000n)
  for (let paid = 0; paid < amount; paid += 1_000) {
    await world.deliver(1_000, 1_000, paid)
    await world.clock.advance(10)
  }
  await world.within(world.payer.settle())
}

const CHEAP = { nativeCoinMicroUsd: 100_000n, claimMinimumMicroUsd: 50_000n, claimCheckMs: 10_000 }

describe('claims', () => {
  it('go out by themselves once they are worth it, with gross, fee, gas and net on record', async () => {
    const world = new World({ provider: CHEAP })
    await earned(world, 20_000)
    await world.clock.advance(20_000)
    expect((await world.provider.earnings()).claim).toMatchObject({
      decision: 'wait',
      reason: 'below-minimum',
      claimableMicroUsd: 20_000n,
    })
    for (let i = 0; i < 40; i++) {
      await world.deliver(1_000, 1_000, i)
      await world.clock.advance(10)
    }
    await world.within(world.payer.settle())
    await world.clock.advance(20_000)
    const earnings = await world.provider.earnings()
    expect(earnings.settlements).toHaveLength(1)
    const [settlement] = earnings.settlements
    expect(settlement).toMatchObject({
      reason: 'worth-it',
      grossMicroUsd: 60_000n,
      feeMicroUsd: 3_000n,
      gasMicroUsd: 9n,
      netMicroUsd: 56_991n,
    })
    expect(earnings.claim).toMatchObject({ decision: 'wait', reason: 'nothing-to-claim', claimableMicroUsd: 0n })
    await world.restartProvider()
    expect((await world.provider.earnings()).settlements).toEqual(earnings.settlements)
  })

  it('outlast an outage of the chain: the reason is shown, they are tried again, nothing is lost', async () => {
    const world = new World({ provider: CHEAP })
    await earned(world, 60_000)
    world.ledger.setOutage('unreachable')
    await world.clock.advance(60_000)
    const during = (await world.provider.earnings()).claim
    expect(during).toMatchObject({ decision: 'wait', reason: 'chain-unreachable', claimableMicroUsd: 60_000n })
    expect(during.retryAt).toBeGreaterThan(world.clock.now())
    expect(during.error).toBe('the simulated chain is switched off')
    world.ledger.setOutage('none')
    await world.clock.advance(300_000)
    expect(await world.provider.earnings()).toMatchObject({ grossMicroUsd: 60_000n, claimableMicroUsd: 0n })
  })

  it('wait while gas is dear, or the account has none, say so, and go out when that is over', async () => {
    const world = new World({ provider: { ...CHEAP, claimRetryMaxMs: 10_000 } })
    await world.start()
    const { ledger } = world
    const usualWei = ledger.gasPriceWei
    await world.open(5_000_000n)
    ledger.setGasPriceWei(usualWei * 10_000n)
    for (let paid = 0; paid < 60; paid++) {
      await world.deliver(1_000, 1_000, paid)
      await world.clock.advance(10)
    }
    await world.within(world.payer.settle())
    await world.clock.advance(11_000)
    const dear = (await world.provider.earnings()).claim
    expect(dear).toMatchObject({ decision: 'wait', reason: 'gas-too-dear', gasMicroUsd: 135_000n })
    const { gasWei } = ledger.balances(OPERATOR)
    ledger.burnGas(OPERATOR, gasWei)
    ledger.setGasPriceWei(usualWei)
    await world.clock.advance(11_000)
    expect((await world.provider.earnings()).claim).toMatchObject({ decision: 'wait', reason: 'gas-missing' })
    ledger.give(OPERATOR, { gasWei })
    await world.clock.advance(21_000)
    expect(await world.provider.earnings()).toMatchObject({ grossMicroUsd: 60_000n, gasMicroUsd: 9n })
  })

  it('leave no mark on the disk when the chain refused them for good', async () => {
    const world = new World({ provider: CHEAP })
    await earned(world, 20_000)
    await world.within(world.payer.stop())
    // Without its purse no voucher is worth anything.
    world.ledger.reorganise(world.ledger.blocks.head.number)
    const { failed } = await world.within(world.provider.settle())
    expect(failed).toHaveLength(1)
    expect(await world.providerStore.scan(PROVIDER_TABLES.claiming)).toEqual([])
  })

  it('are found again when the answer was lost, with the gas that they cost, and not sent twice', async () => {
    const world = new World({ provider: CHEAP })
    await earned(world, 60_000)
    world.ledger.setOutage('answers-lost')
    await world.clock.advance(15_000)
    expect(world.ledger.escrow.owedMicroUsd(OPERATOR)).toBe(57_000n)
    world.ledger.setOutage('none')
    await world.restartProvider()
    await world.clock.advance(30_000)
    const earnings = await world.provider.earnings()
    expect(earnings.settlements).toHaveLength(1)
    expect(earnings.settlements[0]).toMatchObject({
      reason: 'found-on-chain',
      grossMicroUsd: 60_000n,
      gasUsed: 90_000n,
      gasMicroUsd: 9n,
    })
    expect(earnings.claimableMicroUsd).toBe(0n)
  })

  it('are found again when the disk refused their record, and a thaw was noted on the channel meanwhile', async () => {
    const world = new World({ provider: { ...CHEAP, thawMarginMs: 1_000 } })
    await earned(world, 60_000)
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    const { providerStore: disk } = world
    const write = disk.write.bind(disk)
    disk.write = async (batch, durability) => {
      if (!batch.some(({ table }) => table === PROVIDER_TABLES.settlements)) return write(batch, durability)
      await world.payer.thaw(purse.purse)
      throw new CoreError('STORE_FAILED', 'the disk refused the record')
    }
    await world.clock.advance(10_500)
    expect(world.ledger.escrow.owedMicroUsd(OPERATOR)).toBe(57_000n)
    await world.restartProvider()
    await world.clock.advance(30_000)
    expect(await world.provider.earnings()).toMatchObject({
      grossMicroUsd: 60_000n,
      claimableMicroUsd: 0n,
      channels: [{ state: 'thawing', claimedMicroUsd: 60_000n }],
    })
  })

  it('are in the books also when the purse was closed while the node was away', async () => {
    const world = new World({ provider: { ...CHEAP, thawMarginMs: 1_000 } })
    await earned(world, 60_000)
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    world.ledger.setOutage('answers-lost')
    while (world.ledger.escrow.owedMicroUsd(OPERATOR) === 0n) await world.clock.advance(100)
    expect((await world.provider.earnings()).settlements).toEqual([])
    world.killProvider()
    world.ledger.setOutage('none')
    await world.within(world.payer.thaw(purse.purse))
    world.ledger.passSeconds(86_402)
    await world.within(world.payer.close(purse.purse))
    await world.startProvider()
    await world.clock.advance(30_000)
    expect(await world.provider.earnings()).toMatchObject({
      grossMicroUsd: 60_000n,
      gasMicroUsd: 9n,
      channels: [{ state: 'closed', claimedMicroUsd: 60_000n }],
    })
  })

  it('by a watchtower count as earned, without gas', async () => {
    const world = new World({ provider: { ...CHEAP, claimMinimumMicroUsd: 10_000_000n } })
    await earned(world, 30_000)
    const [receipt] = (await world.provider.receipts({})).slice(-1)
    if (receipt === undefined) throw new Error('no receipt')
    const { terms, branch } = receipt.evidence
    const tower = new MemoryChain(world.ledger, OPERATOR)
    await tower.start()
    await tower.claim([
      {
        ...terms,
        cumulativeMicroUsd: receipt.increment.cumulativeMicroUsd,
        signature: receipt.voucherSignature,
        index: branch.index,
        branch: branch.steps,
      },
    ])
    const report = await world.within(world.provider.settle())
    expect(report.failed).toEqual([])
    const earnings = await world.provider.earnings()
    expect(earnings).toMatchObject({ grossMicroUsd: 30_000n, claimableMicroUsd: 0n })
    expect(earnings.settlements.find(({ reason }) => reason === 'found-on-chain')).toMatchObject({
      grossMicroUsd: 30_000n,
      gasUsed: 0n,
    })
  })

  it('are asked for at a stop when the operator wants that', async () => {
    const world = new World({ provider: { claimOnStop: true, claimCheckMs: 600_000 } })
    await earned(world, 5_000)
    await world.within(world.provider.stop())
    expect(world.ledger.escrow.owedMicroUsd(OPERATOR)).toBe(4_750n)
  })
})
