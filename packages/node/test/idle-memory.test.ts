import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { ManualClock } from '@stead/testkit'
import { expect, it } from 'vitest'
import { IdleMemory } from '../src/daemon/idle-memory.ts'

const LOOK_MS = 10_000
const HELD_BYTES = 64 * 1024 * 1024

/** Counts collections of everything that can be collected, which V8 does of its own accord only before it gives up. */
class FullCollections {
  #count = 0
  readonly #observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as (PerformanceEntry & { detail: { flags: number } })[]) {
      if ((detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE) !== 0) this.#count++
    }
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  /** Since the last question. Entries are handed over a turn of the event loop later. */
  async count(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 50))
    const count = this.#count
    this.#count = 0
    return count
  }
}

function burnCpu(ms: number): void {
  const start = process.cpuUsage()
  for (let used = 0; used < ms; ) {
    const { user, system } = process.cpuUsage(start)
    used = (user + system) / 1000
  }
}

it('collects what a start left behind, then when the node is idle, never while it works, and not again and again', async () => {
  const clock = new ManualClock()
  const collections = new FullCollections()
  const idle = new IdleMemory({ clock })
  idle.start()
  expect(await collections.count()).toBeGreaterThan(0)
  await clock.advance(3 * LOOK_MS)
  expect(await collections.count()).toBe(0)
  // A task with much data came and went.
  const held = [Buffer.alloc(HELD_BYTES, 1)]
  burnCpu(1200)
  await clock.advance(LOOK_MS)
  expect(await collections.count()).toBe(0)
  await clock.advance(LOOK_MS)
  expect(await collections.count()).toBeGreaterThan(0)
  await clock.advance(LOOK_MS)
  expect(await collections.count()).toBe(0)
  // Another one, too soon after the last collection.
  held.push(Buffer.alloc(HELD_BYTES, 1))
  await clock.advance(LOOK_MS)
  expect(await collections.count()).toBe(0)
  await clock.advance(2 * LOOK_MS)
  expect(await collections.count()).toBeGreaterThan(0)
  expect(held).toHaveLength(2)
  idle.stop()
  expect(clock.pendingTimers).toBe(0)
})

it('takes a node for busy that others on its machine keep from the processor', async () => {
  const clock = new ManualClock()
  const collections = new FullCollections()
  const idle = new IdleMemory({ clock })
  idle.start()
  await clock.advance(2 * LOOK_MS)
  const held = Buffer.alloc(HELD_BYTES, 1)
  await collections.count()
  // In the middle of work, and not running: no processor time passes.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200)
  await clock.advance(LOOK_MS)
  expect(await collections.count()).toBe(0)
  await clock.advance(LOOK_MS)
  expect(await collections.count()).toBeGreaterThan(0)
  expect(held).toHaveLength(HELD_BYTES)
  idle.stop()
})
