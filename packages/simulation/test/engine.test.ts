import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventHeap, SimEvent } from '../src/engine/event-heap.ts'
import { RandomStreams } from '../src/engine/random-streams.ts'
import { NOTHING_CAME, Scheduler } from '../src/engine/scheduler.ts'
import { SimClock } from '../src/engine/sim-clock.ts'
import { Trace } from '../src/engine/trace.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function newScheduler(): { readonly trace: Trace; readonly scheduler: Scheduler } {
  const trace = new Trace()
  return { trace, scheduler: new Scheduler({ trace, turn }) }
}

describe('the event heap', () => {
  it('gives events by time, then by order, whatever the order of pushing', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 300 }), (times) => {
        const heap = new EventHeap()
        for (const [order, dueMs] of times.entries()) heap.push(new SimEvent(dueMs, order, () => undefined))
        const popped: (readonly [number, number])[] = []
        for (let event = heap.pop(); event !== undefined; event = heap.pop()) popped.push([event.dueMs, event.order])
        const expected = times.map((dueMs, order) => [dueMs, order] as const)
        expect(popped).toEqual(expected.toSorted(([a, i], [b, j]) => a - b || i - j))
      }),
    )
  })
})

describe('the scheduler', () => {
  it('works off all promises between two events, however long their chains are', async () => {
    const { scheduler } = newScheduler()
    const order: string[] = []
    const chain = async (): Promise<void> => {
      for (let step = 0; step < 5000; step++) await Promise.resolve()
      order.push(`chain at ${scheduler.nowMs}`)
    }
    scheduler.at(10, () => void chain())
    scheduler.at(10, () => order.push('second'))
    scheduler.at(5, () => order.push('first'))
    expect(await scheduler.run(20)).toBe('time')
    expect(order).toEqual(['first', 'chain at 10', 'second'])
    expect(scheduler.nowMs).toBe(20)
  })

  it('takes no turn of the process after an event of which nothing came', async () => {
    let turns = 0
    const scheduler = new Scheduler({ trace: new Trace(), turn: async () => void turns++ })
    for (let event = 0; event < 10; event++) scheduler.at(event, () => (event < 7 ? NOTHING_CAME : undefined))
    await scheduler.run(20)
    expect({ turns, fired: scheduler.fired }).toEqual({ turns: 1 + 3, fired: 10 })
  })

  it('fires nothing that was cleared, and says when a world does not come to rest', async () => {
    const { scheduler } = newScheduler()
    let fired = 0
    scheduler.at(1, () => fired++).clear()
    const again = (): void => {
      fired++
      scheduler.at(scheduler.nowMs, again)
    }
    scheduler.at(2, again)
    expect(await scheduler.run(10, 100)).toBe('events')
    expect(fired).toBe(100)
  })
})

describe('the trace', () => {
  it('is the same for the same world and another one for any other', async () => {
    const play = async (times: readonly number[]): Promise<string> => {
      const { trace, scheduler } = newScheduler()
      for (const atMs of times) scheduler.at(atMs, () => trace.tell(scheduler.nowMs, 'node', `did ${atMs}`))
      await scheduler.run(1000)
      return trace.hash
    }
    const base = await play([1, 2, 3, 500])
    expect(base).toMatch(/^[0-9a-f]{32}$/)
    expect(await play([1, 2, 3, 500])).toBe(base)
    for (const other of [
      [1, 2, 3],
      [1, 2, 3, 500.0001],
      [2, 1, 3, 500],
      [1, 2, 3, 4],
    ]) {
      expect(await play(other)).not.toBe(base)
    }
  })

  it('keeps the last lines of each node and of the world, whoever else says how much, and none after it was told to stop', () => {
    const trace = new Trace()
    trace.tell(0, 'quiet', 'said once')
    for (let index = 1; index <= 30_000; index++) trace.tell(index, 'loud', `line ${index}`)
    trace.tell(30_001, undefined, 'the world ends')
    const before = trace.hash
    trace.stopKeeping()
    trace.tell(30_002, 'quiet', 'said too late')
    expect(trace.hash).not.toBe(before)
    expect(trace.linesOf(new Set(['quiet'])).map(({ what }) => what)).toEqual(['the world ends', 'said once'])
    const loud = trace.linesOf(new Set(['loud'])).slice(1)
    expect([loud.length < 100, loud.at(-1)?.what]).toEqual([true, 'line 30000'])
  })

  it('counts what is for debugging, and does not tell it', () => {
    const [told, noted] = [new Trace(), new Trace()]
    told.tell(1, 'node', 'debug sent')
    noted.note(1, 'node', 'debug sent')
    expect([noted.hash, noted.linesOf(new Set(['node']))]).toEqual([told.hash, []])
  })
})

describe("a node's clock", () => {
  it('drifts, jumps, and takes its timers with it when the process dies', async () => {
    const { scheduler } = newScheduler()
    const clock = new SimClock(scheduler, { driftPpm: 100, wallOffsetMs: -5000 })
    const straight = new SimClock(scheduler)
    await scheduler.run(1_000_000)
    expect(clock.monotonicMs()).toBeCloseTo(1_000_100)
    expect(straight.now() - clock.now()).toBe(5000)
    clock.jumpWall(60_000)
    expect(clock.now() - straight.now()).toBe(55_000)
    let fired = 0
    clock.setTimer(10, () => fired++)
    clock.setTimer(20, () => fired++)
    await scheduler.run(1_000_011)
    clock.die()
    await scheduler.run(1_001_000)
    expect([fired, clock.pendingTimers]).toEqual([1, 0])
  })

  it('moves with every wait, so that nobody waits for a rest of nothing in the same moment for ever', async () => {
    const { scheduler } = newScheduler()
    await scheduler.run(1_000_000)
    const clock = new SimClock(scheduler)
    const before = clock.monotonicMs()
    let at = before
    // Less than what makes another number of a million.
    clock.setTimer(1e-12, () => {
      at = clock.monotonicMs()
    })
    await scheduler.run(1_000_001)
    expect(at).toBeGreaterThan(before)
  })
})

describe('random streams', () => {
  it('of two names have nothing in common, and of one name are the same', () => {
    const streams = new RandomStreams(7)
    const first = streams.stream('node 1 network').bytes(64)
    expect(new RandomStreams(7).stream('node 1 network').bytes(64)).toEqual(first)
    expect(streams.stream('node 2 network').bytes(64)).not.toEqual(first)
    expect(new RandomStreams(8).stream('node 1 network').bytes(64)).not.toEqual(first)
  })
})
