import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { TellingTimes } from '../src/offers/telling-times.ts'

const REFRESH_MS = 90_000

function timesOn(clock: ManualClock): { readonly told: number[]; readonly times: TellingTimes } {
  const told: number[] = []
  const times = new TellingTimes(
    clock,
    () => REFRESH_MS,
    () => told.push(clock.monotonicMs()),
  )
  times.start()
  return { told, times }
}

describe('when own offers are told', () => {
  it('is once in a while as long as nobody comes, and never after the end', async () => {
    const clock = new ManualClock()
    const { told, times } = timesOn(clock)
    await clock.advance(200_000)
    times.stop()
    times.greet()
    await clock.advance(200_000)
    expect(told).toEqual([0, 90_000, 180_000])
    expect(clock.pendingTimers).toBe(0)
  })

  it('is a second after the first peer, and ever less often while peers keep coming', async () => {
    const clock = new ManualClock()
    const { told, times } = timesOn(clock)
    for (let second = 0; second < 600; second++) {
      times.greet()
      times.greet()
      await clock.advance(1_000)
    }
    const pauses = told.slice(1).map((atMs, index) => atMs - (told[index] ?? 0))
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 90_000, 90_000, 90_000, 90_000, 90_000])
  })

  it('is soon again when all were lost', async () => {
    const clock = new ManualClock()
    const { told, times } = timesOn(clock)
    for (let second = 0; second < 300; second++) {
      times.greet()
      await clock.advance(1_000)
    }
    const before = told.length
    times.forget()
    await clock.advance(5_000)
    times.greet()
    await clock.advance(1_000)
    expect(told.length - before).toBe(1)
    expect(told.at(-1)).toBe(clock.monotonicMs())
  })
})
