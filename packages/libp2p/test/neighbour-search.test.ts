import { silentLogger } from '@stead/core'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { NeighbourSearch } from '../src/neighbour-search.ts'

const INTERVAL_MS = 10_000

describe('the search for neighbours', () => {
  const at = (clock: ManualClock, startedMs: number[]) => async () => {
    startedMs.push(clock.monotonicMs())
  }

  it('comes more and more rarely while nobody comes or goes, and never more rarely than every five minutes', async () => {
    const clock = new ManualClock()
    const startedMs: number[] = []
    const search = new NeighbourSearch(
      { clock, logger: silentLogger, search: at(clock, startedMs) },
      { intervalMs: INTERVAL_MS },
    )
    search.start()
    await clock.advance(1_300_000)
    expect(startedMs).toEqual([10_000, 30_000, 70_000, 150_000, 310_000, 610_000, 910_000, 1_210_000])
    search.stop()
    expect(clock.pendingTimers).toBe(0)
  })

  it('comes within the first pause after a change, and not more often however many come and go', async () => {
    const clock = new ManualClock()
    const startedMs: number[] = []
    const search = new NeighbourSearch(
      { clock, logger: silentLogger, search: at(clock, startedMs) },
      { intervalMs: INTERVAL_MS },
    )
    search.start()
    await clock.advance(400_000)
    startedMs.length = 0
    search.onChange()
    await clock.advance(1)
    expect(startedMs).toEqual([400_000])
    startedMs.length = 0
    for (let second = 0; second < 30; second++) {
      search.onChange()
      await clock.advance(1000)
    }
    expect(startedMs).toEqual([410_000, 420_000, 430_000])
  })

  it('goes on after a search that fails, and ends one that takes too long', async () => {
    const clock = new ManualClock()
    let searches = 0
    const search = new NeighbourSearch(
      {
        clock,
        logger: silentLogger,
        search: (signal) => {
          searches += 1
          if (searches === 1) return Promise.reject(new Error('no peers'))
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
        },
      },
      { intervalMs: INTERVAL_MS },
    )
    search.start()
    await clock.advance(10_000)
    await clock.advance(20_000)
    expect(searches).toBe(2)
    await clock.advance(5000)
    await clock.advance(40_000)
    expect(searches).toBe(3)
    search.stop()
    await clock.advance(1_000_000)
    expect(searches).toBe(3)
  })
})
