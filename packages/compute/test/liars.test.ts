import type { Address } from '@stead/core'
import { describe, expect, it } from 'vitest'
import type { JobEvent } from '../src/index.ts'
import { cheat, forged } from './support/cheat.ts'
import { eventsOf, World } from './support/world.ts'

const wrong = Uint8Array.of(9, 9, 9, 9)
const DEAR = { priceMicroUsdPerGigafuel: 20, minimumMicroUsdPerTask: 20, concurrency: 1 }
const CHEAP = { priceMicroUsdPerGigafuel: 10, minimumMicroUsdPerTask: 10, concurrency: 1 }

/** Honest nodes, and a liar that is the cheapest; each takes a while to answer. */
async function worldWithLiar(): Promise<{ readonly world: World; readonly liar: Address }> {
  const world = new World()
  await world.executor.start()
  for (let count = 0; count < 3; count++) await world.addProvider({ compute: DEAR })
  const { node: liar } = await world.addProvider({
    service: cheat({ bend: (answer) => ({ ...answer, ...forged(answer.record, wrong) }) }),
    compute: CHEAP,
  })
  await world.startPayer()
  for (const { peer } of world.providers) world.hub.setLink(world.payerPeer, peer, { latencyMs: 50 })
  return { world, liar }
}

function placedAt(events: readonly JobEvent[], node: Address): readonly JobEvent[] {
  return events.filter((event) => event.type === 'placed' && event.node === node)
}

describe('a node that one job catches lying', () => {
  it('gets no more work of another one that runs beside it', async () => {
    const { world, liar } = await worldWithLiar()
    const checking = await world.submit(await world.job(8, { verification: { mode: 'quorum', replicas: 2 } }))
    const believing = await world.submit(await world.job(300, { verification: { mode: 'trust' } }))
    await Promise.all([world.within(checking.result()), world.within(believing.result())])
    const events = await eventsOf(believing)
    const caught = (await eventsOf(checking)).find(({ type }) => type === 'disagreed')
    const caughtAt = caught?.at ?? 0
    expect(caught).toMatchObject({ node: liar })
    expect(placedAt(events, liar).length).toBeGreaterThan(0)
    expect(placedAt(events, liar).filter(({ at }) => at > caughtAt)).toEqual([])
    expect(events.filter(({ at, type }) => type === 'placed' && at > caughtAt).length).toBeGreaterThan(10)
  })
})
