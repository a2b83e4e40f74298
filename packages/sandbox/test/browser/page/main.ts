import { isSteadError } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { WorkerExecutor, type WorkerExecutorOptions } from '@stead/sandbox/browser'
import type { CallInput, Limits, Outcome } from '../../../src/call.ts'
import { functionCall, limits } from '../../calls.ts'
import { guests } from '../../guests.ts'
import { I32, ModuleBuilder, op } from '../../module-builder.ts'
import {
  type CorpusCase,
  compiledCases,
  endingCases,
  generatedCases,
  lineOf,
  recursionCases,
  strictCases,
} from '../corpus.ts'
import { endlessGuests } from '../endless.ts'
import { holderCount, whenNobodyHolds } from './lock.ts'

const forEver: Limits = limits({ fuel: 2n ** 62n, timeMs: 60_000 })
const ECHO = Uint8Array.of(0, 42)

/** Gives an executor to `use` and stops it afterwards. */
async function withExecutor<Result>(
  options: Partial<WorkerExecutorOptions>,
  use: (executor: WorkerExecutor) => Promise<Result>,
  worker = '/worker.js',
): Promise<Result> {
  const executor = new WorkerExecutor({ worker }, options)
  await executor.start()
  try {
    return await use(executor)
  } finally {
    await executor.stop()
  }
}

/** What a test can read of an outcome or a refusal: plain values, bytes as a list. */
function plain(outcome: Outcome): object {
  return 'output' in outcome
    ? { status: outcome.status, output: [...outcome.output] }
    : { ...outcome, ...('fuel' in outcome && { fuel: String(outcome.fuel) }) }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return isSteadError(error) ? error.code : String(error)
  }
}

async function fetchModules(names: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const read = async (name: string): Promise<[string, Uint8Array]> => [
    name,
    new Uint8Array(await (await fetch(`/modules/${name}`)).arrayBuffer()),
  ]
  return new Map(await Promise.all(names.map(read)))
}

const corpora: Readonly<Record<string, (names: readonly string[]) => Promise<CorpusCase[]>>> = {
  generated: async () => generatedCases(),
  strict: async () => strictCases(),
  endings: async () => endingCases(),
  recursion: async () => recursionCases(),
  compiled: async (names) => compiledCases(await fetchModules(names)),
}

