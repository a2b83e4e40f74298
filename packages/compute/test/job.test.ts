import { describe, expect, it } from 'vitest'
import { World } from './support/world.ts'

describe('a job', () => {
  it('runs on one node, is paid, and its bill can be recomputed', async () => {
    const world = await World.of(1)
    const { handle, result, events } = await world.run(await world.job(20))
    expect(result.status).toMatchObject({
      state: 'complete',
      tasks: { total: 20, placed: 20, succeeded: 20, failed: 0 },
    })
    await world.expectRight(result)
    expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1))
    const [node] = result.status.nodes
    expect(node).toMatchObject({ tasks: 20, rejected: 0 })
    expect(node?.paidMicroUsd).toBe(node?.grossMicroUsd)
    expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 20, entries: 20 })
  })
})
