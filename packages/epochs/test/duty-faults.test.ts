import { utilityProgram } from '@stead/rewards'
import { afterAll, describe, expect, it } from 'vitest'
import { MemoryWorld } from './memory-world.ts'

describe('a node whose program meets a fault of its own', () => {
  const world = new MemoryWorld()
  afterAll(() => world.stop())

  it('shows it and goes on probing, publishing and answering, while others propose', async () => {
    const broken = {
      ...utilityProgram,
      shares: () => {
        throw new RangeError('no place of an event')
      },
    }
    for (const name of ['first', 'second', 'third']) await world.join(name, { watch: true, propose: true })
    const faulty = await world.join('faulty', { watch: true, propose: true, programs: [broken as never] })
    await world.passTo(2)
    await world.until('a final root', async () => await faulty.economy.finalRoot())
    const told = await world.until('the fault', async () =>
      [...faulty.service.faults.values()].find((fault) => fault.startsWith('INTERNAL')),
    )
    expect(told).toBe('INTERNAL: no place of an event')
    const epoch = world.epoch
    await world.passTo(epoch + 1)
    const notices = await world.until('its log', async () => {
      const own = faulty.service.board.of(epoch, 'log').filter(({ node }) => node === faulty.nodeKey.address)
      return own.length > 0 ? own : undefined
    })
    expect(notices).toHaveLength(1)
  })
})