const tests = {
  corpus: ({ which, names }: { which: string; names: readonly string[] }): Promise<string[]> =>
    withExecutor({}, async (executor) => {
      const cases = (await corpora[which]?.(names)) ?? []
      return await Promise.all(cases.map((one) => lineOf(executor, one)))
    }),

  /** Runs an endless guest beside 50 short calls; when it was told, and when no thread was left. */
  endless: async (name: string): Promise<EndlessReport> => {
    const begun = performance.now()
    const told = await withExecutor({ workersMax: 2 }, async (executor) => {
      const module = await executor.load(endlessGuests[name] ?? new Uint8Array())
      const echo = await executor.load(guests.echo())
      const running = executor.run(module, functionCall(), { ...forEver, timeMs: 100, memoryPages: 16_384 })
      const others = await Promise.all(
        Array.from({ length: 50 }, () => executor.run(echo, functionCall(ECHO), limits())),
      )
      const outcome = await running
      const toldMs = performance.now() - begun
      const after = await executor.run(echo, functionCall(ECHO), limits())
      return { outcome: plain(outcome), others: [...others, after].map((other) => other.status), toldMs }
    })
    await whenNobodyHolds()
    return { ...told, goneMs: performance.now() - begun }
  },

  /** Lets endless calls pass their time one after the other; the most threads that were there at once. */
  endlessInARow: async (count: number): Promise<{ statuses: string[]; threadsMax: number }> => {
    let threadsMax = 0
    const statuses = await withExecutor({ workersMax: 1 }, async (executor) => {
      const module = await executor.load(guests.endlessLoop())
      const found: string[] = []
      for (let index = 0; index < count; index++) {
        const { status } = await executor.run(module, functionCall(), { ...forEver, timeMs: 20 })
        found.push(status)
        threadsMax = Math.max(threadsMax, await holderCount())
      }
      return found
    })
    await whenNobodyHolds()
    return { statuses, threadsMax }
  },

  manyInFlight: (count: number): Promise<boolean[]> =>
    withExecutor({}, async (executor) => {
      const echo = await executor.load(guests.echo())
      const inputs = Array.from({ length: count }, (_, index) => Uint8Array.of(index, 255 - (index % 256), 7))
      const outcomes = await Promise.all(inputs.map((input) => executor.run(echo, functionCall(input), limits())))
      return outcomes.map((outcome, index) => {
        const input = inputs[index] ?? []
        return outcome.status === 'ok' && `${[...outcome.output]}` === `${[...input]}`
      })
    }),

  /** Calls that each write to a megabyte of memory, in one executor that stays for the next round. */
  touchMemory: async (count: number): Promise<string[]> => {
    touching ??= await startTouching()
    const { executor, module } = touching
    const statuses = new Set<string>()
    for (let index = 0; index < count; index++) {
      const outcome = await executor.run(module, functionCall(new Uint8Array(1000)), limits())
      statuses.add(outcome.status)
    }
    return [...statuses]
  },

  stopTouching: async (): Promise<void> => {
    await touching?.executor.stop()
    touching = undefined
  },

  abort: (): Promise<object> =>
    withExecutor({ workersMax: 1 }, async (executor) => {
      const loop = await executor.load(guests.endlessLoop())
      const echo = await executor.load(guests.echo())
      const [running, waiting] = [new AbortController(), new AbortController()]
      const calls = [running, waiting].map(({ signal }) =>
        codeOf(executor.run(loop, functionCall(), forEver, { signal })),
      )
      const short = executor.run(echo, functionCall(ECHO), limits())
      waiting.abort()
      running.abort()
      const before = codeOf(executor.run(echo, functionCall(), limits(), { signal: AbortSignal.abort() }))
      return { codes: await Promise.all([...calls, before]), short: plain(await short) }
    }),

  /** A worker that dies in a call, with others before and behind it. */
  death: (): Promise<object> =>
    withExecutor(
      { workersMax: 1 },
      async (executor) => {
        const echo = await executor.load(guests.echo())
        const inputs = [ECHO, Uint8Array.of(0xdd), ECHO]
        const outcomes = await Promise.all(inputs.map((input) => executor.run(echo, functionCall(input), limits())))
        return outcomes.map(plain)
      },
      '/mortal-worker.js',
    ),

  /** An address where no worker is, or none that answers. */
  noWorker: async (worker: string): Promise<object> => {
    const executor = new WorkerExecutor({ worker }, { startTimeoutMs: 300 })
    const start = await codeOf(executor.start())
    return { start, load: await codeOf(executor.load(guests.echo())) }
  },

  /** A module that takes longer to load than it may, and one that does not. */
  slowLoad: (): Promise<object> =>
    withExecutor({ workersMax: 1, loadTimeoutMs: 100 }, async (executor) => {
      const slow = codeOf(executor.load(largeModule()))
      return { slow: await slow, quick: await codeOf(executor.load(guests.echo())) }
    }),

  stop: async (): Promise<object> => {
    const executor = new WorkerExecutor({ worker: '/worker.js' }, { workersMax: 1 })
    const early = await codeOf(executor.load(guests.echo()))
    await executor.start()
    const loop = await executor.load(guests.endlessLoop())
    const calls = [1, 2].map(() => executor.run(loop, functionCall(), forEver))
    const load = codeOf(executor.load(guests.echo()))
    await executor.stop()
    await executor.stop()
    const outcomes = (await Promise.all(calls)).map(plain)
    const late = await codeOf(executor.run(loop, functionCall(), forEver))
    await executor.start()
    const again = plain(await executor.run(loop, functionCall(), limits({ fuel: 999_999n })))
    await executor.stop()
    await whenNobodyHolds()
    return { early, load: await load, outcomes, late, again }
  },

  refusals: (): Promise<object> =>
    withExecutor({ workersMax: 1, callsInFlightMax: 3, modulesMax: 1 }, async (executor) => {
      const echo = await executor.load(guests.echo())
      const call = (changes: Partial<CallInput> = {}): Promise<string> =>
        codeOf(executor.run(echo, functionCall(ECHO, changes), limits()))
      const busy = await Promise.all([call(), call(), call(), call()])
      const big = { input: new Uint8Array(65 * 1024 * 1024) }
      return {
        busy,
        foreign: await codeOf(executor.run({ ...echo }, functionCall(), limits())),
        kind: await call({ kind: 'command' }),
        seed: await call({ seed: new Uint8Array(3) }),
        big: await call(big),
        malformed: await codeOf(executor.load(Uint8Array.of(1, 2, 3))),
        malformedAgain: await codeOf(executor.load(Uint8Array.of(1, 2, 3))),
        // More modules than are kept, by turns.
        others: await Promise.all([guests.reveal(), guests.dirty()].map((bytes) => codeOf(executor.load(bytes)))),
        afterwards: await call(),
        option: await codeOf((async () => new WorkerExecutor({ worker: '/worker.js' }, { workersMax: -1 }))()),
      }
    }),

  /** That a call's bytes stay the caller's, and an outcome's become so. */
  ownership: (): Promise<object> =>
    withExecutor({ workersMax: 1 }, async (executor) => {
      const bytes = guests.echo()
      const echo = await executor.load(bytes)
      const whole = Uint8Array.of(9, 1, 2, 3, 9)
      const outcome = await executor.run(echo, functionCall(whole.subarray(1, 4)), limits())
      return { whole: [...whole], moduleBytes: bytes.length, outcome: plain(outcome) }
    }),

  contentId: (bytes: readonly number[]): string => contentIdOf('raw', Uint8Array.from(bytes)),
} as const

/** Two million instructions in functions that the transformer has to walk. */
function largeModule(): Uint8Array {
  const builder = new ModuleBuilder()
  const line = [op.i32(7), op.get(0), 0x6a, op.set(0)]
  const body = Array.from({ length: 500 }, () => line)
  for (let count = 0; count < 1000; count++) builder.function({ locals: [[1, I32]], body })
  return builder.steadFunction(op.i64(0)).build()
}

interface EndlessReport {
  readonly outcome: object
  readonly others: readonly string[]
  readonly toldMs: number
  readonly goneMs: number
}

interface Touching {
  readonly executor: WorkerExecutor
  readonly module: Awaited<ReturnType<WorkerExecutor['load']>>
}

let touching: Touching | undefined

async function startTouching(): Promise<Touching> {
  const executor = new WorkerExecutor({ worker: '/worker.js' }, { workersMax: 1 })
  await executor.start()
  const fill = [op.i32(0), op.i32(7), op.i32(2 ** 20), 0xfc, 11, 0]
  return { executor, module: await executor.load(guests.body(fill, new ModuleBuilder().memory(16))) }
}

export type PageTests = typeof tests

Object.assign(globalThis, { tests })
