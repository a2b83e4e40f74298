import { address } from '@stead/core'
import { MemoryLedger, SeededRandom } from '@stead/testkit'
import { expect, it } from 'vitest'
import { Scheduler } from '../src/engine/scheduler.ts'
import { SimClock } from '../src/engine/sim-clock.ts'
import { Tally } from '../src/engine/tally.ts'
import { Trace } from '../src/engine/trace.ts'
import { LaggingEndpoints } from '../src/faults/lagging-endpoints.ts'

const LASTS_MS = 400_000
const STEP_MS = 1000

/** Ages of the answers that a node gets, one each second; the chain makes a block each second. */
async function agesOf(seed: number): Promise<{ readonly ages: readonly number[]; readonly isFlipping: boolean }> {
  const scheduler = new Scheduler({ trace: new Trace(), turn: () => new Promise((resolve) => setImmediate(resolve)) })
  const ledger = new MemoryLedger({ clock: new SimClock(scheduler) })
  const tally = new Tally(() => scheduler.nowMs)
  const lagging = new LaggingEndpoints<string>({ scheduler, ledger, random: new SeededRandom(seed), tally })
  lagging.begin('node', LASTS_MS)
  const ages: number[] = []
  for (let atMs = STEP_MS; atMs < LASTS_MS; atMs += STEP_MS) {
    await scheduler.run(atMs)
    ledger.give(address(`0x${'01'.repeat(20)}`), { gasWei: 1n })
    ledger.mine()
    ages.push(ledger.blocks.head.number - lagging.viewOf('node').blocks.head.number)
  }
  expect(lagging.viewOf('another')).toBe(ledger)
  await scheduler.run(LASTS_MS)
  expect([lagging.isBehind('node'), lagging.viewOf('node')]).toEqual([false, ledger])
  return { ages, isFlipping: tally.entries.has('flippingEndpoints') }
}

it('an endpoint is some blocks behind, catches up now and then, and answers from one machine or from two', async () => {
  const all = await Promise.all([1, 2, 3, 4, 5, 6].map(agesOf))
  expect(new Set(all.map(({ isFlipping }) => isFlipping)).size).toBe(2)
  for (const { ages, isFlipping } of all) {
    expect([Math.max(...ages) > 10, Math.max(...ages) <= 60]).toEqual([true, true])
    // Time goes back for its node only where the other machine answers in between.
    const backwards = ages.filter((age, index) => age > (ages[index - 1] ?? 0) + 1).length
    expect(backwards > 20).toBe(isFlipping)
  }
})
