import { readFileSync } from 'node:fs'
import { fuel } from '@stead/core'
import { type CallInput, type Executor, InlineExecutor, type LoadedModule } from '@stead/sandbox'
import { guests } from '../../../packages/sandbox/test/guests.ts'
import { echoModule } from '../echo-module.ts'
import { type BenchRow, benchRow, missingRow, percentile } from '../row.ts'
import { bareTripsUs } from './echo-process.ts'
import { commandCall, functionCall, limitsOf } from './guest-calls.ts'
import { buildProgram } from './suite.ts'
import { WATCHED_ON_LINUX_ONLY, WatchedExecutor } from './watched-executor.ts'

const INPUT_BYTES = 1024
const COLD_STARTS = 20
const WARM_CALLS = 5000
const IN_FLIGHT = 64
const RATE_MS = 2000
const FURTHER_WORKERS = 4
const MEBIBYTE = 2 ** 20

/** Calls through the executor process: starting it, single calls, many at once, and what a worker costs in memory. */
export async function benchCalls(): Promise<readonly BenchRow[]> {
  const echo = await echoModule()
  const call = functionCall(new Uint8Array(INPUT_BYTES))
  return [
    ...(await coldStarts(echo, call)),
    ...(await warmCalls(echo, call)),
    ...(await commandCalls()),
    ...(await callRates(echo, call)),
    ...(await workerMemory()),
  ]
}

async function timeMs(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await action()
  return performance.now() - begun
}

async function runOnce(executor: Executor, module: LoadedModule, call: CallInput): Promise<void> {
  const outcome = await executor.run(module, call, limitsOf())
  if (outcome.status !== 'ok') throw new Error(`a call ended ${outcome.status}`)
}

/** Times of single calls, one after the other, once the first tenth has warmed everything up. */
async function callTimesUs(executor: Executor, bytes: Uint8Array, call: CallInput): Promise<readonly number[]> {
  const module = await executor.load(bytes)
  const samples: number[] = []
  for (let count = 0; count < WARM_CALLS; count++)
    samples.push(1000 * (await timeMs(() => runOnce(executor, module, call))))
  return samples.slice(WARM_CALLS / 10)
}

/** From nothing to the first outcome: process, worker, checking, metering, compiling, call. */
async function coldStarts(bytes: Uint8Array, call: CallInput): Promise<readonly BenchRow[]> {
  const samples: number[] = []
  for (let count = 0; count < COLD_STARTS; count++) {
    const begun = performance.now()
    const watched = await WatchedExecutor.start({ workersMax: 1 })
    await runOnce(watched.executor, await watched.executor.load(bytes), call)
    samples.push(performance.now() - begun)
    await watched.stop()
  }
  const row = { unit: 'ms', reference: undefined, target: undefined }
  return [
    benchRow({ ...row, name: 'cold start: new process to first outcome, p50', value: percentile(samples, 0.5) }),
    benchRow({ ...row, name: `cold start, worst of ${COLD_STARTS}`, value: percentile(samples, 1) }),
  ]
}

/**
 * A call in a fresh instance of a loaded module, 1 kB in and out, beside the same bytes on the same way (process, thread
 * and back) without a call, and the call without the way.
 */
async function warmCalls(bytes: Uint8Array, call: CallInput): Promise<readonly BenchRow[]> {
  const inline = new InlineExecutor()
  await inline.start()
  const inlineUs = await callTimesUs(inline, bytes, call)
  const watched = await WatchedExecutor.start({ workersMax: 1 })
  try {
    const samples = await callTimesUs(watched.executor, bytes, call)
    const bareUs = await bareTripsUs(INPUT_BYTES, WARM_CALLS)
    const rows: readonly (readonly [string, number, BenchRow['target']])[] = [
      ['p50', 0.5, { limit: 120, better: 'less' }],
      ['p99', 0.99, undefined],
    ]
    return rows.flatMap(([share, part, target]) => [
      benchRow({
        name: `warm call in a fresh instance, 1 kB, ${share}`,
        unit: 'us',
        value: percentile(samples, part),
        reference: { name: 'bare bytes, process and thread', value: percentile(bareUs, part) },
        target,
      }),
      benchRow({
        name: `the same on the calling thread, ${share}`,
        unit: 'us',
        value: percentile(inlineUs, part),
        reference: undefined,
        target: undefined,
      }),
    ])
  } finally {
    await watched.stop()
  }
}

