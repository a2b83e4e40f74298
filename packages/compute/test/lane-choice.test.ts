import { describe, expect, it } from 'vitest'
import { World } from './support/world.ts'

describe('placement', () => {
  it('uses the cheaper node alone while it has places, and the dearer one when it has not', async () => {
    const world = new World()
    await world.executor.start()
    const cheap = await world.addProvider({ compute: { minimumMicroUsdPerTask: 10, concurrency: 4 } })
    const dear = await world.addProvider({ compute: { minimumMicroUsdPerTask: 100, concurrency: 4 } })
    await world.startPayer()
    const few = await world.run(await world.job(4))
    expect(few.result.status.nodes.filter(({ tasks }) => tasks > 0).map(({ node }) => node)).toEqual([cheap.node])
    world.hub.setDefaultLink({ latencyMs: 5 })
    const many = await world.run(await world.job(200, { hedge: false }))
    const tasksOf = new Map(many.result.status.nodes.map(({ node, tasks }) => [node, tasks]))
    expect(tasksOf.get(dear.node)).toBeGreaterThan(0)
    expect(tasksOf.get(cheap.node)).toBeGreaterThan(tasksOf.get(dear.node) ?? 0)
  })

  it('looks for more nodes while it has work for them', async () => {
    const world = await World.of(1, { provider: { compute: { concurrency: 1 } } })
    world.hub.setDefaultLink({ latencyMs: 40 })
    const handle = await world.submit(await world.job(400))
    await world.until(() => handle.status().tasks.succeeded > 5)
    world.hub.setDefaultLink({})
    const late = await world.addProvider({ compute: { concurrency: 4 } })
    world.hub.setDefaultLink({ latencyMs: 40 })
    const { status } = await world.within(handle.result())
    expect(status.state).toBe('complete')
    expect(status.nodes.find(({ node }) => node === late.node)?.tasks).toBeGreaterThan(20)
  })

  it('fills a channel up again that a job has used up', async () => {
    const world = await World.of(1)
    const tasks = (await world.job(30)).tasks
    const small = await world.run(await world.job(1, { maxCostMicroUsd: 6n as never }))
    expect(small.result.status.state).toBe('complete')
    const large = await world.run({ ...(await world.job(1)), tasks, maxCostMicroUsd: 20n as never })
    expect(large.result.status.state).toBe('partial')
    expect(large.result.status.cost.spentMicroUsd).toBe(20n)
    expect(large.result.status.unfinished).toEqual({ 'cost-cap': 10 })
  })
})
