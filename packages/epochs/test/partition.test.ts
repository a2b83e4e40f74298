import { epochNumber } from '@stead/rewards'
import { afterEach, describe, expect, it } from 'vitest'
import { EPOCH_SECONDS, type MemoryMember, MemoryWorld } from './memory-world.ts'

describe('nodes that were parted while logs were told', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  it('held to different results for ever: now they agree on the next epoch after they have met again', async () => {
    world = new MemoryWorld()
    const members: MemoryMember[] = []
    for (const name of ['first', 'second', 'third', 'fourth']) {
      members.push(await world.join(name, { propose: name === 'first' }))
    }
    await world.passTo(2)
    const [first, , third] = members
    if (first === undefined || third === undefined) throw new TypeError('no members')
    const sides = [members.slice(0, 2), members.slice(2)].map((side) => side.map(({ network }) => network.self))
    await world.passSeconds(EPOCH_SECONDS - 10)
    world.hub.partition(...sides)
    await world.passGathering(epochNumber(2))
    // Each side has the logs that the other lacks, and owes them.
    const logs = [await first.service.logs.owed(epochNumber(2)), await third.service.logs.owed(epochNumber(2))] as const
    expect(logs.map(({ length }) => length)).toEqual([2, 2])
    expect(new Set(logs.flat()).size).toBe(4)
    const roots = await Promise.all(
      [first, third].map(({ service }) => world.during(service.computer.own(epochNumber(2)))),
    )
    expect(roots[0]?.evidence).not.toBe(roots[1]?.evidence)
    await world.passTo(4)
    expect((await first.economy.finalRoot())?.epoch).toBe(1)
    world.hub.heal()

    const final = await world.until(
      'a root that all confirm',
      async () => {
        const root = await first.economy.finalRoot()
        return root !== undefined && root.epoch >= 4 ? root : undefined
      },
      3 * EPOCH_SECONDS,
    )
    for (const { service } of members)
      expect(service.watcher.verdictOf(final.epoch)).toMatchObject({ verdict: 'match' })
    // All four logs of the epoch in which they were parted are in what the root builds on.
    expect(await third.service.logs.all(epochNumber(2))).toEqual(await first.service.logs.all(epochNumber(2)))
    expect(await third.service.logs.all(epochNumber(2))).toHaveLength(4)
  })
})
