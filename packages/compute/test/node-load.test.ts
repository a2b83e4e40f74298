import { address } from '@stead/core'
import { expect, test } from 'vitest'
import { NodeLoad } from '../src/consumer/lane.ts'
import { World } from './support/world.ts'

test('a node tells of a free place when it had none, and not while nobody can have waited for it', () => {
  const load = new NodeLoad(address(`0x${'aa'.repeat(20)}`))
  load.allow(1, 1)
  let told = 0
  const stop = load.onFree(() => told++)
  load.begin()
  load.end()
  expect(told).toBe(0)
  load.begin()
  load.begin()
  expect(load.free).toBe(0)
  load.end()
  expect(told).toBe(1)
  stop()
  load.begin()
  load.end()
  expect(told).toBe(1)
})

test('two jobs that share the only node of a payer take no longer than one that is as large as both', async () => {
  const timeOf = async (sizes: readonly number[]): Promise<number> => {
    const world = await World.of(1, { provider: { compute: { concurrency: 1 } } })
    world.hub.setDefaultLink({ latencyMs: 40 })
    // The channel is open, and the module is there.
    await world.run(await world.job(1))
    const beganMs = world.clock.monotonicMs()
    const handles = await Promise.all(sizes.map(async (size) => await world.submit(await world.job(size))))
    for (const handle of handles) expect((await world.within(handle.result())).status.state).toBe('complete')
    return world.clock.monotonicMs() - beganMs
  }
  const [one, two] = [await timeOf([24]), await timeOf([12, 12])]
  expect(two).toBeLessThan(one + 150)
})
