import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { agreementSchema } from '../src/agreement/agreement.ts'
import { paidPeriodsOf } from '../src/consumer/paid-periods.ts'
import { NetworkWorld } from './support/network-world.ts'

const KEY = new Uint8Array(32).fill(9)
const MINUTE_MS = 60_000
const HOUR_SECONDS = 3600

describe('a node that was away and comes back with the bytes', () => {
  it('is paid for the time in which it was away, as ADR 17 says', async () => {
    const world = await NetworkWorld.of(3, { dataPieces: 2, pieces: 3, enough: 3 })
    await world.within(world.payer.segments.put(KEY, new SeededRandom(11).bytes(30_000)))
    await world.clock.advance(130 * MINUTE_MS)
    const [away] = world.sellers
    if (away === undefined) throw new TypeError('nobody sells')
    world.hub.partition([away.peer])
    await world.clock.advance(100 * MINUTE_MS)
    const missed = world.payer.consumer.status().find(({ node }) => node === away.node)
    expect(missed?.lastOutcome).toBe('offline')
    world.hub.heal()
    await world.clock.advance(130 * MINUTE_MS)
    const periods = (await paidPeriodsOf(world.payerStore, away.node)).map(({ before, after }) => {
      const [from, to] = [before, after].map(({ document }) => agreementSchema.decodeDocument(document))
      if (from === undefined || to === undefined) throw new TypeError('a period of nothing')
      return { fromSecond: from.atSecond, toSecond: to.atSecond, dueByteSeconds: to.dueByteSeconds }
    })
    // Each begins where the last one ended, and one is over the time in which nobody answered.
    for (const [place, { fromSecond }] of periods.slice(1).entries()) expect(fromSecond).toBe(periods[place]?.toSecond)
    expect(Math.max(...periods.map(({ fromSecond, toSecond }) => toSecond - fromSecond))).toBeGreaterThan(
      1.5 * HOUR_SECONDS,
    )
    expect(periods.every(({ dueByteSeconds }) => dueByteSeconds === 0n)).toBe(true)
  })
})
