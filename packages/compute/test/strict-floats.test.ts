import type { Fuel } from '@stead/core'
import { type Task, taskSchema } from '@stead/protocol'
import type { CrashMoment } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import type { JobEvent, JobHandle, JobRequest, JobResult } from '../src/index.ts'
import { type Bend, cheat, forged } from './support/cheat.ts'
import { compileFloatGuest, expectedFloats, honestWithNanPayload } from './support/float-guest.ts'
import { eventsOf, World } from './support/world.ts'

const floatGuest = await compileFloatGuest()
const inputOf = (index: number): Uint8Array => Uint8Array.of(index, 7, 255, index + 1)
const quorum = { mode: 'quorum', replicas: 2 } as const
const about = <Type extends JobEvent['type']>(events: readonly JobEvent[], type: Type) =>
  events.filter((event): event is JobEvent & { readonly type: Type } => event.type === type)

/** A world of machines whose engines choose these NaN payloads, all at one price. */
async function worldOf(
  payloads: readonly number[],
  options: ConstructorParameters<typeof World>[0] = {},
): Promise<World> {
  const world = new World(options)
  await world.executor.start()
  for (const payload of payloads) await world.addProvider({ service: honestWithNanPayload(payload) })
  return world
}

async function floatJob(world: World, count: number, changes: Partial<JobRequest> & { task?: Partial<Task> } = {}) {
  const { task: own, ...others } = changes
  const module = await world.payer.blobs.cache.put(floatGuest)
  const tasks = []
  for (let index = 0; index < count; index++)
    tasks.push({ key: `f${index}`, task: { ...(await world.taskOf(inputOf(index))), module, ...own } })
  return world.job(0, { name: 'floats', tasks, verification: quorum, ...others })
}

async function expectStrict(world: World, result: JobResult): Promise<void> {
  for (const [index, { record }] of result.tasks.entries()) {
    if (record === undefined) throw new Error(`task ${index} has no result`)
    expect(await world.payer.blobs.cache.get(record.output)).toEqual(expectedFloats(inputOf(index)))
  }
}

describe('honest nodes whose machines choose other NaN bits', () => {
  it.each([quorum, { mode: 'adaptive' } as const])(
    'are asked again with strict floats, and nobody is blamed: %o',
    async (verification) => {
      const world = await worldOf([1, 2])
      await world.startPayer()
      const { handle, result, events } = await world.run(await floatJob(world, 6, { verification }))
      expect(result.status.state).toBe('complete')
      await expectStrict(world, result)
      const nodes = world.providers.map(({ node }) => node)
      for (const event of about(events, 'strict')) expect([...event.nodes].sort()).toEqual([...nodes].sort())
      expect(about(events, 'strict')).toHaveLength(6)
      expect([...about(events, 'disagreed'), ...about(events, 'rejected'), ...about(events, 'node')]).toEqual([])
      for (const [, record] of world.consumer.trust())
        expect(record).toMatchObject({ wrong: 0, valid: 0, distrustedUntil: 0 })
      expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 6, entries: 12 })
    },
  )

  it('are paid for the strict runs and for nothing else', async () => {
    const world = await worldOf([1, 2])
    await world.startPayer()
    const { result, events } = await world.run(await floatJob(world, 4))
    const strictTasks = new Set(result.tasks.map(({ task }) => task))
    expect(
      about(events, 'strict')
        .map(({ strictTask }) => strictTask)
        .sort(),
    ).toEqual([...strictTasks].sort())
    const agreed = about(events, 'agreed')
    expect(agreed.every(({ nodes }) => nodes.length === 2)).toBe(true)
    const answers = about(events, 'answered')
    expect(answers).toHaveLength(16)
    const due = agreed.flatMap(({ outcome }) => answers.filter((answer) => answer.outcome === outcome))
    const sum = due.reduce((total, { amountMicroUsd }) => total + BigInt(amountMicroUsd), 0n)
    expect(due).toHaveLength(8)
    expect(result.status.cost).toMatchObject({ spentMicroUsd: sum, reservedMicroUsd: 0n })
    for (const node of result.status.nodes)
      expect(node).toMatchObject({ tasks: 4, grossMicroUsd: sum / 2n, rejected: 0 })
    await world.within(world.payer.market.settle())
    const paid = world.payer.market.channels().map((channel) => channel.stats().receiptedMicroUsd)
    expect(paid.reduce((total, amount) => total + amount, 0n)).toBeGreaterThanOrEqual(sum)
  })

  it('have the fuel that strict code needs, when the limit was meant for raw code', async () => {
    const world = await worldOf([1, 2])
    await world.startPayer()
    const once = await world.run(await floatJob(world, 1, { verification: { mode: 'trust' } }))
    const fuel = once.result.tasks[0]?.record?.fuel ?? (0n as Fuel)
    const limits = { ...(await world.taskOf(inputOf(0))).limits, fuel }
    const { result, events } = await world.run(await floatJob(world, 3, { task: { limits } }))
    expect(about(events, 'strict')).toHaveLength(3)
    for (const { fuelMax } of about(events, 'strict')) expect(BigInt(fuelMax)).toBeGreaterThan(fuel)
    expect(result.status.state).toBe('complete')
    await expectStrict(world, result)
    for (const { record } of result.tasks) expect(record?.fuel).toBeGreaterThan(fuel)
  })

  it('are not asked twice for a job that is strict from the start', async () => {
    const world = await worldOf([1, 2, 3])
    await world.startPayer()
    const { handle, result, events } = await world.run(await floatJob(world, 8, { task: { floats: 'strict' } }))
    await expectStrict(world, result)
    expect(about(events, 'strict')).toEqual([])
    expect(about(events, 'placed')).toHaveLength(16)
    expect(world.consumer.trust().every(([, { wrong, valid }]) => wrong === 0 && valid > 0)).toBe(true)
    expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 8, entries: 16 })
  })
})