/** A C program that prints a line. */
async function commandCalls(): Promise<readonly BenchRow[]> {
  const row = { name: 'warm call of a WASI command that prints a line, p50', unit: 'us', target: undefined }
  const { path, missing } = (await buildProgram({ name: 'fib', language: 'c', amount: 1 })).wasm
  if (path === undefined) return [missingRow({ ...row, missing })]
  const watched = await WatchedExecutor.start({ workersMax: 1 })
  try {
    const samples = await callTimesUs(watched.executor, readFileSync(path), commandCall(['1']))
    return [benchRow({ ...row, value: percentile(samples, 0.5), reference: undefined })]
  } finally {
    await watched.stop()
  }
}

/**
 * Calls per second of one worker with many in flight: by the clock, which other work on the machine lowers, and by the
 * processor time of the whole executor process.
 */
async function callRates(bytes: Uint8Array, call: CallInput): Promise<readonly BenchRow[]> {
  const watched = await WatchedExecutor.start({ workersMax: 1 })
  try {
    const module = await watched.executor.load(bytes)
    await callsWithin(RATE_MS / 4, () => runOnce(watched.executor, module, call))
    const before = watched.processorMs()
    const begun = performance.now()
    const calls = await callsWithin(RATE_MS, () => runOnce(watched.executor, module, call))
    const elapsedMs = performance.now() - begun
    const after = watched.processorMs()
    const row = { unit: '/s', reference: undefined, target: { limit: 12_000, better: 'more' } } as const
    const what = `calls in fresh instances, 1 kB, ${IN_FLIGHT} in flight`
    const perCore = { ...row, name: `${what}, per second of processor time of the executor` }
    return [
      benchRow({ ...row, name: `${what}, one worker`, value: (calls / elapsedMs) * 1000 }),
      before === undefined || after === undefined
        ? missingRow({ ...perCore, missing: WATCHED_ON_LINUX_ONLY })
        : benchRow({ ...perCore, value: (calls / (after - before)) * 1000 }),
    ]
  } finally {
    await watched.stop()
  }
}

/** How many calls end in a time, while each of some callers makes the next as soon as its last one ended. */
async function callsWithin(durationMs: number, run: () => Promise<void>): Promise<number> {
  let calls = 0
  const begun = performance.now()
  const caller = async (): Promise<void> => {
    while (performance.now() - begun < durationMs) {
      await run()
      calls++
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller))
  return calls
}

/** Memory of the executor process with one warm worker, and of each further one. */
async function workerMemory(): Promise<readonly BenchRow[]> {
  const first = await memoryWithWorkers(1)
  const more = await memoryWithWorkers(1 + FURTHER_WORKERS)
  const row = { unit: 'MiB', target: undefined, reference: undefined }
  const names = ['executor process with one warm worker', 'each further warm worker'] as const
  if (first === undefined || more === undefined)
    return names.map((name) => missingRow({ ...row, name, missing: WATCHED_ON_LINUX_ONLY }))
  return [
    benchRow({ ...row, name: names[0], value: first / MEBIBYTE }),
    benchRow({ ...row, name: names[1], value: (more - first) / FURTHER_WORKERS / MEBIBYTE }),
  ]
}

/** Bytes of a process whose workers have all just run a guest. */
async function memoryWithWorkers(workers: number): Promise<number | undefined> {
  const watched = await WatchedExecutor.start({ workersMax: workers })
  const { executor } = watched
  try {
    // Long enough that no worker is free for a second one.
    const module = await executor.load(guests.endlessLoop())
    const limits = limitsOf({ fuel: fuel(1_000_000_000n), memoryPages: 16 })
    await Promise.all(Array.from({ length: workers }, () => executor.run(module, functionCall(), limits)))
    return watched.residentBytes()
  } finally {
    await watched.stop()
  }
}
