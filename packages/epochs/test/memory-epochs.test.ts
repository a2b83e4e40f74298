import { afterEach, describe, expect, it } from 'vitest'
import { MemoryWorld, TOKEN } from './memory-world.ts'

describe('an epoch on simulated ports', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  it('goes from paid work to minted tokens as on a real chain', async () => {
    world = new MemoryWorld()
    const proposer = await world.join('proposer', { propose: true })
    const earner = await world.join('earner', { claimFromMicroUsd: 0n })
    await world.join('third')
    await world.join('fourth')
    await world.passTo(2)
    await world.pay(earner, 100)
    await world.passTo(3)
    await world.buyLot()
    const final = await world.until('a final root of the sale', async () => {
      const root = await proposer.economy.finalRoot()
      return root !== undefined && root.epoch >= 3 ? root : undefined
    })
    for (const { service } of world.members) {
      expect(service.watcher.verdictOf(final.epoch)).toMatchObject({ verdict: 'match' })
      expect([...service.faults]).toEqual([])
    }
    const { burnedTokenUnits } = (await proposer.economy.saleOf(2)) ?? { burnedTokenUnits: 0n }
    const cap = (burnedTokenUnits * 8n) / 10n
    await world.until('the claim', async () => {
      const balance = await earner.economy.tokenBalance(earner.operator)
      return balance === 1_000_000n * TOKEN - 2000n * TOKEN + cap ? true : undefined
    })
    expect((await earner.service.claimer?.claimed())?.map(({ kind }) => kind)).toEqual([
      'payout',
      'accrue',
      'claim-reward',
    ])
  })

  it('is proposed in the next one but one as well, until the logs of the next one are gathered', async () => {
    world = new MemoryWorld()
    const late = await world.join('late')
    await world.join('second')
    await world.join('third')
    await world.passTo(3)
    const proposed = await world.during(late.service.proposer.proposeNewest())
    expect(proposed?.logs).toBe(3)
    expect((await late.economy.proposal())?.epoch).toBe(1)
  })
})