describe('one of three answers that comes late', () => {
  it('and differs with raw floats has all three asked with strict ones, and nobody is blamed', async () => {
    const world = await worldOf([1, 1])
    const late = await world.addProvider({
      service: honestWithNanPayload(2),
      compute: { priceMicroUsdPerGigafuel: 1000, minimumMicroUsdPerTask: 1000 },
    })
    await world.startPayer()
    world.hub.setLink(world.payerPeer, late.peer, { latencyMs: 50 })
    const verification = { mode: 'quorum', replicas: 3 } as const
    const { result, events } = await world.run(await floatJob(world, 5, { verification }))
    expect(result.status.state).toBe('complete')
    await expectStrict(world, result)
    expect(about(events, 'strict')).toHaveLength(5)
    expect([...about(events, 'disagreed'), ...about(events, 'node')]).toEqual([])
    expect(result.tasks.every(({ nodes }) => nodes.length === 3 && nodes.includes(late.node))).toBe(true)
    expect(world.consumer.trust().every(([, { wrong }]) => wrong === 0)).toBe(true)
  })
})

describe('a bill of raw floats', () => {
  it('that another machine cannot repeat is told as that, and not as a wrong result', async () => {
    const world = await worldOf([5])
    await world.startPayer()
    const { handle, result, events } = await world.run(await floatJob(world, 2, { verification: { mode: 'trust' } }))
    expect([result.status.state, about(events, 'strict').length]).toEqual(['complete', 0])
    await world.within(world.payer.market.settle())
    expect(await world.audit(handle)).toMatchObject({ kind: 'difference', what: 'raw-floats' })
  })
})

