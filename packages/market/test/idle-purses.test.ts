import { hash, microUsd } from '@stead/core'
import { decorated, MemoryChain } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { channelRowSchema } from '../src/journal/rows.ts'
import { FUNDS, PAYER_ACCOUNT, World } from './world.ts'

const HOUR_MS = 3_600_000
const IDLE_MS = 6 * HOUR_MS
const CHECK_MS = 600_000
const THAW_MS = 24 * HOUR_MS
const MINIMUM = 1_000n

describe('a purse that nobody uses', () => {
  let world: World
  beforeEach(async () => {
    world = new World({
      payer: { purseIdleMs: IDLE_MS, purseCheckMs: CHECK_MS, purseMinimumMicroUsd: MINIMUM },
      provider: { quoteLifeMs: 24 * HOUR_MS, claimCheckMs: CHECK_MS },
    })
    await world.start()
  })

  async function stages(): Promise<readonly string[]> {
    return (await world.payer.purses()).map(({ stage }) => stage)
  }

  async function channelStages(): Promise<readonly string[]> {
    const rows = await world.payerStore.scan('market-payer-channels')
    return rows.map(({ value }) => channelRowSchema.decodeMessage(value).stage)
  }

  function dollars(): bigint {
    return world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd
  }

  it('comes home by itself, but for what was delivered', async () => {
    await world.open(1_000_000n)
    await world.deliver(5_000)
    await world.clock.advance(IDLE_MS - CHECK_MS)
    expect(await stages()).toEqual(['funded'])
    await world.clock.advance(3 * CHECK_MS)
    expect(await stages()).toEqual(['thawing'])
    await world.clock.advance(THAW_MS + 2 * CHECK_MS)
    expect(await stages()).toEqual(['closed'])
    expect(world.payer.channels()).toEqual([])
    expect(dollars()).toBe(FUNDS - 5_000n)
    const { grossMicroUsd, claimableMicroUsd } = await world.provider.earnings()
    expect({ grossMicroUsd, claimableMicroUsd }).toEqual({ grossMicroUsd: 5_000n, claimableMicroUsd: 0n })
  })

  it('of another payer is none of this one, which is said at once', async () => {
    await world.open(1_000_000n)
    const foreign = hash(`0x${'ab'.repeat(32)}`)
    for (const act of [() => world.payer.thaw(foreign), () => world.payer.close(foreign)])
      await expect(act()).rejects.toMatchObject({
        code: 'MARKET_PURSE_FOREIGN',
        retryable: false,
        next: expect.stringContaining('stead purses'),
      })
  })

  it('stays while it is used', async () => {
    await world.open(1_000_000n)
    for (let hour = 0; hour < 24; hour++) {
      await world.deliver(100)
      await world.clock.advance(HOUR_MS)
    }
    expect(await stages()).toEqual(['funded'])
    expect(world.payer.channels()[0]?.stats().paidMicroUsd).toBe(2_400n)
  })

  it('stays while something is in flight, or is owed', async () => {
    const channel = await world.open(1_000_000n)
    const reservation = channel.reserve(microUsd(10n))
    expect(reservation).toBeDefined()
    await world.clock.advance(2 * IDLE_MS)
    expect(await stages()).toEqual(['funded'])
    reservation?.reject('not-received')
    await world.clock.advance(2 * IDLE_MS)
    expect(await stages()).toEqual(['thawing'])
  })

  it('stays while one of its channels is used, however long the others are not', async () => {
    const shares = [await world.quote(), await world.quote()].map((quote) => {
      return { quote, allocationMicroUsd: microUsd(1_000_000n) }
    })
    const { channels } = await world.within(world.payer.openChannels(shares))
    expect(new Set(channels.map(({ terms }) => terms.purse)).size).toBe(1)
    expect(channels).toHaveLength(2)
    const reservations = channels.map((channel) => channel.reserve(microUsd(10n)))
    for (const reservation of reservations) {
      await world.clock.advance(2 * IDLE_MS)
      expect(await stages()).toEqual(['funded'])
      reservation?.reject('not-received')
    }
    await world.clock.advance(2 * IDLE_MS)
    expect(await stages()).toEqual(['thawing'])
  })

  it('is not taken for idle by a node that has just started', async () => {
    await world.open(1_000_000n)
    await world.payer.stop()
    world.killPayer()
    await world.clock.advance(10 * IDLE_MS)
    await world.startPayer()
    await world.clock.advance(HOUR_MS - 1_000)
    expect(await stages()).toEqual(['funded'])
    // Its old quote is over; a new one is on the channel that is open.
    await world.open(1_000n)
    await world.clock.advance(IDLE_MS - HOUR_MS)
    expect(await stages()).toEqual(['funded'])
    await world.clock.advance(HOUR_MS + 2 * CHECK_MS)
    expect(await stages()).toEqual(['thawing'])
  })

  it('is looked after no more once its node has stopped, whose chain may be gone then', async () => {
    let looks = 0
    const payerChain = (...of: ConstructorParameters<typeof MemoryChain>) =>
      decorated(new MemoryChain(...of), {
        blockTime: () => {
          looks++
          return Promise.resolve(world.clock.now())
        },
      })
    world = new World({ payer: { purseCheckMs: CHECK_MS }, provider: { quoteLifeMs: 24 * HOUR_MS }, payerChain })
    await world.start()
    const { terms } = await world.open(1_000_000n)
    await world.within(world.payer.thaw(terms.purse))
    await world.clock.advance(2 * CHECK_MS)
    expect(looks).toBeGreaterThan(0)
    await world.payer.stop()
    looks = 0
    await world.clock.advance(2 * CHECK_MS)
    expect(looks).toBe(0)
  })

  it('is closed after a thaw that was asked for by hand, also by the next process', async () => {
    await world.open(1_000_000n)
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    await world.within(world.payer.thaw(purse.purse))
    await world.payer.stop()
    world.killPayer()
    await world.clock.advance(THAW_MS + 2_000)
    await world.startPayer()
    await world.clock.advance(2 * CHECK_MS)
    expect(await world.payer.purses()).toMatchObject([{ stage: 'closed', refundMicroUsd: 999_990n }])
    // But for what was paid ahead.
    expect(dollars()).toBe(FUNDS - 10n)
  })

  it('is left where it is when it holds too little, out of memory and for good', async () => {
    await world.open(5_000n)
    await world.deliver(4_500)
    await world.clock.advance(IDLE_MS + 2 * CHECK_MS)
    expect(await stages()).toEqual(['funded'])
    expect(world.payer.channels()).toEqual([])
    await world.restartPayer()
    expect(world.payer.channels()).toEqual([])
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    await world.within(world.payer.thaw(purse.purse))
    await world.clock.advance(THAW_MS + 2 * CHECK_MS)
    expect(await stages()).toEqual(['closed'])
    expect(dollars()).toBe(FUNDS - 4_500n)
  })

  it('waits for the chain, and is taken back when it answers again', async () => {
    await world.open(1_000_000n)
    world.ledger.setOutage('unreachable')
    await world.clock.advance(2 * IDLE_MS)
    expect(await stages()).toEqual(['funded'])
    world.ledger.setOutage('none')
    await world.clock.advance(2 * CHECK_MS)
    expect(await stages()).toEqual(['thawing'])
  })

  it('thaws again where another fork undid that', async () => {
    await world.open(1_000_000n)
    await world.clock.advance(IDLE_MS + 2 * CHECK_MS)
    expect(await stages()).toEqual(['thawing'])
    world.ledger.reorganise(1)
    await world.clock.advance(2 * THAW_MS + 6 * CHECK_MS)
    expect(await stages()).toEqual(['closed'])
    expect(dollars()).toBe(FUNDS - 10n)
  })

  it('is closed again where another fork undid that', async () => {
    await world.open(1_000_000n)
    for (let looks = 0; (await stages())[0] !== 'closed' && looks < 200; looks++) await world.clock.advance(CHECK_MS)
    expect(dollars()).toBe(FUNDS - 10n)
    world.ledger.reorganise(1)
    expect(dollars()).toBeLessThan(FUNDS - 10n)
    await world.clock.advance(20 * 60_000)
    expect(await stages()).toEqual(['closed'])
    expect(dollars()).toBe(FUNDS - 10n)
  })

  it('has no channels any more once it is closed, whatever dies in between', async () => {
    for (const moment of ['before', 'after'] as const) {
      for (let nth = 1; nth <= 4; nth++) {
        world = new World({ payer: { purseCheckMs: CHECK_MS }, provider: { quoteLifeMs: 24 * HOUR_MS } })
        await world.start()
        const channel = await world.open(1_000_000n)
        await world.within(world.payer.thaw(channel.terms.purse))
        world.ledger.passSeconds(THAW_MS / 1_000 + 2)
        world.payerStore.crashAtWrite(nth, moment)
        await world.within(world.payer.close(channel.terms.purse)).catch(() => undefined)
        await world.restartPayer()
        await world.clock.advance(2 * CHECK_MS)
        expect(await stages()).toEqual(['closed'])
        expect(world.payer.channels()).toEqual([])
        expect(await channelStages()).toEqual(['closed'])
      }
    }
  })

  it('closes its channels as well when they rested', async () => {
    await world.open(900n)
    await world.clock.advance(IDLE_MS + 2 * CHECK_MS)
    expect(world.payer.channels()).toEqual([])
    const [purse] = await world.payer.purses()
    if (purse === undefined) throw new Error('no purse')
    await world.within(world.payer.thaw(purse.purse))
    await world.clock.advance(THAW_MS + 2 * CHECK_MS)
    expect(await stages()).toEqual(['closed'])
    expect(await channelStages()).toEqual(['closed'])
  })
})
