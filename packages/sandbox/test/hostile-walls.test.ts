import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Outcome } from '../src/call.ts'
import type { LoadedModule } from '../src/executor.ts'
import { readOutcome, writeCall, writeLoad } from '../src/node/call-codec.ts'
import { bootstrapScript, type CodeBundle, readCodeBundle } from '../src/node/code-bundle.ts'
import { FRAME_HEADER_BYTES, ToParent } from '../src/node/frames.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { childFlags } from '../src/node/launch.ts'
import { WireReader, WireWriter } from '../src/node/wire-buffer.ts'
import { JobKind } from '../src/node/worker-messages.ts'
import { WorkerPool } from '../src/node/worker-pool.ts'
import { functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'
import { type Code, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { childPids, isAlive } from './processes.ts'

const MIB = 2 ** 20
/** 64 MiB: enough that an allocator would like to use it again. */
const PAGES = 1024
const SECRET = 0xa7
/** Where the input lies, see ModuleBuilder.steadFunction. */
const INPUT_AT = 1024

/** What {@link spy} does, by the second byte of its input. */
const Mode = { write: 0, writeAndTrap: 1, writeAndLoop: 2, look: 3, writeAndLook: 4 } as const

/**
 * Writes its first input byte over all of its memory, a global and a table, and then returns, traps or loops; or returns
 * how much of all that is not as a fresh instance has it.
 */
function spy(): Uint8Array {
  const builder = new ModuleBuilder().memory(1, PAGES).table(10)
  builder.global(I64, true, ...op.i64(0))
  const [at, found] = [2, 3]
  const target = builder.function({ body: [] })
  const mode = (value: number): Code => [op.i32(INPUT_AT), 0x2d, 0, 1, op.i32(value), 0x46]
  const write: Code = [
    [op.i32(0), op.i32(INPUT_AT), 0x2d, 0, 0, op.i32(PAGES * 65_536), 0xfc, 11, 0],
    [op.i64(SECRET), 0x24, 0],
    [op.i32(0), 0xd2, ...u32(target), op.i32(10), 0xfc, 17, 0],
  ]
  const count = (condition: Code): Code => [condition, op.if(op.get(found), op.i32(1), 0x6a, op.set(found))]
  const look: Code = [
    [op.i32(INPUT_AT), op.i32(0), 0x3b, 0, 0, op.i32(0), op.set(at)],
    op.loop(count([op.get(at), 0x29, 3, 0, op.i64(0), 0x52]), [
      op.get(at),
      op.i32(8),
      0x6a,
      op.tee(at),
      op.i32(PAGES * 65_536),
      0x49,
      op.brIf(0),
    ]),
    count([0x23, 0, op.i64(0), 0x52]),
    count([op.i32(3), 0x25, 0, 0xd1, 0x45]),
    [op.i32(0), op.get(found), 0x36, 2, 0],
  ]
  return builder
    .passiveElements(target)
    .steadFunction(
      [
        [op.i32(PAGES - 1), 0x40, 0, 0x1a],
        [mode(Mode.look), op.if(look, op.i64(4), 0x0f)],
        // The fill takes the mode with it.
        [op.i32(INPUT_AT), 0x2d, 0, 1, op.set(at), write],
        [op.get(at), op.i32(Mode.writeAndTrap), 0x46, op.if(op.unreachable)],
        [op.get(at), op.i32(Mode.writeAndLook), 0x46, op.if(look, op.i64(4), 0x0f)],
        [op.get(at), op.i32(Mode.writeAndLoop), 0x46, op.if(op.loop(op.br(0)))],
        op.i64(0),
      ],
      [[2, I32]],
    )
    .build()
}

describe('one worker, one guest after the other', () => {
  const executor = new ProcessExecutor({}, { workersMax: 1 })
  let module: LoadedModule
  beforeAll(async () => {
    await executor.start()
    module = await executor.load(spy())
  })
  afterAll(() => executor.stop())

  const run = (mode: number, timeMs = 20_000): Promise<Outcome> =>
    executor.run(
      module,
      functionCall(Uint8Array.of(SECRET, mode)),
      limits({ memoryPages: PAGES, timeMs, fuel: 2n ** 60n }),
    )

  test.each([
    ['that returned', Mode.write, 'ok'],
    ['that trapped', Mode.writeAndTrap, 'trap'],
    ['that was ended at its time', Mode.writeAndLoop, 'timed-out'],
  ] as const)(
    'nothing is left of one %s: memory, global, table',
    async (_how, mode, status) => {
      for (let round = 0; round < 4; round++) {
        const first = await run(mode, mode === Mode.writeAndLoop ? 300 : undefined)
        expect(first.status).toBe(status)
        expect(await run(Mode.look)).toMatchObject({ status: 'ok', output: new Uint8Array(4) })
      }
    },
    60_000,
  )

  test('the guest that looks would see it: in the call that wrote, it counts every word', async () => {
    const words = (PAGES * 65_536) / 8
    const output = new Uint8Array(Uint32Array.of(words + 2).buffer)
    expect(await run(Mode.writeAndLook)).toMatchObject({ status: 'ok', output })
  })
})

/** The bundle of the executor with another worker entry around its own. */
function bundleWithWorker(source: string): CodeBundle {
  const real = readCodeBundle()
  const worker = 'stead:/test/worker.js'
  return { ...real, sources: { ...real.sources, [worker]: source }, entries: { ...real.entries, worker } }
}

describe('a worker thread that dies alone', () => {
  test('is this node’s fault for the call that ran in it; calls behind it run elsewhere', async () => {
    const real = readCodeBundle().entries.worker
    // Dies in the middle of instantiating a module that has a start function.
    const code = bundleWithWorker(`
      import { start as startWorker } from '${real}'
      const { Instance } = WebAssembly
      WebAssembly.Instance = function (module, imports) {
        if (WebAssembly.Module.exports(module).some(({ name }) => name === 'stead:start')) process.exit(9)
        return new Instance(module, imports)
      }
      export const start = startWorker
    `)
    const outcomes = new Map<number, Outcome>()
    const loaded = new Set<number>()
    const done = Promise.withResolvers<void>()
    const pool = new WorkerPool(
      {
        code,
        events: {
          stuck: () => done.reject(new Error('stuck')),
          frames: (frames) => {
            const reader = new WireReader(frames, FRAME_HEADER_BYTES)
            const kind = reader.u8()
            const id = reader.u32()
            if (kind === ToParent.loaded) loaded.add(id)
            else outcomes.set(id, readOutcome(reader))
            if (loaded.size === 2 && outcomes.size === 0) submitCalls()
            if (outcomes.size === 10) done.resolve()
          },
        },
      },
      { workersMax: 1, terminateGraceMs: 2000 },
    )
    const submit = (kind: number, id: number, handle: number, payload: Uint8Array): void =>
      pool.submit({ kind, id, handle, payload, timeMs: 10_000 })
    const written = (write: (out: WireWriter) => void): Uint8Array => {
      const out = new WireWriter()
      write(out)
      return out.take()
    }
    const submitCalls = (): void => {
      const payload = (): Uint8Array =>
        written((out) => writeCall(out, { call: functionCall(Uint8Array.of(5)), limits: limits() }))
      for (let id = 1; id <= 10; id++) submit(JobKind.call, id, id === 4 ? 2 : 1, payload())
    }
    for (const [handle, bytes] of [guests.echo(), guests.trappingStart()].entries())
      submit(
        JobKind.load,
        0,
        handle + 1,
        written((out) => writeLoad(out, { floats: 'raw', bytes })),
      )
    pool.schedule()
    await done.promise
    for (const [id, outcome] of outcomes) {
      if (id === 4) expect(outcome).toMatchObject({ status: 'node-fault', code: 'worker-died' })
      else expect(outcome).toMatchObject({ status: 'ok', output: Uint8Array.of(5) })
    }
  }, 30_000)
})

describe.runIf(Number(process.versions.node.split('.')[0]) >= 26)('code that runs where guests run', () => {
  test('reads no file, opens no database, starts no thread with more rights', () => {
    const { entries } = readCodeBundle()
    const code = bundleWithWorker(`
      import { start as startWorker } from '${entries.worker}'
      import { readFileSync } from 'node:fs'
      import { Worker } from 'node:worker_threads'
      const attempt = (action) => {
        try {
          return 'succeeded: ' + action()
        } catch (error) {
          return error.code
        }
      }
      export function start(payload) {
        startWorker(payload)
        const file = attempt(() => readFileSync('/etc/passwd'))
        const thread = attempt(() => new Worker('0', { eval: true, execArgv: ['--permission', '--allow-fs-read=*'] }))
        const database = typeof process.getBuiltinModule('node:sqlite')
        console.log(JSON.stringify({ file, thread, database }))
        process.exit()
      }
    `)
    const child = 'stead:/test/child.js'
    const sources = {
      ...code.sources,
      [child]: `
        import { Worker } from 'node:worker_threads'
        export const start = ({ bootstrap }, code) =>
          new Worker(bootstrap, { eval: true, workerData: { code, payload: { shared: new SharedArrayBuffer(1024) } } })
      `,
    }
    const input = JSON.stringify({
      code: { ...code, sources, entries: { ...code.entries, child } },
      payload: { bootstrap: bootstrapScript },
    })
    const { stdout } = spawnSync(process.execPath, [...childFlags, '--eval', bootstrapScript], {
      input,
      encoding: 'utf8',
    })
    expect(JSON.parse(stdout)).toEqual({
      file: 'ERR_ACCESS_DENIED',
      thread: 'ERR_ACCESS_DENIED',
      database: 'undefined',
    })
  })
})

/** Resident memory of the largest executor process that this process started, in bytes. */
function executorBytes(): number {
  const sizes = childPids().map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024
  })
  return Math.max(...sizes)
}