describe('a cheat among float results', () => {
  async function worldWithCheat(bend: Bend): Promise<World> {
    // The auditor's machine has these bits as well: a raw bill can be repeated only where they are equal.
    const world = await worldOf([0, 0, 0])
    await world.addProvider({
      service: cheat({ bend }),
      compute: { priceMicroUsdPerGigafuel: 10, minimumMicroUsdPerTask: 10 },
    })
    await world.startPayer()
    return world
  }
  const wrong = expectedFloats(Uint8Array.of(9, 9))

  it.each([quorum, { mode: 'adaptive' } as const])(
    'that lies with strict floats too is caught and not paid: %o',
    async (verification) => {
      const world = await worldWithCheat((answer) => ({ ...answer, ...forged(answer.record, wrong) }))
      const villain = world.providers[3]?.node
      const { handle, result, events } = await world.run(await floatJob(world, 10, { verification }))
      await expectStrictOrRaw(world, result)
      const told = about(events, 'disagreed')
      expect(told.length).toBeGreaterThan(0)
      expect(told.every(({ node, reason, isPaid }) => node === villain && reason === 'wrong-result' && !isPaid)).toBe(
        true,
      )
      expect(result.status.nodes.find(({ node }) => node === villain)).toMatchObject({ tasks: 0, grossMicroUsd: 0n })
      for (const [node, { wrong }] of world.consumer.trust())
        expect([node, wrong > 0]).toEqual([node, node === villain])
      expect(about(events, 'node')).toContainEqual(expect.objectContaining({ node: villain, state: 'dropped' }))
      expect(await world.audit(handle)).toMatchObject({ kind: 'match' })
    },
  )

  it('that lies only with raw floats earns nothing by it: the lie is not paid and its results are always checked', async () => {
    const world = await worldWithCheat((answer, { message }) =>
      taskSchema.decodeDocument(message.task).floats === 'strict'
        ? answer
        : { ...answer, ...forged(answer.record, wrong) },
    )
    const villain = world.providers[3]?.node
    const { handle, result, events } = await world.run(
      await floatJob(world, 30, { verification: { mode: 'adaptive' } }),
    )
    await expectStrictOrRaw(world, result)
    const strict = new Set(about(events, 'strict').map(({ task }) => task))
    const asked = about(events, 'placed').filter(({ node, purpose }) => node === villain && purpose === 'original')
    expect(asked.length).toBeGreaterThan(0)
    // Everything that the cheat was asked came to a second opinion.
    for (const { task } of asked) expect(strict.has(task)).toBe(true)
    expect(world.consumer.trust().find(([node]) => node === villain)?.[1]).toMatchObject({ valid: 0 })
    expect(await world.audit(handle)).toMatchObject({ kind: 'match' })
  })

  /** Raw results of honest nodes have other NaN bits than strict ones. */
  async function expectStrictOrRaw(world: World, result: JobResult): Promise<void> {
    for (const [index, { record }] of result.tasks.entries()) {
      if (record === undefined) throw new Error(`task ${index} has no result`)
      const output = await world.payer.blobs.cache.get(record.output)
      expect(output?.slice(8)).toEqual(expectedFloats(inputOf(index)).slice(8))
    }
  }
})

describe('a payer that is killed while tasks are asked again with strict floats', () => {
  async function runWithCrash(nth: number, moment: CrashMoment): Promise<boolean> {
    const world = await worldOf([1, 2, 3], { seed: nth })
    await world.startPayer()
    const request = await floatJob(world, 4)
    world.payerStore.crashAtWrite(nth, moment)
    let isCrashed = false
    void world.payerStore.crashed.then(() => {
      isCrashed = true
    })
    let isEnded = false
    void world.consumer
      .submit(request)
      .then((handle) => handle.result())
      .then(() => {
        isEnded = true
      })
    await world.until(() => isCrashed || isEnded)
    if (!isCrashed) return false
    world.killPayer()
    await world.startPayer()
    const [job] = await world.within(world.consumer.jobs())
    const handle: JobHandle =
      job === undefined ? await world.submit(request) : await world.within(world.consumer.job(job.id))
    const result = await world.within(handle.result())
    expect(result.status.state).toBe('complete')
    await expectStrict(world, result)
    expect(about(await eventsOf(handle), 'disagreed')).toEqual([])
    await world.within(world.payer.market.settle())
    expect(await world.audit(handle)).toMatchObject({ kind: 'match', tasks: 4 })
    return true
  }

  it.each(['before', 'after'] as const)('%s any of its writes goes on, and pays everything once', async (moment) => {
    let crashes = 0
    for (let nth = 1; await runWithCrash(nth, moment); nth++) crashes = nth
    expect(crashes).toBeGreaterThan(10)
  })
})
