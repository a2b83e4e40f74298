import { microUsd } from '@stead/core'
import { decorated } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { dueAt, partOf } from '../src/agreement/agreement.ts'
import { awaitOpen } from '../src/consumer/channel-room.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000
/** A mebibyte for a second costs 265 micro-dollars of this. */
const DEAR = 10n ** 12n

/** A payer that owes more than its node's credit, and cannot pay until an earlier second: what is due goes with the last revision. */
async function owing() {
  const world = await TradeWorld.started({ provider: { priceMicroUsdPerTibHour: DEAR } })
  const channel = await world.channel()
  const driver = await world.agreement(channel)
  await world.keep(driver, channel, pieceOf(1, 100_000))
  await world.clock.advance(HOUR_MS)
  await world.keep(driver, channel, pieceOf(2))
  return { world, channel, driver }
}

describe('an agreement', () => {
  it('is paid in parts where more is due than the channel has room for', async () => {
    const { world, channel, driver } = await owing()
    expect(channel.largestMicroUsd()).toBeLessThan(90_000n)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(driver.agreement?.dueByteSeconds).toBe(0n)
    expect(await world.earned()).toBeGreaterThan(90_000n)
  })

  it('waits for half of the credit at most, which is all that a part of a bill takes: others keep the rest', async () => {
    const { world, channel, driver } = await owing()
    // A delivery that never ends has some of the credit all the time.
    await world.within(awaitOpen(channel, world.clock))
    const stuck = channel.reserve(microUsd(10n))
    expect(stuck).toBeDefined()
    const fromMs = world.clock.monotonicMs()
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(world.clock.monotonicMs() - fromMs).toBeLessThan(10_000)
    stuck?.release()
  })

  it('is paid up again when more is unpaid than may be, however little credit there is', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 4 * 3600 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(4 * HOUR_MS - 60_000)
    await world.keep(driver, channel, pieceOf(2))
    await world.clock.advance(HOUR_MS)
    // 954 micro-dollars an hour are due.
    const largest = microUsd(500n)
    const small = decorated(channel, {
      largestMicroUsd: () => largest,
      roomMicroUsd: () => largest,
      reserve: (maximum) => (maximum > largest ? undefined : channel.reserve(maximum)),
    })
    expect(await world.within(driver.settle(small))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(Number(await world.earned())).toBeGreaterThanOrEqual(4.9 * 953)
    await world.keep(driver, channel, pieceOf(3))
  })

  it('is paid up again also where more was agreed on before than the node takes unpaid', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 4 * 3600 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(4 * HOUR_MS - 60_000)
    await world.keep(driver, channel, pieceOf(2))
    await world.clock.advance(HOUR_MS)
    await expect(world.keep(driver, channel, pieceOf(3))).rejects.toMatchObject({
      details: { remoteCode: 'STORAGE_UNPAID' },
    })
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(Number(await world.earned())).toBeGreaterThanOrEqual(4.9 * 953)
    await world.keep(driver, channel, pieceOf(3))
    expect(driver.agreement).toMatchObject({ pieces: 3 })
  })
  it('is paid in parts of a second where a single one costs more than the credit', async () => {
    const world = await TradeWorld.started({ provider: { priceMicroUsdPerTibHour: DEAR } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'nothing-due' })
    const largest = microUsd(100n)
    const small = decorated(channel, {
      largestMicroUsd: () => largest,
      roomMicroUsd: () => largest,
      reserve: (maximum) => (maximum > largest ? undefined : channel.reserve(maximum)),
    })
    await world.clock.advance(1000)
    expect(await world.within(driver.settle(small))).toMatchObject({
      kind: 'paid',
      amountMicroUsd: 265n,
      isWhole: true,
    })
    expect(await world.earned()).toBe(265n)
  })
})

it('a part of what is due ends with the last second that it pays whole, and within one only where it pays for none', async () => {
  const world = await TradeWorld.started()
  const channel = await world.channel()
  const driver = await world.agreement(channel)
  await world.keep(driver, channel, pieceOf(1))
  const { agreement } = driver
  if (agreement === undefined) throw new Error('nothing is agreed')
  const fresh = { ...agreement, bytes: 1000, dueByteSeconds: 0n }
  const { atSecond } = fresh
  expect(partOf(fresh, 2999n)).toEqual({ atSecond: atSecond + 2, billedByteSeconds: 2000n })
  expect(partOf(fresh, 999n)).toEqual({ atSecond: atSecond + 1, billedByteSeconds: 999n })
  // What is left of the last second comes first.
  const begun = { ...fresh, dueByteSeconds: 300n }
  expect(partOf(begun, 200n)).toEqual({ atSecond, billedByteSeconds: 200n })
  expect(partOf(begun, 999n)).toEqual({ atSecond, billedByteSeconds: 300n })
  expect(partOf(begun, 1300n)).toEqual({ atSecond: atSecond + 1, billedByteSeconds: dueAt(begun, atSecond + 1) })
})
