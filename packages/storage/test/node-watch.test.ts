import { type Address, address, type UnixMs } from '@stead/core'
import { NodeWatch } from '@stead/storage'
import { MemoryStore } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { keepWatched, loadWatched } from '../src/placement/watch-rows.ts'

const NODE: Address = address(`0x${'ab'.repeat(20)}`)
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const LOST_AFTER_MS = 7 * DAY_MS

/** A payer that looks every five minutes while its daemon runs. */
class Looking {
  watch: NodeWatch
  #nowMs = 0
  #startedMs = 0

  constructor() {
    this.watch = this.#begin()
  }

  look(hours: number, isThere: (atMs: number) => boolean): void {
    for (const endMs = this.#nowMs + hours * HOUR_MS; this.#nowMs < endMs; this.#nowMs += 5 * MINUTE_MS)
      this.watch.note(NODE, isThere(this.#nowMs))
  }

  /** The daemon is off for a while, and begins with what it kept. */
  async sleep(hours: number): Promise<void> {
    const store = new MemoryStore()
    await keepWatched(store, this.watch.entries())
    this.#nowMs += hours * HOUR_MS
    this.#startedMs = this.#nowMs
    this.watch = this.#begin(await loadWatched(store))
  }

  #begin(known: ConstructorParameters<typeof NodeWatch>[2] = []): NodeWatch {
    const clock = { now: () => this.#nowMs as UnixMs, monotonicMs: () => this.#nowMs - this.#startedMs }
    return new NodeWatch(clock, LOST_AFTER_MS, known)
  }
}

describe('what a payer thinks of a node', () => {
  it('is when it gives one up that is away, which is when it does', () => {
    const looking = new Looking()
    looking.look(24, () => true)
    expect(looking.watch.givenUpAt(NODE)).toBeUndefined()
    looking.look(1, () => false)
    const at = looking.watch.givenUpAt(NODE)
    expect(at).toBe(48 * HOUR_MS)
    looking.look(23, () => false)
    expect(looking.watch.isOverdue(NODE)).toBe(false)
    looking.look(1, () => false)
    expect(looking.watch.isOverdue(NODE)).toBe(true)
    expect(looking.watch.givenUpAt(NODE)).toBe(at)
  })

  it('is that it is lost after a week away, also when the daemon is on for eight hours a day only', async () => {
    const always = new Looking()
    always.look(24, () => true)
    always.look(7 * 24, () => false)
    expect(always.watch.isLost(NODE)).toBe(false)
    always.look(1, () => false)
    expect(always.watch.isLost(NODE)).toBe(true)
    expect(always.watch.availability(NODE)).toBe(0)

    const daily = new Looking()
    daily.look(8, () => true)
    for (let day = 0; day < 8; day++) {
      expect(daily.watch.isLost(NODE)).toBe(false)
      await daily.sleep(16)
      daily.look(8, () => false)
    }
    expect(daily.watch.isLost(NODE)).toBe(true)
  })

  it('is not that it is gone because it was missed before and after a holiday', async () => {
    const payer = new Looking()
    payer.look(24, () => true)
    payer.look(1, () => false)
    await payer.sleep(20 * 24)
    payer.look(1, () => false)
    expect([payer.watch.isLost(NODE), payer.watch.isOverdue(NODE)]).toEqual([false, false])
    payer.look(24, () => false)
    expect([payer.watch.isLost(NODE), payer.watch.isOverdue(NODE)]).toEqual([false, true])
  })

  it('is nothing new every night about one that is off every night', () => {
    const payer = new Looking()
    const isDay = (atMs: number): boolean => atMs % DAY_MS < 9 * HOUR_MS
    payer.look(21 * 24 + 9, isDay)
    for (let hour = 0; hour < 15; hour++) {
      payer.look(1, isDay)
      expect(payer.watch.isOverdue(NODE)).toBe(false)
      expect(payer.watch.isAway(NODE)).toBe(true)
      expect(payer.watch.availability(NODE)).toBeGreaterThan(0.2)
      expect(payer.watch.availability(NODE)).toBeLessThan(0.7)
    }
    payer.look(72, () => false)
    expect(payer.watch.isOverdue(NODE)).toBe(true)
  })

  it('is that one that was always there is overdue after a day and a half, and well again when it is back', () => {
    const payer = new Looking()
    payer.look(10 * 24, () => true)
    expect(payer.watch.availability(NODE)).toBeGreaterThan(0.95)
    payer.look(12, () => false)
    expect(payer.watch.isOverdue(NODE)).toBe(false)
    payer.look(24, () => false)
    expect(payer.watch.isOverdue(NODE)).toBe(true)
    payer.look(1, () => true)
    expect([payer.watch.isOverdue(NODE), payer.watch.isAway(NODE)]).toEqual([false, false])
    expect(payer.watch.availability(NODE)).toBeGreaterThan(0.8)
  })

  it('is kept for good where it lied', async () => {
    const payer = new Looking()
    payer.watch.lose(NODE)
    await payer.sleep(1)
    payer.look(24, () => true)
    expect(payer.watch.isLost(NODE)).toBe(true)
  })
})
