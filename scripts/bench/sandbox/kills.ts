import { setTimeout as sleep } from 'node:timers/promises'
import type { CallInput } from '@stead/sandbox'
import { endlessGuests } from '../../../packages/sandbox/test/hostile-guests.ts'
import { op } from '../../../packages/sandbox/test/module-builder.ts'
import { wasiDo, wasiProgram } from '../../../packages/sandbox/test/wasi-program.ts'
import { echoModule } from '../echo-module.ts'
import { type BenchRow, benchRow, missingRow, percentile } from '../row.ts'
import { commandCall, functionCall, limitsOf } from './guest-calls.ts'
import { WATCHED_ON_LINUX_ONLY, WatchedExecutor } from './watched-executor.ts'

/** How long a guest may run before it is killed: long enough for the optimising compiler to take over. */
const TIME_LIMIT_MS = 80
const ROUNDS = 5
const TARGET = { limit: 50, better: 'less' } as const

interface Hostile {
  readonly name: string
  readonly module: Uint8Array
  readonly call: CallInput
}

/** Guests that never end: those of the tests, and commands that keep the host busy instead. */
function hostiles(): readonly Hostile[] {
  const functions = Object.entries(endlessGuests).map(([name, make]) => ({
    name,
    module: make(),
    call: functionCall(),
  }))
  const commands = Object.entries({
    'a command that waits for ever': wasiDo('poll_oneoff', 1024, 8192, 1, 256),
    'a command that reads the clock for ever': wasiDo('clock_time_get', 1, 0n, 256),
    'a command that draws random megabytes': wasiDo('random_get', 0, 1_000_000),
  }).map(([name, body]) => {
    // One subscription to a clock: after 2^64 - 1 ns.
    const data = { [1024 + 16]: [1], [1024 + 24]: new Array<number>(8).fill(255) }
    return { name, module: wasiProgram(op.loop(body, op.br(0)), data, 16), call: commandCall() }
  })
  return [...functions, ...commands]
}

interface Kill {
  /** From the end of its time to the outcome. */
  readonly answeredMs: number
  /** From the end of its time until its thread is gone; undefined where threads cannot be watched. */
  readonly goneMs: number | undefined
}

async function kill(watched: WatchedExecutor, hostile: Hostile): Promise<Kill> {
  const { executor } = watched
  const loaded = await executor.load(hostile.module)
  const threads = watched.threads()
  const begun = performance.now()
  const outcome = await executor.run(loaded, hostile.call, limitsOf({ timeMs: TIME_LIMIT_MS }))
  const answeredMs = performance.now() - begun - TIME_LIMIT_MS
  if (outcome.status !== 'timed-out') throw new Error(`${hostile.name} ended by itself: ${outcome.status}`)
  if (watched.pid === undefined) return { answeredMs, goneMs: undefined }
  const isHere = (): boolean => {
    const now = new Set(watched.threads())
    return threads.every((thread) => now.has(thread))
  }
  while (isHere()) await sleep(1)
  return { answeredMs, goneMs: performance.now() - begun - TIME_LIMIT_MS }
}

/** How long it takes to be rid of guests that do not end by themselves: the median of some rounds for each. */
export async function benchKills(): Promise<readonly BenchRow[]> {
  const echo = await echoModule()
  const watched = await WatchedExecutor.start({ workersMax: 1 })
  const rows: BenchRow[] = []
  const all: Kill[] = []
  try {
    const quiet = await watched.executor.load(echo)
    for (const hostile of hostiles()) {
      const kills: Kill[] = []
      for (let round = 0; round < ROUNDS; round++) {
        kills.push(await kill(watched, hostile))
        // The worker that stands in is warm before the next round.
        await watched.executor.run(quiet, functionCall(), limitsOf())
      }
      all.push(...kills)
      rows.push(rowOf({ name: `kill ${hostile.name}, until its thread is gone`, target: TARGET }, goneMs(kills), 0.5))
    }
  } finally {
    await watched.stop()
  }
  const answered = all.map(({ answeredMs }) => answeredMs)
  const rest = `of ${all.length} kills of ${rows.length} guests`
  return [
    ...rows,
    rowOf({ name: `kill, until its thread is gone, worst ${rest}`, target: undefined }, goneMs(all), 1),
    rowOf({ name: `kill, until the caller has its outcome, median ${rest}`, target: TARGET }, answered, 0.5),
    rowOf({ name: `kill, until the caller has its outcome, worst ${rest}`, target: undefined }, answered, 1),
  ]
}

function goneMs(kills: readonly Kill[]): readonly number[] {
  return kills.flatMap((kill) => kill.goneMs ?? [])
}

function rowOf(row: Pick<BenchRow, 'name' | 'target'>, samples: readonly number[], share: number): BenchRow {
  if (samples.length === 0) return missingRow({ ...row, unit: 'ms', missing: WATCHED_ON_LINUX_ONLY })
  return benchRow({ ...row, unit: 'ms', value: percentile(samples, share), reference: undefined })
}
