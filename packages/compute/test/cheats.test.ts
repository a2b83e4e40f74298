import { type Fuel, type MicroUsd, SteadError } from '@stead/core'
import type { OutcomeRecord } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { amountOf, ComputeError, computeErrorCatalog, type JobEvent } from '../src/index.ts'
import { type Cheating, cheat, forged } from './support/cheat.ts'
import { World } from './support/world.ts'

/** Three honest nodes and a cheat that is the cheapest and so the first to be asked. */
async function worldWith(cheating: Cheating, options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.executor.start()
  const dear = { compute: { priceMicroUsdPerGigafuel: 20, minimumMicroUsdPerTask: 20 } }
  for (let i = 0; i < 3; i++) await world.addProvider(dear)
  const villain = await world.addProvider({
    service: cheat(cheating),
    compute: { priceMicroUsdPerGigafuel: 10, minimumMicroUsdPerTask: 10 },
  })
  await world.startPayer()
  return { world, villain: villain.node }
}

const about = (events: readonly JobEvent[], type: JobEvent['type']) => events.filter((event) => event.type === type)
const later = Uint8Array.of(9, 9, 9, 9)

const lies: readonly (readonly [string, Cheating, string])[] = [
  ['a wrong result', { bend: (answer) => ({ ...answer, ...forged(answer.record, later) }) }, 'wrong-result'],
  [
    'an ok for what is a trap',
    { bend: (answer) => ({ ...answer, record: { ...answer.record, status: 'trap', reason: 'unreachable' } }) },
    'wrong-result',
  ],
  [
    'more fuel than it took',
    {
      bend: (answer, { terms }) => {
        const fuel = (answer.record.fuel + 500_000_000n) as Fuel
        return { ...answer, record: { ...answer.record, fuel }, amountMicroUsd: amountOf(terms, fuel) }
      },
    },
    'over-billed',
  ],
  [
    'a little more fuel, within the limit',
    {
      bend: (answer, { terms }) => {
        const fuel = (answer.record.fuel + 1n) as Fuel
        return { ...answer, record: { ...answer.record, fuel }, amountMicroUsd: amountOf(terms, fuel) }
      },
    },
    'over-billed',
  ],
  [
    'an amount above the price',
    { bend: (answer) => ({ ...answer, amountMicroUsd: (answer.amountMicroUsd + 1n) as MicroUsd }) },
    'over-billed',
  ],
  ['another output than it names', { bend: (answer) => ({ ...answer, blobs: [later] }) }, 'malformed'],
  ['garbage', { bend: (answer) => ({ ...answer, raw: later }) }, 'malformed'],
]

describe.each(['quorum', 'adaptive'] as const)('with verification %s, a node that sends', (mode) => {
  it.each(lies)(
    '%s is found out, not paid and not asked again, and the answer stays right',
    async (_, cheating, reason) => {
      const { world, villain } = await worldWith(cheating)
      const verification = mode === 'quorum' ? ({ mode, replicas: 2 } as const) : ({ mode } as const)
      const { handle, result, events } = await world.run(await world.job(12, { verification }))
      expect(result.status.state).toBe('complete')
      await world.expectRight(result)
      const told = [...about(events, 'disagreed'), ...about(events, 'rejected')]
      expect(told.length).toBeGreaterThan(0)
      expect(told.every((event) => 'node' in event && event.node === villain)).toBe(true)
      expect(told.every((event) => 'reason' in event && event.reason === reason)).toBe(true)
      expect(result.status.nodes.find(({ node }) => node === villain)).toMatchObject({ tasks: 0, grossMicroUsd: 0n })
      const trust = world.consumer.trust().find(([node]) => node === villain)
      expect(trust?.[1]).toMatchObject({ valid: 0, lastLie: reason })
      expect(about(events, 'node')).toContainEqual(expect.objectContaining({ node: villain, state: 'dropped', reason }))
      expect(await world.audit(handle)).toMatchObject({ kind: 'match' })
      const again = await world.run(await world.job(3, { verification }))
      expect(again.result.status.match.excluded).toMatchObject({ distrusted: 1 })
    },
  )
})

describe('a stranger that gets a task because a trusted node lost it', () => {
  it('is not believed on its word alone', async () => {
    const world = await World.of(2, { consumer: { adaptiveFloor: 0, replicasExtraMax: 1 } })
    await world.run(await world.job(15, { verification: { mode: 'adaptive' } }))
    expect(world.consumer.trust().every(([, { valid }]) => valid >= 10)).toBe(true)
    await world.addProvider({
      service: cheat({ bend: (answer) => ({ ...answer, ...forged(answer.record, later) }) }),
      compute: { priceMicroUsdPerGigafuel: 20, minimumMicroUsdPerTask: 2 },
    })
    for (const { peer } of world.providers.slice(0, 2)) world.hub.setLink(world.payerPeer, peer, { latencyMs: 100 })
    const handle = await world.submit(await world.job(4, { verification: { mode: 'adaptive' } }))
    await world.until(() => handle.status().tasks.placed >= 4)
    world.killProvider(1)
    world.killProvider(2)
    const { tasks } = await world.within(handle.result())
    expect(tasks.filter(({ state }) => state === 'succeeded')).toEqual([])
  })
})

