import type { Fuel } from '@stead/core'
import { silentLogger } from '@stead/core'
import { type CallInput, ECHO_MODULE, type FloatMode, InlineExecutor } from '@stead/sandbox'
import { METER_VERSION } from '@stead/sandbox/facts'
import { ManualClock } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { LazyExecutor } from '../src/adapters/lazy-executor.ts'

const REST_AFTER_MS = 1000
const call: CallInput = {
  kind: 'function',
  args: [],
  stdin: new Uint8Array(0),
  files: new Map(),
  input: Uint8Array.of(1, 2, 3),
  seed: new Uint8Array(32),
  declaredTimeMs: 0,
}
const limits = { fuel: 1_000_000n as Fuel, memoryPages: 4, outputBytes: 64, timeMs: 1000 }

/** Counts what is started and stopped; the guests run for real. */
class CountingExecutor extends InlineExecutor {
  static started = 0
  static stopped = 0
  /** Of the modules that ran. */
  static modes: FloatMode[] = []

  override run(...of: Parameters<InlineExecutor['run']>): ReturnType<InlineExecutor['run']> {
    CountingExecutor.modes.push(of[0].floats)
    return super.run(...of)
  }

  override async start(): Promise<void> {
    CountingExecutor.started += 1
    await super.start()
  }

  override async stop(): Promise<void> {
    CountingExecutor.stopped += 1
    await super.stop()
  }
}

function create(make: () => InlineExecutor = () => new CountingExecutor()) {
  CountingExecutor.started = 0
  CountingExecutor.stopped = 0
  const clock = new ManualClock()
  const executor = new LazyExecutor(
    { clock, logger: silentLogger, create: async () => make() },
    { meterVersion: METER_VERSION, restAfterMs: REST_AFTER_MS },
  )
  return { clock, executor }
}

describe('the executor of an idle node', () => {
  it('starts nothing before there is work, and one executor for all of it', async () => {
    const { executor } = create()
    await executor.start()
    expect(CountingExecutor.started).toBe(0)
    const module = await executor.load(ECHO_MODULE)
    const outcomes = await Promise.all([1, 2, 3].map(() => executor.run(module, call, limits)))
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['ok', 'ok', 'ok'])
    expect(CountingExecutor.started).toBe(1)
  })

  it('rests after a while without work, and runs modules that were loaded before the rest', async () => {
    const { clock, executor } = create()
    const module = await executor.load(ECHO_MODULE)
    const first = await executor.run(module, call, limits)
    await clock.advance(REST_AFTER_MS)
    expect(CountingExecutor.stopped).toBe(1)
    expect(await executor.run(module, call, limits)).toEqual(first)
    expect(CountingExecutor.started).toBe(2)
  })

  it('keeps the float mode of a module over a rest', async () => {
    const { clock, executor } = create()
    const raw = await executor.load(ECHO_MODULE)
    const strict = await executor.load(ECHO_MODULE, { floats: 'strict' })
    expect([raw.floats, strict.floats]).toEqual(['raw', 'strict'])
    await clock.advance(REST_AFTER_MS)
    CountingExecutor.modes = []
    await executor.run(strict, call, limits)
    await executor.run(raw, call, limits)
    expect(CountingExecutor.modes).toEqual(['strict', 'raw'])
  })

  it('does not rest while there is work now and then', async () => {
    const { clock, executor } = create()
    const module = await executor.load(ECHO_MODULE)
    for (let round = 0; round < 3; round++) {
      await clock.advance(REST_AFTER_MS - 1)
      await executor.run(module, call, limits)
    }
    expect([CountingExecutor.started, CountingExecutor.stopped]).toEqual([1, 0])
  })

  it('tries again after a start that failed', async () => {
    let attempts = 0
    const { executor } = create(() => {
      attempts += 1
      if (attempts > 1) return new CountingExecutor()
      return Object.assign(new CountingExecutor(), { start: () => Promise.reject(new TypeError('no room')) })
    })
    await expect(executor.load(ECHO_MODULE)).rejects.toThrow('no room')
    expect((await executor.load(ECHO_MODULE)).kinds).toEqual(['function'])
  })

  it('starts nothing any more once it was stopped', async () => {
    const { executor } = create()
    await executor.ensure()
    await executor.stop()
    executor.warm()
    expect([CountingExecutor.started, CountingExecutor.stopped]).toEqual([1, 1])
  })
})
