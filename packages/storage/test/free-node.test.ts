import { microUsd } from '@stead/core'
import { bundleReceipts, MarketError } from '@stead/market'
import { loadSecp256k1 } from '@stead/protocol'
import { paidPeriodsOf, recomputeStorageBill } from '@stead/storage'
import { MemoryStore } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { AGREEMENTS_TABLE, decodeAgreementRow } from '../src/provider/agreement-rows.ts'
import { KeptAgreement } from '../src/provider/kept-agreement.ts'
import { PeriodBills } from '../src/provider/period-bills.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const secp256k1 = await loadSecp256k1()

/** A node that takes nothing for what it keeps. */
async function freeWorld() {
  const world = await TradeWorld.started({ provider: { priceMicroUsdPerTibHour: 0n } })
  const channel = await world.channel()
  const driver = await world.agreement(channel)
  await world.keep(driver, channel, pieceOf(1, 65_536))
  return { world, channel, driver }
}

describe('a node that keeps pieces for nothing', () => {
  it('proves them like any other, and its bill of nothing can be recomputed', async () => {
    const { world, channel, driver } = await freeWorld()
    for (let hour = 0; hour < 3; hour++) {
      await world.clock.advance(HOUR_MS)
      const outcome = await world.within(driver.settle(channel))
      expect(outcome).toMatchObject({ kind: 'paid', amountMicroUsd: 0n, isWhole: true })
    }
    await world.within(world.payer.settle())
    const { channels } = bundleReceipts(world.ledger.identity, await world.payer.receipts({}))
    const periods = await paidPeriodsOf(world.payerStore, world.nodeKey.signer.address)
    const chain = world.ledger.identity
    expect(recomputeStorageBill({ secp256k1, chain, periods, channels })).toMatchObject({
      kind: 'match',
      periods: 3,
      byteSeconds: 3n * 3600n * 65_536n,
      amountMicroUsd: 0n,
      waiting: 0,
    })
    expect(await world.earned()).toBe(0n)
  })

  it('is found out in the next round when it has lost them', async () => {
    const { world, channel, driver } = await freeWorld()
    await world.rot(driver.id, pieceOf(1).piece)
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'lost', piece: pieceOf(1).piece })
  })

  it('goes on keeping them for as long as somebody asks, also over a restart', async () => {
    const { world, channel, driver } = await freeWorld()
    for (let day = 0; day < 16; day++) {
      await world.clock.advance(DAY_MS)
      expect([day, await world.within(driver.settle(channel))]).toMatchObject([day, { kind: 'paid' }])
    }
    await world.restartNode()
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    await world.keep(driver, channel, pieceOf(2, 4096))
    expect(driver.agreement?.pieces).toBe(2)
  })

  it('owes nobody a place on its books for a bill of nothing: its channel may be forgotten', async () => {
    const unknown = (): never => {
      throw new MarketError('MARKET_CHANNEL_UNKNOWN', 'the channel is not known')
    }
    const market = { hasDelivered: async () => false, wake: async () => unknown(), admit: unknown }
    const bills = new PeriodBills({ market, store: new MemoryStore() })
    const owed = async (amountMicroUsd: bigint): Promise<void> => {
      const { world, channel, driver } = await freeWorld()
      await world.clock.advance(HOUR_MS)
      await world.within(driver.settle(channel))
      const value = await world.nodeStore.get(AGREEMENTS_TABLE, driver.id.slice(2))
      if (value === undefined) throw new Error('the node has no such agreement')
      const { bill, ...row } = decodeAgreementRow(value)
      if (bill === undefined) throw new Error('nothing was billed')
      await bills.requireBooked(
        new KeptAgreement({ ...row, bill: { ...bill, amountMicroUsd: microUsd(amountMicroUsd) } }),
      )
    }
    await owed(0n)
    await expect(owed(1n)).rejects.toMatchObject({ code: 'STORAGE_UNPAID' })
  })

  it('has nothing to prove where it keeps nothing', async () => {
    const world = await TradeWorld.started({ provider: { priceMicroUsdPerTibHour: 0n } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toEqual({ kind: 'nothing-due' })
  })
})
