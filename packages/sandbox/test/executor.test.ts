import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Outcome } from '../src/call.ts'
import { InlineExecutor } from '../src/inline-executor.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { commandCall, functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'
import { ModuleBuilder, op } from './module-builder.ts'
import { childPids, descendantsOf, isAlive } from './processes.ts'
import { randomProgram } from './random-program.ts'

const LOOP = Uint8Array.of(1)
const ECHO = Uint8Array.of(0, 42)

describe('the executor process', () => {
  const executor = new ProcessExecutor({}, { workersMax: 2 })
  beforeAll(() => executor.start())
  afterAll(() => executor.stop())

  test('gives the same outcomes and fuel as the inline runner', async () => {
    const inline = new InlineExecutor()
    await inline.start()
    const modules = [
      ...Array.from({ length: 40 }, (_, index) => randomProgram(index + 5000)),
      ...[guests.echo(), guests.recursion(), guests.indirectRecursion(), guests.wideRecursion(), guests.endlessLoop()],
      ...[guests.memoryBomb(1), guests.claimOutput(0, 60_000), guests.dataOutOfRange(), guests.trappingStart()],
      guests.keptValuesRecursion(500),
    ]
    const call = functionCall(Uint8Array.of(7, 7, 7))
    const limit = limits({ fuel: 500_000n, outputBytes: 50_000 })
    await Promise.all(
      modules.map(async (bytes) => {
        const outcome = await executor.run(await executor.load(bytes), call, limit)
        expect(outcome).toEqual(await inline.run(await inline.load(bytes), call, limit))
      }),
    )
  })

  test('calls queued behind one that hangs run elsewhere', async () => {
    const module = await executor.load(guests.loopOnDemand())
    const hung = Array.from({ length: 3 }, () =>
      executor.run(module, functionCall(LOOP), limits({ fuel: 2n ** 62n, timeMs: 150 })),
    )
    const quick = Array.from({ length: 60 }, () => executor.run(module, functionCall(ECHO), limits()))
    for (const outcome of await Promise.all(quick)) expect(outcome).toMatchObject({ status: 'ok', output: ECHO })
    for (const outcome of await Promise.all(hung)) expect(outcome).toMatchObject({ status: 'timed-out' })
  })

  test('a call can be cancelled while it runs, and its worker is free again', async () => {
    const module = await executor.load(guests.endlessLoop())
    const controllers = Array.from({ length: 4 }, () => new AbortController())
    const calls = controllers.map(({ signal }) =>
      executor.run(module, functionCall(), limits({ fuel: 2n ** 62n, timeMs: 60_000 }), { signal }),
    )
    const refused = Promise.allSettled(calls)
    const echo = await executor.load(guests.echo())
    for (const controller of controllers) controller.abort()
    for (const result of await refused)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'SANDBOX_ABORTED' } })
    expect(await executor.run(echo, functionCall(ECHO), limits())).toMatchObject({ status: 'ok' })
    await expect(executor.run(echo, functionCall(), limits(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'SANDBOX_ABORTED',
    })
  })

  test('refuses modules with the same errors as the inline runner', async () => {
    const inline = new InlineExecutor()
    await inline.start()
    const threads = new ModuleBuilder().memoryRaw(3, 1, 2).steadFunction(op.i64(0)).build()
    for (const bytes of [threads, Uint8Array.of(1, 2, 3), new ModuleBuilder().memory(1).build()]) {
      const expected = await inline.load(bytes).catch((error: unknown) => error)
      const actual = await executor.load(bytes).catch((error: unknown) => error)
      expect(actual).toMatchObject({
        code: (expected as { code: string }).code,
        details: (expected as { details: object }).details,
      })
      // And again: a refusal is not kept as a module.
      await expect(executor.load(bytes)).rejects.toMatchObject({ code: (expected as { code: string }).code })
    }
  })

  test('an input is visible to its call only', async () => {
    const dirty = await executor.load(guests.dirty())
    const reveal = await executor.load(guests.reveal())
    const secret = Uint8Array.of(0xa7)
    for (let round = 0; round < 20; round++) {
      const [, outcome] = await Promise.all([
        executor.run(dirty, functionCall(secret), limits()),
        executor.run(reveal, functionCall(), limits()),
      ])
      if (outcome?.status !== 'ok') throw new Error(outcome?.status)
      expect(outcome.output.every((byte) => byte === 0)).toBe(true)
    }
  })

  test('outputs are the caller’s own memory', async () => {
    const echo = await executor.load(guests.echo())
    const [first, second] = await Promise.all([
      executor.run(echo, functionCall(Uint8Array.of(1, 1, 1)), limits()),
      executor.run(echo, functionCall(Uint8Array.of(2, 2, 2)), limits()),
    ])
    if (first?.status !== 'ok' || second?.status !== 'ok') throw new Error('not ok')
    first.output.fill(9)
    expect(second.output).toEqual(Uint8Array.of(2, 2, 2))
    expect(first.output.buffer.byteLength).toBe(3)
  })

  test('wrong calls are refused before they are sent', async () => {
    const echo = await executor.load(guests.echo())
    await expect(executor.run(echo, commandCall(), limits())).rejects.toMatchObject({ code: 'SANDBOX_NO_ENTRY' })
    await expect(executor.run(echo, functionCall(), limits({ fuel: 0n }))).rejects.toMatchObject({
      code: 'SANDBOX_BAD_CALL',
    })
    await expect(executor.run({ ...echo }, functionCall(), limits())).rejects.toMatchObject({
      code: 'SANDBOX_BAD_CALL',
    })
  })

  test('a call that cannot be written costs only its caller', async () => {
    const module = await executor.load(guests.loopOnDemand())
    const running = executor.run(module, functionCall(LOOP), limits({ fuel: 2n ** 62n, timeMs: 300 }))
    // What types would not let through: a number compares like a bigint.
    const plain = limits({ fuel: 5 as unknown as bigint })
    await expect(executor.run(module, functionCall(ECHO), plain)).rejects.toMatchObject({ code: 'SANDBOX_BAD_CALL' })
    // Passes every check, and then has no bytes.
    const seed = Object.defineProperty({ length: 32 }, 0, { get: () => expect.fail('read') }) as unknown as Uint8Array
    await expect(executor.run(module, functionCall(ECHO, { seed }), limits())).rejects.toThrow('read')
    expect(await executor.run(await executor.load(guests.echo()), functionCall(ECHO), limits())).toMatchObject({
      status: 'ok',
      output: ECHO,
    })
    expect(await running).toMatchObject({ status: 'timed-out' })
  })

  test('every wall that this machine can put up is up', () => {
    const walls = new Map(executor.isolation().walls.map((wall) => [wall.name, wall]))
    for (const name of [
      'separate-process',
      'no-file-read',
      'no-file-write',
      'no-child-process',
      'no-addons',
      'no-environment',
    ])
      expect(walls.get(name)).toMatchObject({ up: true })
    // Node.js can refuse the network since version 25; before, only bubblewrap does.
    const canRefuse = Number(process.versions.node.split('.')[0]) >= 25 || walls.get('bubblewrap')?.up === true
    expect(walls.get('no-network')?.up).toBe(canRefuse)
    expect(walls.has('bubblewrap')).toBe(true)
  })
})