describe('a lazy node', () => {
  it('that sends the result of another task is found out', async () => {
    let first: { record: OutcomeRecord; blobs: Uint8Array[] } | undefined
    const { world, villain } = await worldWith({
      bend: (answer) => {
        first ??= { record: answer.record, blobs: answer.blobs }
        return { ...answer, blobs: first.blobs, record: { ...first.record, task: answer.record.task } }
      },
    })
    const { result, events } = await world.run(await world.job(20, { verification: { mode: 'adaptive' } }))
    await world.expectRight(result)
    expect(about(events, 'disagreed')).toContainEqual(
      expect.objectContaining({ node: villain, reason: 'wrong-result' }),
    )
  })

  it('that claims the record of another task is found out without a second opinion', async () => {
    let first: OutcomeRecord | undefined
    const { world, villain } = await worldWith({
      bend: (answer) => {
        first ??= answer.record
        return { ...answer, record: first }
      },
    })
    const { result, events } = await world.run(await world.job(20))
    await world.expectRight(result)
    expect(about(events, 'rejected')).toContainEqual(expect.objectContaining({ node: villain, reason: 'malformed' }))
  })
})

describe('a node that earned its trust and then lies', () => {
  it('has what rested on its word alone checked, and loses its trust', async () => {
    let answers = 0
    const liesFrom = 60
    const cheating: Cheating = {
      bend: (answer) => (++answers > liesFrom ? { ...answer, ...forged(answer.record, later) } : answer),
    }
    const { world, villain } = await worldWith(cheating, { seed: 5, consumer: { adaptiveFloor: 0.2 } })
    const { result, events } = await world.run(await world.job(300, { verification: { mode: 'adaptive' } }))
    await world.expectRight(result)
    expect(about(events, 'rechecked').length).toBeGreaterThan(0)
    const lie = events.find((event) => event.type === 'disagreed')
    expect(lie).toMatchObject({ node: villain, reason: 'wrong-result' })
    expect(world.consumer.trust().find(([node]) => node === villain)?.[1]).toMatchObject({ valid: 0 })
  })
})

describe('a node that', () => {
  it('never answers costs time and nothing else', async () => {
    const { world, villain } = await worldWith({ instead: () => new Promise(() => undefined) })
    const { result, events } = await world.run(await world.job(40))
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
    expect(result.status.nodes.find(({ node }) => node === villain)?.grossMicroUsd ?? 0n).toBe(0n)
    expect(about(events, 'hedged').length).toBeGreaterThan(0)
    const ended = about(events, 'lost')
    expect(ended.every((event) => 'node' in event && event.node === villain)).toBe(true)
  })

  it('keeps its output back is not paid', async () => {
    const { world } = await worldWith(
      {
        bend: (answer) => ({ ...answer, ...forged(answer.record, later), blobs: [] }),
      },
      { consumer: { pullTimeoutMs: 500 } },
    )
    const { result, events } = await world.run(await world.job(6))
    await world.expectRight(result)
    expect(about(events, 'lost')).toContainEqual(expect.objectContaining({ reason: 'output-unavailable' }))
  })

  it('refuses after its quote is not asked again in this job', async () => {
    const { world, villain } = await worldWith({
      instead: async () => {
        throw new ComputeError('COMPUTE_LIMIT', 'changed my mind')
      },
    })
    const { result, events } = await world.run(await world.job(30))
    await world.expectRight(result)
    expect(about(events, 'node')).toContainEqual(
      expect.objectContaining({ node: villain, state: 'dropped', reason: 'COMPUTE_LIMIT' }),
    )
    expect(about(events, 'placed').filter((event) => 'node' in event && event.node === villain).length).toBeLessThan(15)
  })

  it('claims that a good module is bad does not stop the job', async () => {
    const { world } = await worldWith({
      instead: async () => {
        const catalog = { SANDBOX_MALFORMED: computeErrorCatalog.COMPUTE_BAD_JOB }
        throw new SteadError(catalog, 'SANDBOX_MALFORMED', 'I say it is bad')
      },
    })
    const { result } = await world.run(await world.job(30, { verification: { mode: 'adaptive' } }))
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
  })

  it('is always busy is left alone', async () => {
    const { world, villain } = await worldWith({
      instead: async () => {
        throw new ComputeError('COMPUTE_BUSY', 'too much to do')
      },
    })
    const { result, events } = await world.run(await world.job(50))
    await world.expectRight(result)
    expect(about(events, 'placed').filter((event) => 'node' in event && event.node === villain).length).toBeLessThan(60)
  })
})
