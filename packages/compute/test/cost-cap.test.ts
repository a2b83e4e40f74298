import type { ContentId, Fuel, Hash, MicroUsd } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { amountOf, evidenceOf, type JobHandle, outcomeOfTask } from '../src/index.ts'
import { type Cheating, cheat, forged } from './support/cheat.ts'
import { GUEST_MODES, guestInput } from './support/guest.ts'
import { World } from './support/world.ts'

const cheats: Record<string, Cheating | undefined> = {
  honest: undefined,
  wrong: { bend: (answer) => ({ ...answer, ...forged(answer.record, Uint8Array.of(1)) }) },
  dear: {
    bend: (answer, { terms }) => {
      const fuel = (answer.record.fuel * 2n) as Fuel
      return { ...answer, record: { ...answer.record, fuel }, amountMicroUsd: amountOf(terms, fuel) }
    },
  },
  silent: { instead: () => new Promise(() => undefined) },
}

interface Schedule {
  readonly seed: number
  readonly cap: number
  readonly tasks: number
  readonly mode: 'trust' | 'quorum' | 'adaptive'
  readonly nodes: readonly {
    readonly price: number
    readonly minimum: number
    readonly latencyMs: number
    readonly kind: 'honest' | 'wrong' | 'dear' | 'silent'
    readonly dies: boolean
  }[]
  readonly payerDiesAfterMs: number | undefined
}

const schedule: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 1, max: 1 << 30 }),
  cap: fc.integer({ min: 1, max: 3000 }),
  tasks: fc.integer({ min: 1, max: 25 }),
  mode: fc.constantFrom('trust', 'quorum', 'adaptive'),
  nodes: fc.array(
    fc.record({
      price: fc.integer({ min: 0, max: 50_000 }),
      minimum: fc.integer({ min: 0, max: 40 }),
      latencyMs: fc.constantFrom(0, 3, 40, 400),
      kind: fc.constantFrom('honest', 'honest', 'honest', 'wrong', 'dear', 'silent'),
      dies: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  payerDiesAfterMs: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
})

/** One honest node whose tasks cost ten micro-dollars each, for a job of eight. */
const even = {
  seed: 1,
  tasks: 8,
  mode: 'trust',
  nodes: [{ price: 0, minimum: 10, latencyMs: 3, kind: 'honest', dies: false }],
  payerDiesAfterMs: undefined,
} as const
/** A cap for all tasks, for some, and for none: chance alone may draw sixty schedules without one of these ends. */
const examples = [1000, 45, 5].map((cap): [Schedule] => [{ ...even, cap, nodes: [...even.nodes] }])
/** The payer dies when it has paid a node ahead, before its job knows of that, and the node with it. */
const diesPaidAhead: Schedule = {
  seed: 1,
  cap: 1,
  tasks: 1,
  mode: 'trust',
  nodes: [
    { price: 0, minimum: 1, latencyMs: 0, kind: 'honest', dies: true },
    { price: 0, minimum: 1, latencyMs: 40, kind: 'honest', dies: false },
  ],
  payerDiesAfterMs: 76,
}
examples.push([diesPaidAhead])

/** Channels that a job knows of. */
async function fundedBy(handle: JobHandle): Promise<readonly Hash[]> {
  const channels: Hash[] = []
  for await (const event of handle.events(1)) if (event.type === 'funded') channels.push(event.channel)
  return channels
}

const ends = new Map<string, number>()

describe('the cost cap of a job', () => {
  it('holds whatever nodes, prices, delays, lies and crashes there are, and everybody is paid what was agreed', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ seed, cap, tasks, mode, nodes, payerDiesAfterMs }) => {
        const world = new World({ seed, consumer: { offerWaitMs: 300, stallTimeoutMs: 2000, answerGraceMs: 500 } })
        await world.executor.start()
        for (const { price, minimum, kind } of nodes) {
          const cheating = cheats[kind]
          await world.addProvider({
            compute: { priceMicroUsdPerGigafuel: price, minimumMicroUsdPerTask: minimum, concurrency: 2 },
            ...(cheating === undefined ? {} : { service: cheat(cheating) }),
          })
        }
        await world.startPayer()
        for (const [index, { latencyMs }] of nodes.entries()) {
          const peer = world.providers[index]?.peer
          if (peer !== undefined) world.hub.setLink(peer, world.payerPeer, { latencyMs })
        }
        const list = []
        for (let i = 0; i < tasks; i++)
          list.push({
            key: `t${i}`,
            task: await world.taskOf(guestInput(GUEST_MODES.work, 1 + ((i * 37) % 300), `${i}`)),
          })
        const verification = mode === 'quorum' ? { mode: 'quorum' as const, replicas: 2 } : { mode: mode as 'trust' }
        const maxCostMicroUsd = BigInt(cap) as MicroUsd
        const request = { ...(await world.job(1)), tasks: list, verification, maxCostMicroUsd }
        let handle = await world.submit(request)
        const check = (): void => {
          const { spentMicroUsd, reservedMicroUsd } = handle.status().cost
          expect(spentMicroUsd + reservedMicroUsd <= maxCostMicroUsd).toBe(true)
        }
        const end = payerDiesAfterMs ?? 50
        for (let ms = 0; ms < end; ms += 5) {
          await world.clock.advance(5)
          check()
        }
        for (const [index, { dies }] of nodes.entries()) if (dies) world.killProvider(index + 1)
        if (payerDiesAfterMs !== undefined) {
          world.killPayer()
          await world.startPayer()
          handle = await world.within(world.consumer.job(handle.id))
        }
        const result = await world.within(handle.result(), 600_000, 50)
        check()
        const evidence = await world.consumer.evidence(handle.id)
        const paid = evidence.accepted.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n)
        expect(paid).toBe(result.status.cost.spentMicroUsd)
        const { total, succeeded, failed } = result.status.tasks
        expect(succeeded + failed).toBe(total)
        const channels = world.payer.market.channels()
        const signed = channels.reduce((sum, channel) => sum + channel.stats().paidMicroUsd, 0n)
        // What a payer that died had paid ahead just then stays its credit with that node, and is no part of the job.
        const funded = new Set(await fundedBy(handle))
        const credit = channels
          .filter(({ id }) => payerDiesAfterMs !== undefined && !funded.has(id))
          .reduce((sum, channel) => sum + channel.stats().prepaidMicroUsd, 0n)
        expect(signed - credit <= maxCostMicroUsd).toBe(true)
        ends.set(result.status.state, (ends.get(result.status.state) ?? 0) + 1)
        // Two that tell the same lie are a majority of two; no check by replicas can help against that.
        const liars = nodes.filter(({ kind }) => kind === 'wrong' || kind === 'dear').length
        if (mode === 'trust' || liars > 1) return
        const { executor } = world
        const blobs = (id: ContentId) => world.payer.blobs.cache.get(id)
        for (const [index, { record }] of result.tasks.entries()) {
          const task = list[index]?.task
          if (record === undefined || task === undefined) continue
          expect(evidenceOf(record.task, await outcomeOfTask(task, { executor, blobs }))?.record).toEqual(record)
        }
      }),
      { examples, numRuns: Number(process.env.STEAD_FUZZ_RUNS ?? 60) },
    )
    // Schedules that never let a job finish, or always do, would show nothing.
    expect([...ends.keys()].toSorted()).toEqual(['complete', 'failed', 'partial'])
  }, 120_000)
})
