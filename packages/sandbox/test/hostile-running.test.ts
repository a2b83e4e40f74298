import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Outcome } from '../src/call.ts'
import { InlineExecutor } from '../src/inline-executor.ts'
import { writeCall, writeLoad } from '../src/node/call-codec.ts'
import { readCodeBundle } from '../src/node/code-bundle.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { PoolWorker } from '../src/node/pool-worker.ts'
import { WireWriter } from '../src/node/wire-buffer.ts'
import { type FromWorker, JobKind } from '../src/node/worker-messages.ts'
import { prepareModule } from '../src/prepare.ts'
import { functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'
import { costlyGuests, endlessGuests, recursiveGuests } from './hostile-guests.ts'
import { childPids } from './processes.ts'

const ECHO = Uint8Array.of(0, 42)
const HOUR_MS = 3_600_000
/** Pages of 1 GiB, so that guests have something to fill. */
const wide = { fuel: 2n ** 62n, memoryPages: 16_384 }

const executor = new ProcessExecutor({}, { workersMax: 2 })
const inline = new InlineExecutor()
beforeAll(async () => {
  await executor.start()
  await inline.start()
})
afterAll(() => executor.stop())

/** One worker thread with a guest that runs in it, as the executor process has them. */
async function startInWorker(bytes: Uint8Array): Promise<PoolWorker> {
  // As launch.ts starts the process.
  setFlagsFromString('--wasm-tiering-budget=1800000')
  const loaded = Promise.withResolvers<FromWorker>()
  const worker = new PoolWorker(readCodeBundle(), {
    finished: loaded.resolve,
    died: (_worker, reason) => loaded.reject(new Error(reason)),
  })
  const load = new WireWriter()
  writeLoad(load, { floats: 'raw', bytes })
  worker.assign({ kind: JobKind.load, id: 0, handle: 1, payload: load.take(), timeMs: HOUR_MS }, undefined)
  worker.flush()
  expect((await loaded.promise).loaded?.handle).toBe(1)
  const call = new WireWriter()
  writeCall(call, { call: functionCall(), limits: limits({ ...wide, timeMs: HOUR_MS }) })
  worker.assign({ kind: JobKind.call, id: 1, handle: 1, payload: call.take(), timeMs: HOUR_MS }, undefined)
  worker.flush()
  await expect.poll(() => worker.running()?.job.id, { interval: 2, timeout: 10_000 }).toBe(1)
  return worker
}

describe('a guest that does not end by itself', () => {
  const cases = Object.entries(endlessGuests)

  test.each(cases)(
    '%s is ended at its time, while other calls go on',
    async (_name, make) => {
      const module = await executor.load(make())
      const echo = await executor.load(guests.echo())
      const begun = performance.now()
      const running = executor.run(module, functionCall(), limits({ ...wide, timeMs: 100 }))
      const others = await Promise.all(
        Array.from({ length: 50 }, () => executor.run(echo, functionCall(ECHO), limits())),
      )
      for (const other of others) expect(other).toMatchObject({ status: 'ok', output: ECHO })
      expect(await running).toEqual({ status: 'timed-out', allowedMs: 100 })
      expect(performance.now() - begun).toBeLessThan(3000)
      expect(await executor.run(echo, functionCall(ECHO), limits())).toMatchObject({ status: 'ok' })
    },
    20_000,
  )

  test.each(cases)(
    '%s leaves its thread within two seconds of being told to',
    async (_name, make) => {
      const worker = await startInWorker(make())
      const begun = performance.now()
      await worker.retire()
      expect(performance.now() - begun).toBeLessThan(2000)
    },
    20_000,
  )

  test.each(cases)('%s ends with its fuel, which is then exactly used up', async (_name, make) => {
    const bytes = make()
    const fuel = BigInt(prepareModule(bytes).facts.instanceFuel) + 20_000_000n
    const outcome = await executor.run(await executor.load(bytes), functionCall(), limits({ ...wide, fuel }))
    expect(outcome).toEqual({ status: 'out-of-fuel', fuel })
  })
})

describe('a kill', () => {
  const toucher = endlessGuests['a loop that touches every page'] as () => Uint8Array

  test('is told at once, and the memory of those killed does not pile up in threads that still end', async () => {
    const others = childPids()
    const single = new ProcessExecutor({}, { workersMax: 1 })
    await single.start()
    try {
      const [pid] = childPids().filter((child) => !others.includes(child))
      if (pid === undefined) throw new Error('the executor has a process')
      const echo = await single.load(guests.echo())
      const module = await single.load(toucher())
      await single.run(echo, functionCall(ECHO), limits())
      const threads = (): number => readdirSync(`/proc/${pid}/task`).length
      const before = threads()
      let most = before
      const watch = setInterval(() => {
        most = Math.max(most, threads())
      }, 2)
      const delaysMs: number[] = []
      for (let round = 0; round < 10; round++) {
        // The time begins when a worker takes the call, so the one that stands in must be there.
        await single.run(echo, functionCall(ECHO), limits())
        const begun = performance.now()
        expect(await single.run(module, functionCall(), limits({ ...wide, timeMs: 150 }))).toMatchObject({
          status: 'timed-out',
        })
        delaysMs.push(performance.now() - begun - 150)
      }
      clearInterval(watch)
      process.stderr.write(`kills of 1 GiB, until they are told: ${delaysMs.map(Math.round).join(', ')} ms\n`)
      // 50 ms on a quiet machine; most rounds are enough on a busy one.
      expect(delaysMs.toSorted((left, right) => left - right)[6]).toBeLessThan(250)
      // The worker, and one that ends.
      expect(most - before).toBeLessThanOrEqual(1)
    } finally {
      await single.stop()
    }
  }, 30_000)
})

describe('recursion that never ends', () => {
  test.each(Object.entries(recursiveGuests))(
    '%s is a stack overflow, the same in process and inline',
    async (_name, make) => {
      const bytes = make()
      const limit = limits({ fuel: 10n ** 12n })
      const expected = await inline.run(await inline.load(bytes), functionCall(), limit)
      expect(expected).toMatchObject({ status: 'trap', reason: 'stack-overflow' })
      const module = await executor.load(bytes)
      // Often enough for the optimising compiler to take over.
      const outcomes: Outcome[] = []
      for (let round = 0; round < 20; round++) outcomes.push(await executor.run(module, functionCall(), limit))
      for (const outcome of outcomes) expect(outcome).toEqual(expected)
    },
  )
})

describe('a guest that takes what it can', () => {
  test('a memory bomb ends at its limit, having got what it is entitled to', async () => {
    const module = await executor.load(guests.memoryBomb(16))
    const outcome = await executor.run(module, functionCall(), limits({ ...wide, fuel: 10n ** 12n }))
    expect(outcome).toMatchObject({ status: 'limit', limit: 'memory', allowed: 16_384, wanted: 16_385 })
  })

  test('a trap in the start function is the guest’s, and is billed', async () => {
    const outcome = await executor.run(await executor.load(guests.trappingStart()), functionCall(), limits())
    expect(outcome).toMatchObject({ status: 'trap', reason: 'unreachable' })
    expect('fuel' in outcome && outcome.fuel > 0n).toBe(true)
  })

  test.each(Object.entries(costlyGuests))(
    '%s ends as the same outcome in process and inline',
    async (_name, make) => {
      const bytes = make()
      const limit = limits({ memoryPages: 65_536, timeMs: 60_000 })
      const expected = await inline.run(await inline.load(bytes), functionCall(), limit)
      expect(expected.status).not.toBe('node-fault')
      expect(await executor.run(await executor.load(bytes), functionCall(), limit)).toEqual(expected)
    },
    60_000,
  )
})
