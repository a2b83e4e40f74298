import { hasCode, microUsd } from '@stead/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { entryOf, FUNDS, OPERATOR, PAYER_ACCOUNT, World } from './world.ts'

describe('a channel from quote to refund', () => {
  let world: World
  beforeEach(async () => {
    world = new World()
    await world.start()
  })

  it('opens with a prepayment, pays for what is delivered, settles and refunds to the last micro-dollar', async () => {
    const channel = await world.open(1_000_000n)
    expect(channel.state).toBe('open')
    expect(channel.stats().prepaidMicroUsd).toBe(10n)
    expect(channel.roomMicroUsd()).toBe(20_010n)
    for (let i = 0; i < 50; i++) await world.deliver(100 + i, 150, i)
    const report = await world.within(world.payer.settle())
    expect(report.unsettled).toEqual([])
    const owed = 50n * 100n + (49n * 50n) / 2n
    expect(report.receiptedMicroUsd).toBe(owed)
    const stats = channel.stats()
    expect(stats).toMatchObject({
      accepted: 50,
      inFlight: 0,
      paidMicroUsd: owed,
      prepaidMicroUsd: 0n,
      unpaidMicroUsd: 0n,
    })

    const settled = await world.within(world.provider.settle())
    expect(settled.failed).toEqual([])
    const [settlement] = settled.settlements
    expect(settlement).toMatchObject({ reason: 'asked', grossMicroUsd: owed, feeMicroUsd: owed / 20n })
    expect(settlement?.netMicroUsd).toBe(owed - owed / 20n - (settlement?.gasMicroUsd ?? 0n))
    const earnings = await world.provider.earnings()
    expect(earnings).toMatchObject({
      deliveredMicroUsd: owed,
      paidMicroUsd: owed,
      unpaidMicroUsd: 0n,
      claimableMicroUsd: 0n,
      grossMicroUsd: owed,
    })

    const purse = (await world.payer.purses())[0]?.purse
    if (purse === undefined) throw new Error('no purse')
    const thawing = await world.within(world.payer.thaw(purse))
    expect(thawing.stage).toBe('thawing')
    await world.clock.advance(86_402_000)
    const closed = await world.within(world.payer.close(purse))
    expect(closed).toMatchObject({ stage: 'closed', refundMicroUsd: 1_000_000n - owed })
    expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - owed)
    const { escrow } = world.ledger
    expect(escrow.owedMicroUsd(OPERATOR) + escrow.feesHeldMicroUsd).toBe(owed)
    expect(escrow.heldMicroUsd).toBe(owed)
    expect(world.payer.channels()).toEqual([])
    // Two looks: one sees that the purse is closed, the next that nobody needs it any more.
    await world.clock.advance(2 * 61_000)
    const held = [...world.payer.sizes(), ...world.provider.sizes()].filter(
      ({ what }) => !what.startsWith('peers that'),
    )
    expect(held.filter(({ have }) => have > 0)).toEqual([])
  })

  it('uses an open channel again instead of locking more', async () => {
    const first = await world.open(1_000_000n)
    const again = await world.open(500_000n)
    expect(again.id).toBe(first.id)
    expect(await world.payer.purses()).toHaveLength(1)
    const larger = await world.open(2_000_000n)
    expect(larger.id).not.toBe(first.id)
  })

  it('says need and have when the account cannot pay', async () => {
    const quote = await world.quote()
    const opening = world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(200_000_000n) }])
    await expect(world.within(opening)).rejects.toSatisfy((error) => {
      return (
        hasCode(error, 'MARKET_UNFUNDED') &&
        error.details.needMicroUsd === 200_000_000n &&
        error.details.haveMicroUsd === 100_000_000n
      )
    })
  })

  it('lets the window grow with payment and shrink with rejection', async () => {
    const channel = await world.open(10_000_000n)
    expect(channel.stats().windowMicroUsd).toBe(20_000n)
    for (let i = 0; i < 100; i++) {
      await world.deliver(1_000, 1_000, i)
      await world.clock.advance(20)
    }
    await world.within(world.payer.settle())
    const grown = channel.stats().windowMicroUsd
    expect(grown).toBeGreaterThan(40_000n)
    const reservation = channel.reserve(microUsd(500n))
    if (reservation === undefined) throw new Error('no room')
    const admission = world.provider.admit({
      peer: world.payerKey.peer,
      channel: channel.id,
      delivery: reservation.delivery,
      maximumMicroUsd: microUsd(500n),
    })
    await admission.deliver(entryOf(reservation.delivery, 400))
    reservation.reject('wrong-result')
    await world.clock.advance(2_000)
    expect(channel.stats()).toMatchObject({ rejected: 1, windowMicroUsd: 20_000n, inFlight: 0 })
    expect(await world.provider.earnings()).toMatchObject({ writtenOffMicroUsd: 400n, unpaidMicroUsd: 0n })
  })
})
