import { microUsd } from '@stead/core'
import { decorated } from '@stead/testkit'
import { expect, it } from 'vitest'
import { dueAt, partOf } from '../src/agreement/agreement.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

/** A mebibyte for a second costs 265 micro-dollars of this. */
const DEAR = 10n ** 12n

it('an agreement of which a single second costs more than the credit is paid for in parts of that second', async () => {
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
  expect(await world.within(driver.settle(small))).toMatchObject({ kind: 'paid', amountMicroUsd: 265n, isWhole: true })
  expect(await world.earned()).toBe(265n)
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
