import { epochNumber } from '@stead/rewards'
import { afterEach, describe, expect, it } from 'vitest'
import { type MemoryMember, MemoryWorld } from '../../../epochs/test/memory-world.ts'
import { epochHandlers } from '../../src/api/epoch-handlers.ts'
import type { SteadNode } from '../../src/daemon/stead-node.ts'

describe('the logs that a proposer owes', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  const owed = async ({ service }: MemoryMember, id: string) => {
    const handlers = epochHandlers({ epochs: service } as unknown as SteadNode)
    return (await handlers.getEpochLogs({ id } as never)).owed
  }

  it('are told by a node that listened; one that came later knows of none', async () => {
    world = new MemoryWorld()
    const members = [await world.join('first'), await world.join('second'), await world.join('third')]
    await world.passTo(2)
    await world.passGathering(epochNumber(1))
    const [first] = members
    if (first === undefined) throw new RangeError('no members')
    expect((await owed(first, '1')).toSorted()).toEqual(await first.service.logs.all(epochNumber(1)))
    expect(await owed(first, '1')).toHaveLength(3)
    expect(await owed(await world.join('late'), '1')).toEqual([])
    await expect(owed(first, '-1')).rejects.toMatchObject({ code: 'NODE_ROUTE_UNKNOWN' })
  })
})
