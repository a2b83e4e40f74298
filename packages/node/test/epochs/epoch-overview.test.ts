import { epochNumber } from '@stead/rewards'
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryWorld } from '../../../epochs/test/memory-world.ts'
import { epochOverview } from '../../src/epochs/epoch-overview.ts'

describe('epochs that are over and have no root', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  it('say whether a proposal is still to come, or they are part of the next root', async () => {
    world = new MemoryWorld()
    const { service } = await world.join('watcher')
    await world.passTo(3)
    await world.passGathering(epochNumber(2))
    const { epochs } = await world.during(epochOverview(service))
    expect(epochs.map(({ epoch, state, reason }) => [epoch, state, reason])).toEqual([
      [3, 'running', null],
      [2, 'gathering', 'not proposed yet'],
      [1, 'gathering', 'over, and nobody proposed it: it is part of the next root'],
      [0, 'gathering', 'over, and nobody proposed it: it is part of the next root'],
    ])
  })
})
