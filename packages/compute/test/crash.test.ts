import type { CrashMoment } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import type { JobHandle } from '../src/index.ts'
import { eventsOf, World } from './support/world.ts'

const verification = { mode: 'quorum', replicas: 2 } as const

/** Runs a job whose payer dies around its `nth` write; undefined when the job ends before. */
async function runWithCrash(nth: number, moment: CrashMoment): Promise<boolean> {
  const world = await World.of(3, { seed: nth })
  const request = await world.job(10, { verification })
  world.payerStore.crashAtWrite(nth, moment)
  const { crashed } = world.payerStore
  let isCrashed = false
  void crashed.then(() => {
    isCrashed = true
  })
  const submitted = world.consumer.submit(request).then((handle) => handle.result())
  let isEnded = false
  void submitted.then(() => {
    isEnded = true
  })
  await world.until(() => isCrashed || isEnded)
  if (!isCrashed) return false
  world.killPayer()
  await world.startPayer()
  const [job] = await world.within(world.consumer.jobs())
  let handle: JobHandle
  if (job === undefined) handle = await world.submit(request)
  else handle = await world.within(world.consumer.job(job.id))
  const result = await world.within(handle.result())
  expect(result.status.state).toBe('complete')
  await world.expectRight(result)
  const events = await eventsOf(handle)
  expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1))
  await world.within(world.payer.market.settle())
  expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 10 })
  return true
}

describe('a payer that is killed', () => {
  it.each(['before', 'after'] as const)('%s any of its writes goes on and pays everything once', async (moment) => {
    let crashes = 0
    for (let nth = 1; await runWithCrash(nth, moment); nth++) crashes = nth
    expect(crashes).toBeGreaterThan(15)
  })

  it('keeps what is done as done', async () => {
    const world = await World.of(2, { provider: { compute: { concurrency: 1 } } })
    world.hub.setDefaultLink({ latencyMs: 20 })
    const handle = await world.submit(await world.job(60))
    let done = 0
    void (async () => {
      for await (const { type } of handle.events(1)) if (type === 'agreed') done++
    })()
    await world.until(() => done >= 20)
    world.hub.setDefaultLink({})
    world.killPayer()
    await world.startPayer()
    const resumed = await world.within(world.consumer.job(handle.id))
    const result = await world.within(resumed.result())
    await world.expectRight(result)
    const events = await eventsOf(resumed)
    const after = events.slice(events.findIndex(({ type }) => type === 'resumed'))
    expect(after.filter(({ type }) => type === 'agreed').length).toBeLessThanOrEqual(60 - done)
    expect(await world.audit(resumed)).toMatchObject({ kind: 'match', tasks: 60, entries: 60 })
  })

  it('that is stopped in good order goes on as well, and the same events are read again', async () => {
    const world = await World.of(2)
    world.hub.setDefaultLink({ latencyMs: 20 })
    const handle = await world.submit(await world.job(60))
    await world.until(() => handle.status().tasks.succeeded >= 5)
    await world.within(world.consumer.stop())
    const before = await eventsOf(handle)
    await world.within(world.payer.market.stop())
    world.hub.setDefaultLink({})
    world.killPayer()
    await world.startPayer()
    const resumed = await world.within(world.consumer.job(handle.id))
    const result = await world.within(resumed.result())
    await world.expectRight(result)
    const events = await eventsOf(resumed)
    expect(events.slice(0, before.length)).toEqual(before)
    expect(await world.audit(resumed)).toMatchObject({ kind: 'match' })
  })
})

describe('a provider that is killed in the middle', () => {
  it.each(['trust', 'adaptive'] as const)('costs its tasks another place and nothing else, with %s', async (mode) => {
    const world = await World.of(4)
    world.hub.setDefaultLink({ latencyMs: 10 })
    const handle = await world.submit(await world.job(120, { verification: { mode } }))
    await world.until(() => handle.status().tasks.succeeded >= 20)
    world.killProvider(1)
    const result = await world.within(handle.result())
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
    const events = await eventsOf(handle)
    expect(events).toContainEqual(expect.objectContaining({ type: 'lost', reason: 'unreachable' }))
    expect(events).toContainEqual(expect.objectContaining({ type: 'node', state: 'backed-off', reason: 'unreachable' }))
  })

  it('leaves partial results when it was the only one', async () => {
    const world = await World.of(1, { consumer: { stallTimeoutMs: 2000 } })
    world.hub.setDefaultLink({ latencyMs: 10 })
    const handle = await world.submit(await world.job(120))
    await world.until(() => handle.status().tasks.succeeded >= 20)
    world.killProvider(1)
    const result = await world.within(handle.result())
    expect(result.status.state).toBe('partial')
    const { succeeded, failed } = result.status.tasks
    expect(succeeded).toBeGreaterThanOrEqual(20)
    expect(succeeded + failed).toBe(120)
    expect(Object.values(result.status.unfinished).reduce((sum, count) => sum + count, 0)).toBe(failed)
  })
})
