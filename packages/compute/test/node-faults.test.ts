import { silentLogger, silentMetrics } from '@stead/core'
import { type Executor, type Outcome, SandboxError, type SandboxErrorCode } from '@stead/sandbox'
import { describe, expect, it } from 'vitest'
import { ComputeProvider, type JobEvent, type JobResult } from '../src/index.ts'
import type { ServiceFactory } from './support/world.ts'
import { eventsOf, World } from './support/world.ts'

/** An honest provider whose executor process dies under every second call, as `kill -9` makes it. */
function withDyingExecutor(): ServiceFactory {
  return (parts) => {
    let calls = 0
    const { executor: healthy } = parts
    const died: Outcome = { status: 'node-fault', code: 'executor-died', message: 'the executor process died: SIGKILL' }
    const executor: Executor = {
      meterVersion: healthy.meterVersion,
      start: () => healthy.start(),
      stop: () => healthy.stop(),
      isolation: () => healthy.isolation(),
      load: (bytes, options) => healthy.load(bytes, options),
      run: async (module, call, limits, options) =>
        calls++ % 2 === 0 ? died : await healthy.run(module, call, limits, options),
    }
    return new ComputeProvider({ ...parts, executor, logger: silentLogger, metrics: silentMetrics }, parts.options)
  }
}

/** An honest provider whose machine cannot load the module, and says so as `code`. */
function withFailingLoads(code: SandboxErrorCode): ServiceFactory {
  return (parts) => {
    const { executor: healthy } = parts
    const executor: Executor = {
      meterVersion: healthy.meterVersion,
      start: () => healthy.start(),
      stop: () => healthy.stop(),
      isolation: () => healthy.isolation(),
      load: async () => {
        throw new SandboxError(code, 'this machine cannot')
      },
      run: (module, call, limits, options) => healthy.run(module, call, limits, options),
    }
    return new ComputeProvider({ ...parts, executor, logger: silentLogger, metrics: silentMetrics }, parts.options)
  }
}

/** An honest provider that goes away when it gets its first task. */
function withEnd(end: () => void): ServiceFactory {
  return (parts) => {
    const { executor: healthy } = parts
    const executor: Executor = {
      meterVersion: healthy.meterVersion,
      start: () => healthy.start(),
      stop: () => healthy.stop(),
      isolation: () => healthy.isolation(),
      load: (bytes, options) => healthy.load(bytes, options),
      run: (module, call, limits, options) => {
        end()
        return healthy.run(module, call, limits, options)
      },
    }
    return new ComputeProvider({ ...parts, executor, logger: silentLogger, metrics: silentMetrics }, parts.options)
  }
}

describe('a provider whose machine cannot load a module', () => {
  const cases: readonly (readonly [SandboxErrorCode, string])[] = [
    ['SANDBOX_LOAD_TIMED_OUT', 'node-fault'],
    ['SANDBOX_EXECUTOR_FAILED', 'node-fault'],
    ['SANDBOX_STOPPED', 'node-fault'],
    ['SANDBOX_BUSY', 'busy'],
    ['SANDBOX_MALFORMED', 'module-refused'],
    ['SANDBOX_MODULE_LIMIT', 'module-refused'],
  ]

  it.each(cases)('as %s: the task is told as %s, and done elsewhere', async (code, reason) => {
    const world = new World()
    await world.executor.start()
    await world.addProvider({ service: withFailingLoads(code) })
    await world.addProvider()
    await world.startPayer()
    const { result, events } = await world.run(await world.job(6))
    const reasons = new Set(events.flatMap((event) => (event.type === 'lost' ? [event.reason] : [])))
    expect([...reasons]).toEqual([reason])
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
  })

  it('never costs a module its name, however many machines are too slow for it', async () => {
    const world = new World({ consumer: { attemptsMax: 3 } })
    await world.executor.start()
    for (let count = 0; count < 4; count++)
      await world.addProvider({ service: withFailingLoads('SANDBOX_LOAD_TIMED_OUT') })
    await world.startPayer()
    const { result } = await world.run(await world.job(2))
    expect(result.status.state).toBe('failed')
    expect(result.status.unfinished).not.toHaveProperty('module-refused')
  })
})

