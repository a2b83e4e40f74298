import { address, hasCode, type MicroUsd } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { GUEST_MODES, guestInput } from './support/guest.ts'
import { type JobEvent, type JobRequest, messageOfProblem } from './support/job-views.ts'
import { eventsOf, World } from './support/world.ts'

const usd = (amount: bigint): MicroUsd => amount as MicroUsd
const about = (events: readonly JobEvent[], type: JobEvent['type']) => events.filter((event) => event.type === type)

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

  it('spreads over the nodes there are, and a quorum goes to distinct operators', async () => {
    const world = await World.of(5)
    const { result, events } = await world.run(await world.job(40, { verification: { mode: 'quorum', replicas: 3 } }))
    await world.expectRight(result)
    expect(result.status.nodes).toHaveLength(5)
    expect(result.status.tasks).toMatchObject({ succeeded: 40, replicated: 40 })
    const operatorOf = new Map(result.status.nodes.map(({ node, operator }) => [node, operator]))
    for (const event of about(events, 'agreed')) {
      if (event.type !== 'agreed') continue
      const operators = event.nodes.map((node) => operatorOf.get(node))
      expect(new Set(operators).size).toBe(operators.length)
    }
  })

  it('never gives two copies of a task to nodes of one operator', async () => {
    const world = new World()
    await world.executor.start()
    const one = address(`0x${'77'.repeat(20)}`)
    for (let i = 0; i < 3; i++) await world.addProvider({ operator: one })
    await world.startPayer()
    const { result, events } = await world.run(await world.job(4, { verification: { mode: 'adaptive' } }))
    expect(result.status).toMatchObject({ state: 'failed', unfinished: { 'fewer-operators': 4 } })
    expect(events).toContainEqual(
      expect.objectContaining({ code: 'COMPUTE_FEWER_OPERATORS', details: { needOperators: 2, haveOperators: 1 } }),
    )
    const loose = await world.run(await world.job(4, { verification: { mode: 'adaptive' }, ifFewerOperators: 'trust' }))
    expect(loose.result.status.state).toBe('complete')
    await world.expectRight(loose.result)
  })

  it('bills faults of the guest, on which nodes agree, and goes on', async () => {
    const world = await World.of(3)
    const tasks = [
      { key: 'fine', task: await world.task('x') },
      { key: 'trap', task: await world.taskOf(guestInput(GUEST_MODES.trap, 0)) },
      { key: 'endless', task: await world.taskOf(guestInput(GUEST_MODES.endless, 0), { fuel: 100_000n as never }) },
      { key: 'large', task: await world.taskOf(guestInput(GUEST_MODES.large, 5000), { outputBytes: 1000 }) },
    ]
    const request: JobRequest = { ...(await world.job(1)), tasks, verification: { mode: 'quorum', replicas: 2 } }
    const { handle, result } = await world.run(request)
    expect(result.status).toMatchObject({ state: 'complete', tasks: { succeeded: 1, failed: 3, disagreed: 0 } })
    expect(result.tasks.map(({ state, record }) => [state, record?.status, record?.reason])).toEqual([
      ['succeeded', 'ok', undefined],
      ['failed', 'trap', 'unreachable'],
      ['failed', 'out-of-fuel', undefined],
      ['failed', 'limit', expect.stringContaining('output')],
    ])
    expect(result.tasks[2]?.record?.fuel).toBe(100_000n)
    expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 4, entries: 8 })
  })

  it('moves modules, inputs and outputs that are too large for a message', async () => {
    const world = await World.of(2)
    const size = 1_500_000
    const input = new Uint8Array(400_000).fill(7)
    input[0] = GUEST_MODES.hash
    const tasks = [
      {
        key: 'out',
        task: await world.taskOf(guestInput(GUEST_MODES.large, size), {
          outputBytes: 2_000_000,
          fuel: (10n ** 9n) as never,
        }),
      },
      { key: 'in', task: await world.taskOf(input, { fuel: (10n ** 9n) as never }) },
    ]
    const verification = { mode: 'quorum', replicas: 2 } as const
    const { result } = await world.run({ ...(await world.job(1)), tasks, verification })
    expect(result.status.state).toBe('complete')
    const [out] = result.tasks
    if (out?.record === undefined) throw new Error('no output')
    const bytes = await world.payer.blobs.cache.get(out.record.output)
    expect(bytes?.length).toBe(size)
    expect(bytes?.[1000]).toBe(7000 & 0xff)
  })

  it('is cancelled at once, keeps what it has, and pays for it', async () => {
    const world = await World.of(2)
    world.hub.setDefaultLink({ latencyMs: 20 })
    const handle = await world.submit(await world.job(200))
    await world.until(() => handle.status().tasks.succeeded >= 30)
    await world.within(handle.cancel())
    const { status } = await handle.result()
    expect(status.state).toBe('cancelled')
    expect(status.tasks.succeeded).toBeGreaterThanOrEqual(30)
    expect(status.unfinished.cancelled).toBe(200 - status.tasks.succeeded)
    expect(await world.audit(handle)).toMatchObject({ kind: 'match', entries: status.tasks.succeeded })
  })

  it('ends in what it has at its deadline', async () => {
    const world = await World.of(1, { provider: { compute: { concurrency: 1 } } })
    world.hub.setDefaultLink({ latencyMs: 50 })
    const { result } = await world.run(await world.job(300, { deadlineMs: 1500 }))
    expect(result.status.state).toBe('partial')
    expect(result.status.tasks.succeeded).toBeGreaterThan(10)
    expect(result.status.unfinished.deadline).toBe(300 - result.status.tasks.succeeded)
  })

  it('says by reason why no node matches', async () => {
    const world = await World.of(2)
    await world.addProvider({ compute: { fuelMax: 1000 } })
    await world.addProvider({ compute: { minimumMicroUsdPerTask: 10_000 } })
    const request = await world.job(3, { maxCostMicroUsd: usd(5000n) })
    const quote = await world.within(world.consumer.quote(request))
    expect(quote.excluded).toEqual({ 'fuel-limit': 1, price: 1 })
    expect(quote.offers).toHaveLength(2)
    expect(quote.worstCaseMicroUsd).toBe(3n)
    expect(quote.expectedMicroUsd).toBeUndefined()
    const own = [address(`0x${'99'.repeat(20)}`)]
    const { result } = await world.run(await world.job(3, { operators: own }))
    expect(result.status).toMatchObject({
      state: 'failed',
      unfinished: { 'no-providers': 3 },
      match: { matching: 0, excluded: { operator: 4 } },
    })
    const { result: fine } = await world.run(request)
    expect(fine.status.state).toBe('complete')
    const informed = await world.within(world.consumer.quote(request))
    expect(informed.expectedMicroUsd).toBe(3n)
  })

  it('measures distance before it limits it', async () => {
    const world = await World.of(2)
    const [near, far] = world.providers
    if (near === undefined || far === undefined) throw new Error('two providers were made')
    world.hub.setLink(far.peer, world.payerPeer, { latencyMs: 100 })
    const { result } = await world.run(await world.job(6, { maxRttMs: 50 }))
    expect(result.status.match).toEqual({ matching: 1, excluded: { rtt: 1 } })
    expect(result.status.nodes.map(({ node }) => node)).toEqual([near.node])
  })

  it('says what an unfunded payer needs and has', async () => {
    const world = await World.of(2, { funds: 1n })
    const { result, events } = await world.run(await world.job(3, { maxCostMicroUsd: usd(1000n) }))
    expect(result.status.unfinished).toEqual({ unfunded: 3 })
    expect(messageOfProblem(events)).toMatchObject({ code: 'MARKET_UNFUNDED', details: { haveMicroUsd: '1' } })
  })

  it('makes do with less locked money than twice the cap', async () => {
    const world = await World.of(3, { funds: 900n })
    const { result } = await world.run(await world.job(30, { maxCostMicroUsd: usd(800n) }))
    expect(result.status.state).toBe('complete')
  })

  it('gives a bad module up when two operators refuse it, with the reason', async () => {
    const world = await World.of(3)
    const module = await world.payer.blobs.cache.put(new TextEncoder().encode('not wasm'))
    const request = await world.job(10)
    const tasks = request.tasks.map(({ key, task }) => ({ key, task: { ...task, module } }))
    const { result } = await world.run({ ...request, tasks })
    expect(result.status).toMatchObject({ state: 'failed', unfinished: { 'module-refused': 10 } })
    expect(result.tasks[0]?.detail).toMatch(/SANDBOX_/)
    expect(result.status.cost.spentMicroUsd).toBe(0n)
  })

  it('hedges stragglers, and pays the loser only if its answer was asked for and right', async () => {
    const world = await World.of(3, { provider: { compute: { concurrency: 2 } } })
    world.hub.setDefaultLink({ latencyMs: 2 })
    const slow = world.providers[0]
    if (slow === undefined) throw new Error('three providers were made')
    world.hub.setLink(slow.peer, world.payerPeer, { latencyMs: 800 })
    const { handle, result, events } = await world.run(await world.job(60))
    await world.expectRight(result)
    expect(about(events, 'hedged').length).toBeGreaterThan(0)
    expect(about(events, 'lost').some((event) => 'reason' in event && event.reason === 'cancelled')).toBe(true)
    expect(await world.audit(handle)).toMatchObject({ kind: 'match' })
  })

  it('waits while the disk is full, and goes on when it is not', async () => {
    const world = await World.of(1)
    world.hub.setDefaultLink({ latencyMs: 20 })
    const handle = await world.submit(await world.job(50))
    await world.until(() => handle.status().tasks.succeeded >= 5)
    for (let nth = 1; nth < 40; nth++) world.payerStore.failWrite(nth, 'STORE_FULL')
    const result = await world.within(handle.result())
    expect(result.status.state).toBe('complete')
    await world.expectRight(result)
  })

  it('uses open channels again instead of locking money anew', async () => {
    const world = await World.of(2)
    for (let i = 0; i < 5; i++) {
      const { result } = await world.run(await world.job(10))
      expect(result.status.state).toBe('complete')
    }
    expect(await world.payer.market.purses()).toHaveLength(1)
  })
})

