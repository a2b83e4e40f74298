import { epochNumber } from '@stead/rewards'
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryWorld } from './memory-world.ts'

const KEPT = 2

describe('logs of epochs that are longer ago than they are kept for', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  it('stay while no final root covers them, because nobody could agree on them any more, and go afterwards', async () => {
    world = new MemoryWorld()
    const first = await world.join('first', { keepEpochs: KEPT })
    const epoch = epochNumber(1)
    await world.passTo(2 * KEPT + 3)
    await world.passSeconds(10)
    expect(await world.during(first.service.logs.all(epoch))).toHaveLength(1)
    await world.join('proposer', { keepEpochs: KEPT, propose: true })
    const final = await world.until('a final root', () => first.economy.finalRoot())
    await world.passTo(final.epoch + KEPT + 2)
    await world.passSeconds(10)
    expect(await world.during(first.service.logs.all(epoch))).toHaveLength(0)
    expect([...first.service.faults]).toEqual([])
  })
})