/** A process of before may just have ended. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

describe('an executor process that dies', () => {
  test('in the middle of calls reports them as this node’s fault and is replaced', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 2 })
    await executor.start()
    try {
      const loop = await executor.load(guests.endlessLoop())
      const echo = await executor.load(guests.echo())
      for (let round = 0; round < 2; round++) {
        expect(await executor.run(echo, functionCall(ECHO), limits())).toMatchObject({ status: 'ok' })
        const calls = Array.from({ length: 3 }, () =>
          executor.run(loop, functionCall(), limits({ fuel: 2n ** 62n, timeMs: 60_000 })),
        )
        const pids = childPids()
        expect(pids.length).toBeGreaterThan(0)
        for (const pid of pids) killIfThere(pid)
        for (const outcome of await Promise.all(calls))
          expect(outcome).toMatchObject({ status: 'node-fault', code: 'executor-died' })
        expect(await executor.run(echo, functionCall(ECHO), limits())).toMatchObject({ status: 'ok', output: ECHO })
      }
    } finally {
      await executor.stop()
    }
  }, 30_000)

  test('is killed and replaced when it gives no sign of life', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 1, hangTimeoutMs: 600, bubblewrap: 'off' })
    await executor.start()
    try {
      const loop = await executor.load(guests.endlessLoop())
      const call = executor.run(loop, functionCall(), limits({ fuel: 2n ** 62n, timeMs: 60_000 }))
      for (const pid of childPids()) process.kill(pid, 'SIGSTOP')
      expect(await call).toMatchObject({ status: 'node-fault', code: 'executor-died' })
      const echo = await executor.load(guests.echo())
      expect(await executor.run(echo, functionCall(ECHO), limits())).toMatchObject({ status: 'ok' })
    } finally {
      await executor.stop()
    }
  }, 30_000)
})

describe('start and stop', () => {
  test('a bubblewrap that does not work is done without, and told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stead-bwrap-'))
    const path = process.env.PATH
    const script = join(folder, 'bwrap')
    writeFileSync(script, '#!/bin/sh\necho no namespaces here >&2\nexit 1\n', { mode: 0o755 })
    process.env.PATH = folder
    try {
      const executor = new ProcessExecutor({}, { workersMax: 1 })
      await executor.start()
      const wall = executor.isolation().walls.find(({ name }) => name === 'bubblewrap')
      expect(wall).toMatchObject({ up: false, detail: expect.stringContaining('no namespaces here') })
      expect(await executor.run(await executor.load(guests.echo()), functionCall(ECHO), limits())).toMatchObject({
        status: 'ok',
      })
      await executor.stop()
      const strict = new ProcessExecutor({}, { bubblewrap: 'required' })
      await expect(strict.start()).rejects.toMatchObject({ code: 'SANDBOX_EXECUTOR_FAILED' })
    } finally {
      process.env.PATH = path
      rmSync(folder, { recursive: true })
    }
  }, 30_000)

  test('the process goes when its parent is killed, whatever its guests do', async () => {
    const script = fileURLToPath(new URL('./orphan.ts', import.meta.url))
    const parent = spawn(process.execPath, ['--conditions=@stead/source', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    expect(line.toString()).toBe('looping\n')
    const pids = descendantsOf(parent.pid ?? 0)
    expect(pids.length).toBeGreaterThan(0)
    parent.kill('SIGKILL')
    await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([])
  }, 30_000)

  test('nothing is left behind, running calls end as node faults, and it can start again', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 1 })
    await expect(executor.load(guests.echo())).rejects.toMatchObject({ code: 'SANDBOX_STOPPED' })
    await executor.start()
    const loop = await executor.load(guests.endlessLoop())
    const call = executor.run(loop, functionCall(), limits({ fuel: 2n ** 62n, timeMs: 60_000 }))
    await executor.stop()
    expect(await call).toMatchObject({ status: 'node-fault' })
    expect(childPids()).toEqual([])
    await expect(executor.run(loop, functionCall(), limits())).rejects.toMatchObject({ code: 'SANDBOX_STOPPED' })
    await executor.start()
    expect(await executor.run(loop, functionCall(), limits({ fuel: 999_999n }))).toMatchObject({
      status: 'out-of-fuel',
    })
    await executor.stop()
    await executor.stop()
  }, 30_000)

  test('wrong options are named', () => {
    expect(() => new ProcessExecutor({}, { workersMax: -1 })).toThrow(/workersMax/)
  })

  test('more modules at once than it keeps all stay until their calls are answered', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 1, modulesMax: 2 })
    await executor.start()
    try {
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, async (_, seed) => {
          const module = await executor.load(randomProgram(seed + 1))
          return (await executor.run(module, functionCall(), limits({ fuel: 300_000n, memoryPages: 4 }))).status
        }),
      )
      expect(outcomes).not.toContain('node-fault')
    } finally {
      await executor.stop()
    }
  })

  test('more modules than are kept still run, loaded again when they are needed', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 1, modulesMax: 2 })
    await executor.start()
    try {
      const modules = await Promise.all([1, 2, 3, 4, 5].map((seed) => executor.load(randomProgram(seed))))
      const inline = new InlineExecutor()
      await inline.start()
      for (const [index, module] of [...modules, ...modules].entries()) {
        const expected = await inline.run(
          await inline.load(randomProgram((index % 5) + 1)),
          functionCall(),
          limits({ fuel: 400_000n }),
        )
        expect(await executor.run(module, functionCall(), limits({ fuel: 400_000n }))).toEqual(expected)
      }
    } finally {
      await executor.stop()
    }
  }, 30_000)

  test('more calls than allowed are refused as busy, with the numbers', async () => {
    const executor = new ProcessExecutor({}, { workersMax: 1, callsInFlightMax: 3 })
    await executor.start()
    try {
      const loop = await executor.load(guests.endlessLoop())
      const run = (): Promise<Outcome> => executor.run(loop, functionCall(), limits({ fuel: 2n ** 62n, timeMs: 50 }))
      const results = await Promise.allSettled([run(), run(), run(), run()])
      expect(results.slice(0, 3).map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
      expect(results[3]).toMatchObject({ reason: { code: 'SANDBOX_BUSY', details: { calls: 3, callsMax: 3 } } })
    } finally {
      await executor.stop()
    }
  }, 30_000)
})