describe.runIf(process.platform === 'linux')('memory of the executor process', () => {
  test.each(['auto', 'off'] as const)(
    'is the first to be taken back, also after a restart (bubblewrap %s)',
    async (bubblewrap) => {
      const executor = new ProcessExecutor({}, { workersMax: 1, bubblewrap })
      await executor.start()
      try {
        const echo = await executor.load(guests.echo())
        for (let round = 0; round < 2; round++) {
          // A call that meets the end of the process is a node fault; the next one waits for the restart.
          const status = async (): Promise<string> => (await executor.run(echo, functionCall(), limits())).status
          await expect.poll(status, { timeout: 10_000 }).toBe('ok')
          expect(executor.isolation().walls).toContainEqual(
            expect.objectContaining({ name: 'memory-victim', up: true }),
          )
          const pids = childPids()
          expect(pids.length).toBeGreaterThan(0)
          for (const pid of pids) expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('900\n')
          for (const pid of pids) process.kill(pid, 'SIGKILL')
          await expect.poll(() => pids.filter(isAlive)).toEqual([])
        }
        expect(readFileSync('/proc/self/oom_score_adj', 'utf8')).not.toBe('900\n')
      } finally {
        await executor.stop()
      }
    },
    30_000,
  )

  test('stays bounded under many modules and many instances, also of large memories', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 2, modulesMax: 16 })
    await executor.start()
    try {
      const filler = new Array(2000).fill([op.i64(3), 0x1a])
      for (let index = 0; index < 200; index++) {
        const bytes = new ModuleBuilder().steadFunction([filler, op.i64(index), 0x1a, op.i64(0)]).build()
        expect(await executor.run(await executor.load(bytes), functionCall(), limits())).toMatchObject({ status: 'ok' })
      }
      const wide = await executor.load(new ModuleBuilder().memory(65_536).steadFunction(op.i64(0)).build())
      const outcomes = await Promise.all(
        Array.from({ length: 500 }, () =>
          executor.run(wide, functionCall(), limits({ memoryPages: 65_536, fuel: 10n ** 11n })),
        ),
      )
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['ok']))
      expect(executorBytes()).toBeGreaterThan(20 * MIB)
      expect(executorBytes()).toBeLessThan(600 * MIB)
    } finally {
      await executor.stop()
    }
  }, 120_000)

  test('64 guests that fill large memories at once wait for a worker each, and none is refused memory', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 2 })
    await executor.start()
    try {
      const bytes = guests.body(
        [op.i32(0), op.i32(1), op.i32(16 * MIB), 0xfc, 11, 0],
        new ModuleBuilder().memory(16_384),
      )
      const module = await executor.load(bytes)
      const limit = limits({ memoryPages: 16_384, fuel: 10n ** 11n, timeMs: 60_000 })
      const outcomes = await Promise.all(Array.from({ length: 64 }, () => executor.run(module, functionCall(), limit)))
      for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
      expect(outcomes[0]?.status).toBe('ok')
    } finally {
      await executor.stop()
    }
  }, 120_000)
})