describe('a provider whose executor dies in the middle of tasks', () => {
  it('loses them to be placed again; neither task nor module is blamed, and nothing of it is billed', async () => {
    const world = new World()
    await world.executor.start()
    await world.addProvider({ service: withDyingExecutor() })
    await world.addProvider()
    await world.startPayer()
    const handle = await world.submit(await world.job(20))
    const result = await world.within(handle.result())
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
    const events = await eventsOf(handle)
    const losses = events.filter(({ type }) => type === 'lost')
    expect(losses.length).toBeGreaterThan(0)
    for (const loss of losses) expect(loss).toMatchObject({ reason: 'node-fault' })
    await world.within(world.payer.market.settle())
    expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 20, entries: 20 })
  })
})

describe('a node that goes away in the middle of a job and does not come back', () => {
  const TASKS = 12

  async function runWithout(ifFewerOperators: 'fail' | 'trust'): Promise<{
    readonly world: World
    readonly result: JobResult
    readonly events: readonly JobEvent[]
  }> {
    const world = new World({ consumer: { stallTimeoutMs: 40_000 } })
    await world.executor.start()
    for (let count = 0; count < 2; count++) await world.addProvider()
    await world.addProvider({ service: withEnd(() => world.killProvider(3)) })
    await world.startPayer()
    const request = await world.job(TASKS, { verification: { mode: 'quorum', replicas: 3 }, ifFewerOperators })
    const handle = await world.submit(request)
    const result = await world.within(handle.result(), 300_000)
    return { world, result, events: await eventsOf(handle) }
  }

  it('is no operator any more: the job says that there are too few', async () => {
    const { result } = await runWithout('fail')
    expect(Object.keys(result.status.unfinished)).toEqual(['fewer-operators'])
  })

  it('leaves the others to be trusted, where the job says so', async () => {
    const { world, result, events } = await runWithout('trust')
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
    expect(events).toContainEqual(expect.objectContaining({ type: 'node', state: 'dropped', reason: 'unreachable' }))
  })
})

describe('a node whose credit something else has, for longer than a job may stand still', () => {
  it('is no operator of that job, while others would have room', async () => {
    const world = await World.of(3, { consumer: { stallTimeoutMs: 10_000 } })
    const verification = { mode: 'quorum', replicas: 3 } as const
    await world.run(await world.job(1, { verification }))
    const [channel] = world.payer.market.channels()
    if (channel === undefined) throw new Error('no channel')
    expect(channel.reserve(channel.roomMicroUsd())).toBeDefined()
    const { handle, result } = await world.run(await world.job(2, { verification }))
    expect(Object.keys(result.status.unfinished)).toEqual(['fewer-operators'])
    expect(await eventsOf(handle)).toContainEqual(
      expect.objectContaining({ type: 'node', node: channel.terms.node, state: 'dropped', reason: 'full' }),
    )
    const trusting = await world.run(await world.job(2, { verification, ifFewerOperators: 'trust' }))
    expect(trusting.result.status.state).toBe('complete')
  })
})

describe('nodes that have too much to do to answer at once', () => {
  it('are asked again while a job has nobody else', async () => {
    const world = await World.of(2, { consumer: { offerWaitMs: 10_000 } })
    const answerAfter = (latencyMs: number): void => {
      for (const { peer } of world.providers) world.hub.setLink(world.payerPeer, peer, { latencyMs })
    }
    // Longer than one question for a quote waits.
    answerAfter(4_000)
    world.clock.setTimer(5_000, () => answerAfter(1))
    const { result } = await world.run(await world.job(4, { verification: { mode: 'quorum', replicas: 2 } }))
    expect(result.status.state).toBe('complete')
    expect(result.status.match.excluded).toEqual({})
  })
})
