import { CoreError } from '@stead/core'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { askUntilHeard } from '../src/consumer/bill-risk.ts'
import { STORAGE_PROTOCOL, storageRequestSchema } from '../src/messages.ts'
import { serving } from './support/serving.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000
const MIB = 1_048_576

/** A node of which the answers to some bills do not arrive, though it has done what it was asked. */
async function losing(isLost: (nth: number) => boolean, priceMicroUsdPerTibHour = 10n ** 9n) {
  let asked = 0
  const world: TradeWorld = await TradeWorld.started({
    provider: { priceMicroUsdPerTibHour },
    decorate: (network) =>
      serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
        const answer = await handler(request)
        const isBill = storageRequestSchema.decodeMessage(request.payload).settle !== undefined
        if (isBill && isLost(++asked)) await world.clock.sleep(HOUR_MS)
        return answer
      }),
  })
  return { world, asked: () => asked }
}

describe('a bill whose answer is lost', () => {
  it('is asked for again by the same name before it is given up: nothing is written off', async () => {
    const { world, asked } = await losing((nth) => nth === 1)
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, MIB))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(asked()).toBeGreaterThan(1)
    expect(channel.stats().rejected).toBe(0)
    const earned = Number(await world.earned())
    expect([earned >= 954, earned < 965]).toEqual([true, true])
  })

  it('is asked for again where the connection closed, and not for long where nobody is there', async () => {
    const clock = new ManualClock()
    let asked = 0
    const ask = (answersAt: number) => async (): Promise<string> => {
      if (++asked >= answersAt) return 'answer'
      throw new CoreError('NETWORK_UNREACHABLE', 'the connection closed before the answer')
    }
    const soon = askUntilHeard(clock, ask(2))
    await clock.advance(2000)
    expect(await soon).toBe('answer')
    const never = askUntilHeard(clock, ask(1000)).catch(({ code }) => code)
    await clock.advance(10_000)
    expect([await never, asked]).toEqual(['NETWORK_UNREACHABLE', 2 + 3])
  })

  it('gives a node that does not answer no more time than one question has', async () => {
    const { world } = await losing(() => true)
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, MIB))
    await world.clock.advance(HOUR_MS)
    const fromMs = world.clock.monotonicMs()
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'offline' })
    expect(world.clock.monotonicMs() - fromMs).toBeLessThanOrEqual(31_000)
    expect(channel.stats().rejectedByReason['not-received']).toBe(1)
  })

  it('is at most half of what a node lets its payer leave unpaid, however large the credit is', async () => {
    let isAway = false
    const { world } = await losing(() => isAway, 10n ** 12n)
    const channel = await world.channel(90_000_000n)
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, MIB))
    while (channel.largestMicroUsd() < 500_000n) {
      await world.clock.advance(HOUR_MS / 6)
      await world.within(driver.settle(channel))
      await world.within(world.payer.settle())
    }
    await world.clock.advance(HOUR_MS)
    isAway = true
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'offline' })
    isAway = false
    await world.within(world.payer.settle())
    await world.clock.advance(HOUR_MS)
    // It would else be refused for good: quotes, deliveries and channels.
    const again = await world.channel()
    expect(await world.within(driver.settle(channel, { isFresh: true }))).toMatchObject({ kind: 'paid' })
    expect(again.state).toBe('open')
  }, 60_000)
})