describe('a request that makes no sense is refused before anything is kept:', () => {
  const changed = (change: (request: JobRequest) => Partial<JobRequest>) => change
  it.each([
    ['no tasks', changed(() => ({ tasks: [] })), /tasks/],
    ['two tasks of one name', changed(({ tasks }) => ({ tasks: [...tasks, ...tasks] })), /"t0"/],
    ['no money', changed(() => ({ maxCostMicroUsd: usd(0n) })), /maxCostMicroUsd/],
    ['no replicas', changed(() => ({ verification: { mode: 'quorum', replicas: 0 } })), /replicas/],
    ['a floor above 1', changed(() => ({ verification: { mode: 'adaptive', floor: 2 } })), /floor/],
    ['no operators', changed(() => ({ operators: [] })), /operators/],
    ['a deadline that has passed', changed(() => ({ deadlineMs: -5 })), /deadlineMs/],
  ])('%s', async (_, change, message) => {
    const world = await World.of(0)
    const request = await world.job(2)
    const submitted = world.consumer.submit({ ...request, ...change(request) })
    await expect(submitted).rejects.toThrow(message)
    await expect(submitted).rejects.toSatisfy((error) => hasCode(error, 'COMPUTE_BAD_JOB'))
    expect(await world.consumer.jobs()).toEqual([])
  })

  it('an input that is not there', async () => {
    const world = await World.of(0)
    const request = await world.job(1)
    const missing = contentIdOf('raw', Uint8Array.of(1, 2, 3))
    const tasks = request.tasks.map(({ key, task }) => ({ key, task: { ...task, input: [missing] } }))
    await expect(world.consumer.submit({ ...request, tasks })).rejects.toMatchObject({
      code: 'COMPUTE_BLOB_MISSING',
      details: { task: 't0', id: missing },
    })
  })
})

describe('the history of a job', () => {
  it('is read from any number on, while it runs and after', async () => {
    const world = await World.of(2)
    world.hub.setDefaultLink({ latencyMs: 10 })
    const handle = await world.submit(await world.job(30, { context: Uint8Array.of(1, 2) }))
    const followed: JobEvent[] = []
    const following = (async () => {
      for await (const event of handle.events(1)) followed.push(event)
    })()
    await world.within(handle.result())
    await following
    expect(await eventsOf(handle)).toEqual(followed)
    expect(JSON.parse(JSON.stringify(followed))).toEqual(followed)
    world.killPayer()
    await world.startPayer()
    const again = await world.consumer.job(handle.id)
    expect(await eventsOf(again)).toEqual(followed)
    const tail = []
    for await (const event of again.events(20)) tail.push(event)
    expect(tail).toEqual(followed.slice(19))
    expect(again.status()).toEqual(handle.status())
    expect(await again.context()).toEqual(Uint8Array.of(1, 2))
    expect(await world.consumer.jobs()).toEqual([
      expect.objectContaining({ id: handle.id, state: 'complete', tasks: 30 }),
    ])
  })
})
