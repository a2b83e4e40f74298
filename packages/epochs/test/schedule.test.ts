import { hash, type UnixMs } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { ChainTime } from '../src/chain-time.ts'
import { networkOf } from '../src/node-directory.ts'
import { edgeMsOf, pollMsOf, scheduleOf } from '../src/schedule.ts'

const DAYS = { genesisSeconds: 1000, epochSeconds: 86_400 }
const SECONDS = { genesisSeconds: 1000, epochSeconds: 10 }

describe('the times of an epoch', () => {
  it('leave two hours of a day for logs, half of them to be owed, and seconds of a short one', () => {
    const { endsAt, logsOwedAt, logsCloseAt } = scheduleOf(DAYS, epochNumber(2))
    expect([endsAt, logsOwedAt - endsAt, logsCloseAt - endsAt]).toEqual([260_200_000, 3_600_000, 7_200_000])
    const short = scheduleOf(SECONDS, epochNumber(0))
    expect(short.logsCloseAt - short.endsAt).toBe(3000)
    const busy = scheduleOf({ ...SECONDS, epochSeconds: 24 }, epochNumber(0))
    expect(busy.logsCloseAt - busy.endsAt).toBe(6000)
    const hour = scheduleOf({ ...SECONDS, epochSeconds: 3600 }, epochNumber(0))
    expect(hour.logsCloseAt - hour.endsAt).toBe(300_000)
  })

  it('have polls and edges within bounds', () => {
    expect([pollMsOf(DAYS), pollMsOf(SECONDS)]).toEqual([15_000, 200])
    expect([edgeMsOf(DAYS, 10), edgeMsOf(SECONDS, 10)]).toEqual([60_000, 1000])
  })
})

describe('the time of the chain', () => {
  it('goes on from the newest block, whatever the wall clock says, and leaps with the chain', async () => {
    const clock = new ManualClock()
    const time = new ChainTime({ clock, calendar: SECONDS })
    expect(() => time.now()).toThrow(TypeError)
    const mark = (number: number, at: number) => ({
      number,
      at: at as UnixMs,
      hash: hash(`0x${`${number}`.repeat(64)}`),
    })
    time.observe(mark(1, 1_000_000))
    await clock.advance(2500)
    expect([time.now(), time.epoch()]).toEqual([1_002_500, 0])
    // A block that is seen late does not turn time back.
    time.observe(mark(2, 1_002_000))
    expect(time.now()).toBe(1_002_500)
    time.observe(mark(3, 1_500_000))
    expect([time.now(), time.epoch()]).toEqual([1_500_000, 50])
    expect([time.untilMs(1_500_100 as UnixMs), time.untilMs(1 as UnixMs)]).toEqual([100, 0])
  })
})

describe('the network of a node', () => {
  it.each([
    [['/ip4/10.1.2.3/tcp/1'], [4, 10, 1, 2]],
    [['/ip6/2001:db8::1/tcp/1'], [6, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0]],
    [['/ip6/2001:db8:1:2:3:4:5:6/tcp/1'], [6, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2]],
    [['/ip6/::1/tcp/1'], [6, 0, 0, 0, 0, 0, 0, 0, 0]],
    [['/dns4/example.org/tcp/1', '/ip4/10.1.2.300/tcp/1', '/ip6/1:2/tcp/1', '/ip6/x::/tcp/1'], []],
    [[], []],
  ])('of %j is %j', (addresses, network) => {
    expect([...networkOf(addresses)]).toEqual(network)
  })
})
