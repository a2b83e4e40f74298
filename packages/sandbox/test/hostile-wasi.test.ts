import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Outcome } from '../src/call.ts'
import { GuestStop } from '../src/guest-stop.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { Errno } from '../src/wasi/errno.ts'
import { fileQuotas, resultQuotas } from '../src/wasi/quota.ts'
import { commandCall, limits } from './calls.ts'
import { collectGarbage } from './garbage.ts'
import { type Code, op } from './module-builder.ts'
import { SeededNumbers } from './seeded-numbers.ts'
import { fuzzCall, fuzzData, fuzzOpenings } from './wasi-fuzz.ts'
import { WasiGuest } from './wasi-guest.ts'
import { type Data, exitWith, more, recurse, slice, wasiCall, wasiDo, wasiProgram } from './wasi-program.ts'

/** Addresses that the programs use. */
const RESULT = 256
const SLICES = 512
const PATH = 1024
const PATH2 = 8192

const MIB = 2 ** 20
const ALL_RIGHTS = 0x3fff_ffffn
const DIRECTORY_RIGHTS = ALL_RIGHTS & ~0x40n

/** Bytes of buffers that something still holds. */
function heldBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

interface Attempt {
  readonly data?: Data
  readonly pages?: number
  readonly limits?: Parameters<typeof limits>[0]
  readonly files?: ReadonlyMap<string, Uint8Array>
}

/** Runs a body as a command; what a guest does is never this machine's fault, and always has the same outcome. */
function attempt(body: Code, { data, pages = 1, limits: changes, files = new Map() }: Attempt = {}): Outcome {
  const compiled = compileModule(wasiProgram(body, data, pages))
  const outcome = runCall(compiled, commandCall({ files }), limits({ memoryPages: 4096, ...changes }))
  expect(outcome.status, inWords(outcome)).not.toBe('node-fault')
  return outcome
}

function inWords(outcome: Outcome): string {
  return JSON.stringify(outcome, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
}

function exitCode(outcome: Outcome): number {
  if (outcome.status !== 'ok') throw new Error(inWords(outcome))
  return outcome.exitCode
}

/** Opens the path of `length` bytes at PATH; leaves the error number, and the descriptor at RESULT. */
function open(length: number, { flags = 0, fd = 3 as number | Code, rights = ALL_RIGHTS } = {}): Code {
  return wasiCall('path_open', fd, 0, PATH, length, flags, rights, ALL_RIGHTS, 0, RESULT)
}

/** Writes local 0 as six letters at PATH. */
const writeName: Code = [0, 4, 8, 12, 16, 20].map((shift, index) => [
  op.i32(PATH + index),
  [op.get(0), op.i32(shift), 0x76, op.i32(15), 0x71, op.i32(0x61), more.add],
  [0x3a, 0, 0],
])

/** Repeats a body for ever, counting in local 0. */
function forever(...body: Code): Code {
  return op.loop(body, op.get(0), op.i32(1), more.add, op.set(0), op.br(0))
}

/** Repeats a body that leaves an error number until that is not 0, then exits with it. */
function untilError(...body: Code): Code {
  return [
    op.loop(body, [op.tee(1), 0x45, op.if([op.get(0), op.i32(1), more.add, op.set(0)], op.br(1))]),
    exitWith(op.get(1)),
  ]
}

describe('hostile commands end with an outcome that says why', () => {
  test('10 GB of output end at the limit, and the machine holds no more than that', () => {
    const write = wasiDo('fd_write', 1, SLICES, 1, RESULT)
    const data = { [SLICES]: slice(0, 65_536) }
    const before = heldBytes()
    const outcome = attempt(forever(write), { data, limits: { fuel: 10n ** 12n, outputBytes: 16 * MIB } })
    expect(outcome).toMatchObject({ status: 'limit', limit: 'output', allowed: 16 * MIB, wanted: 16 * MIB + 65_536 })
    expect(heldBytes() - before).toBeLessThan(100 * MIB)
  })

  test('a million files end where the quota of files does', () => {
    const ended: Code = [op.get(0), op.i32(fileQuotas.nodes), 0x46, op.if(exitWith(op.get(1)))]
    const create: Code = [writeName, open(6, { flags: 1 }), op.set(1), ended]
    const close: Code = wasiDo('fd_close', more.load(RESULT))
    const full = attempt(forever(create, close), { limits: { fuel: 10n ** 12n, outputBytes: 8 * MIB } })
    // That many can be made, and more are ENOSPC, but a result cannot name them.
    expect(full).toMatchObject({
      status: 'limit',
      limit: 'files',
      allowed: resultQuotas.files,
      wanted: fileQuotas.nodes,
    })
    const unlinked: Code = [create, close, wasiDo('path_unlink_file', 3, PATH, 6)]
    expect(exitCode(attempt(forever(unlinked), { limits: { fuel: 10n ** 12n, outputBytes: 8 * MIB } }))).toBe(0)
    const poor = attempt(forever(create, close), { limits: { fuel: 10n ** 12n, outputBytes: 100_000 } })
    expect(poor).toMatchObject({ status: 'limit', limit: 'output', allowed: 100_000 })
  })

  test('files that are made and removed for ever keep nothing', () => {
    const round: Code = [
      [writeName, open(6, { flags: 1 }), more.drop],
      wasiDo('fd_filestat_set_size', more.load(RESULT), 500_000n),
      wasiDo('path_unlink_file', 3, PATH, 6),
      wasiDo('fd_close', more.load(RESULT)),
    ]
    const before = heldBytes()
    expect(attempt(forever(round), { limits: { fuel: 2n * 10n ** 9n } }).status).toBe('out-of-fuel')
    expect(heldBytes() - before).toBeLessThan(200 * MIB)
  })

  test('files that are cut off keep nothing of their buffers', () => {
    const round: Code = [
      [writeName, open(6, { flags: 1 }), more.drop],
      wasiDo('fd_filestat_set_size', more.load(RESULT), BigInt(8 * MIB)),
      wasiDo('fd_filestat_set_size', more.load(RESULT), 0n),
      wasiDo('fd_close', more.load(RESULT)),
      [op.get(0), op.i32(100), 0x46, op.if(exitWith(op.i32(0)))],
    ]
    const before = heldBytes()
    const outcome = attempt(forever(round), { limits: { fuel: 10n ** 11n, outputBytes: 9 * MIB } })
    expect(outcome).toMatchObject({ status: 'limit', limit: 'files', wanted: 101 })
    // 800 MiB, were they kept.
    expect(heldBytes() - before).toBeLessThan(400 * MIB)
  })

  test('a path of 100,000 names is too long, and 128 directories inside each other are enough', () => {
    const long: Data = { [PATH]: 'a/'.repeat(100_000) }
    const mkdir = wasiCall('path_create_directory', 3, PATH, 200_000)
    expect(exitCode(attempt(exitWith(mkdir), { data: long, pages: 8 }))).toBe(Errno.nametoolong)
    const below = op.get(2)
    const deeper: Code = [
      [wasiCall('path_create_directory', below, PATH, 1), op.tee(1), op.if(exitWith([op.get(1)]))],
      open(1, { flags: 2, fd: below, rights: DIRECTORY_RIGHTS }),
      [op.get(2), op.i32(3), 0x47, op.if(wasiDo('fd_close', below))],
      [more.load(RESULT), op.set(2)],
    ]
    const chain: Code = [op.i32(3), op.set(2), untilError(deeper)]
    expect(exitCode(attempt(chain, { data: { [PATH]: 'd' } }))).toBe(Errno.nametoolong)
  })

  test('descriptors end with EMFILE', () => {
    const files = new Map([['f', new Uint8Array(1)]])
    expect(exitCode(attempt(untilError(open(1)), { data: { [PATH]: 'f' }, files }))).toBe(Errno.mfile)
  })

  test('waiting for ever takes no time and ends with the fuel', () => {
    const subscription: Data = { [PATH + 16]: [1], [PATH + 24]: new Array<number>(8).fill(255) }
    const wait = wasiDo('poll_oneoff', PATH, PATH2, 1, RESULT)
    const begun = performance.now()
    expect(attempt(forever(wait), { data: subscription, limits: { fuel: 50_000_000n } }).status).toBe('out-of-fuel')
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  test('a program that spins until the clock has moved ends, because computing moves it', () => {
    const now: Code = [wasiDo('clock_time_get', 1, 0n, RESULT), [op.i32(RESULT), 0x29, 3, 0]]
    const spin: Code = [now, op.i64(20_000_000), 0x7c, op.set(4), op.loop(now, op.get(4), 0x54, op.brIf(0))]
    const outcome = attempt(spin)
    expect(exitCode(outcome)).toBe(0)
    if (outcome.status === 'ok') expect(outcome.fuel).toBeGreaterThan(20_000_000n)
    expect(attempt(forever(now, more.drop), { limits: { fuel: 50_000_000n } }).status).toBe('out-of-fuel')
  })

  test('a flood of random bytes ends with the fuel', () => {
    const flood = forever(wasiDo('random_get', 0, 65_536))
    expect(attempt(flood, { limits: { fuel: 50_000_000n } }).status).toBe('out-of-fuel')
  })

  test('renaming into its own child is refused at any depth', () => {
    const data = { [PATH]: 'a', [PATH2]: 'a/b/c/d' }
    const make = (length: number): Code => wasiDo('path_create_directory', 3, PATH2, length)
    const body: Code = [make(1), make(3), make(5), exitWith(wasiCall('path_rename', 3, PATH, 1, 3, PATH2, 7))]
    expect(exitCode(attempt(body, { data }))).toBe(Errno.inval)
  })
})

describe('lists of slices', () => {
  test('may overlap each other, their own list and the result; what is counted is what is copied', () => {
    const files = new Map([['f', Uint8Array.from({ length: 64 }, (_, index) => index)]])
    const data = { [PATH]: 'f', [SLICES]: [...slice(SLICES, 16), ...slice(SLICES, 16), ...slice(RESULT, 4)] }
    const read: Code = [open(1), more.drop, wasiDo('fd_read', more.load(RESULT), SLICES, 3, RESULT)]
    expect(exitCode(attempt([read, exitWith(more.load(RESULT))], { data, files }))).toBe(36)
  })

  test('pointers to arguments do not begin again at 0 where a memory of 4 GiB ends', () => {
    const compiled = compileModule(wasiProgram(exitWith(wasiCall('args_get', -4, PATH)), {}, 65_536))
    const outcome = runCall(compiled, commandCall({ args: ['x'] }), limits({ fuel: 2n ** 40n, memoryPages: 65_536 }))
    expect(exitCode(outcome)).toBe(Errno.fault)
  })

  test.each([
    ['a slice that ends behind memory', [...slice(65_530, 7)], 1, Errno.fault],
    ['a slice that wraps around', [...slice(0xffff_fffc, 8)], 1, Errno.fault],
    ['a slice of 4 GiB', [...slice(1, 0xffff_ffff)], 1, Errno.fault],
    ['a good and a bad slice', [...slice(0, 8), ...slice(65_536, 1)], 2, Errno.fault],
    ['a list of 2^29 slices', [...slice(0, 8)], 0x2000_0001, Errno.inval],
    ['1,024 empty slices', [...slice(0, 0)], 1024, Errno.success],
    ['1,025 empty slices', [...slice(0, 0)], 1025, Errno.inval],
    ['an empty slice at the end of memory', [...slice(65_536, 0)], 1, Errno.success],
  ])('%s', (_name, list, count, errno) => {
    const data = { [SLICES]: list }
    const outcome = attempt(exitWith(wasiCall('fd_write', 1, SLICES, count, RESULT)), { data })
    expect(exitCode(outcome)).toBe(errno)
    if (errno !== Errno.success) expect(outcome).toMatchObject({ output: new Uint8Array(0) })
  })
})

describe('random calls with random arguments', () => {
  const files = new Map([
    ['file', new Uint8Array(100)],
    ['dir/a', new Uint8Array(3)],
  ])

  function refill(memory: ArrayBuffer): void {
    for (const [at, content] of Object.entries<string | readonly number[]>(fuzzData))
      new Uint8Array(memory).set(typeof content === 'string' ? Buffer.from(content) : content, Number(at))
  }

  test('are answered with an error number of the specification, and each call succeeds and fails at times', () => {
    const known = new Set<number>(Object.values(Errno))
    const seen = new Map<string, Set<number>>()
    let answers = 0
    for (let seed = 0; seed < 300; seed++) {
      const random = new SeededNumbers(seed)
      const guest = new WasiGuest({ files, environment: new Map([['A', 'b']]) }, { outputBytes: MIB, fuel: 2n ** 62n })
      refill(guest.memory)
      for (const { name, parameters } of fuzzOpenings) expect(guest.call(name, ...parameters)).toBe(0)
      for (let count = 0; count < 200; count++) {
        const { name, parameters } = fuzzCall(random)
        refill(guest.memory)
        try {
          const errno = guest.call(name, ...parameters)
          if (!known.has(errno)) expect.fail(`seed ${seed}: ${name}(${parameters.join()}) answered ${errno}`)
          seen.set(name, (seen.get(name) ?? new Set()).add(errno))
          answers++
        } catch (error) {
          if (!(error instanceof GuestStop))
            throw new Error(`seed ${seed}: ${name}(${parameters.join()})`, { cause: error })
          break
        }
      }
    }
    const withoutSuccess = new Set(['proc_raise', 'sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'])
    for (const [name, errnos] of seen) {
      expect(errnos.has(0), `${name} succeeded`).toBe(!withoutSuccess.has(name))
      expect(
        [...errnos].some((errno) => errno !== 0),
        `${name} failed`,
      ).toBe(name !== 'sched_yield')
    }
    expect(seen.size).toBe(45)
    expect(answers).toBeGreaterThan(10_000)
  })

  test.each(Array.from({ length: 8 }, (_, index) => index))(
    'never harm the machine, and end the same twice (%i)',
    (part) => {
      for (let seed = part * 10; seed < part * 10 + 10; seed++) {
        const random = new SeededNumbers(seed + 1000)
        const calls = [...fuzzOpenings, ...Array.from({ length: 100 }, () => fuzzCall(random))]
        const compiled = compileModule(
          wasiProgram(
            calls.map(({ name, parameters }) => wasiDo(name, ...parameters)),
            fuzzData,
          ),
        )
        const run = (): Outcome =>
          runCall(compiled, commandCall({ files }), limits({ fuel: 10n ** 10n, outputBytes: MIB }))
        const outcome = run()
        expect(['ok', 'limit', 'out-of-fuel'], `seed ${seed}`).toContain(outcome.status)
        expect(run(), `seed ${seed}`).toEqual(outcome)
      }
    },
  )
})

describe('a command that would go on for ever', () => {
  const executor = new ProcessExecutor({}, { workersMax: 1 })
  beforeAll(() => executor.start())
  afterAll(() => executor.stop())

  const big = 256 * MIB
  const bigFile: Code = [open(1, { flags: 1 }), op.if(op.unreachable)]
  const fill: Data = { [PATH]: 'f', [SLICES]: slice(0, big) }
  const links: Code = Array.from({ length: 31 }, (_, index) => [
    [op.i32(PATH2), op.i32(0x41 + index), 0x3a, 0, 0],
    wasiDo('path_symlink', PATH + (index === 0 ? 1998 : 0), index === 0 ? 1 : 1999, 3, PATH2, 1),
    [op.i32(PATH + 1998), op.i32(0x41 + index), 0x3a, 0, 0],
  ])
  const endless: readonly (readonly [string, Code, Data, number])[] = [
    ['waits', untilError(wasiCall('poll_oneoff', PATH, PATH2, 1, RESULT)), { [PATH + 24]: [255, 255, 255, 255] }, 1],
    ['spins on the clock', untilError(wasiCall('clock_time_get', 1, 0n, RESULT)), {}, 1],
    ['draws random bytes', untilError(wasiCall('random_get', 0, big)), {}, 4096],
    ['writes one large file', [bigFile, untilError(wasiCall('fd_pwrite', 4, SLICES, 1, 0n, RESULT))], fill, 4096],
    [
      'grows and cuts a large file',
      [
        bigFile,
        untilError(
          wasiDo('fd_filestat_set_size', 4, BigInt(big)),
          wasiCall('fd_filestat_set_size', 4, BigInt(big / 2)),
        ),
      ],
      fill,
      1,
    ],
    [
      'reads a large file',
      [
        bigFile,
        wasiDo('fd_filestat_set_size', 4, BigInt(big)),
        untilError(wasiCall('fd_pread', 4, SLICES, 1, 0n, RESULT)),
      ],
      fill,
      4096,
    ],
    [
      'follows links',
      [links, untilError(wasiCall('path_filestat_get', 3, 1, PATH2, 1, RESULT))],
      { [PATH]: `${'./'.repeat(999)}.` },
      1,
    ],
    ['fails', forever(wasiDo('fd_close', 99)), {}, 1],
    [
      'makes and removes files',
      untilError(open(1, { flags: 1 }), more.drop, wasiDo('fd_close', 4), wasiCall('path_unlink_file', 3, PATH, 1)),
      { [PATH]: 'f' },
      1,
    ],
  ]
  test.each([
    ['opens a file', wasiDo('path_open', 3, 0, PATH, 1, 1, ALL_RIGHTS, ALL_RIGHTS, 0, RESULT)],
    ['fails', wasiDo('fd_close', 99)],
    ['draws random bytes', wasiDo('random_get', 0, 1000)],
  ])('recursion that %s at each level is a stack overflow of its own', async (_name, body) => {
    const module = await executor.load(wasiProgram([body, recurse], { [PATH]: 'f' }))
    const outcome = await executor.run(module, commandCall(), limits({ fuel: 10n ** 12n }))
    expect(outcome).toMatchObject({ status: 'trap', reason: 'stack-overflow' })
  })

  test.each(endless)('and %s is ended at its time', async (_name, body, data, pages) => {
    const module = await executor.load(wasiProgram(body, data, pages))
    const limit = limits({ fuel: 2n ** 62n, timeMs: 200, memoryPages: pages, outputBytes: 2 ** 30 })
    const begun = performance.now()
    expect(await executor.run(module, commandCall(), limit)).toEqual({ status: 'timed-out', allowedMs: 200 })
    const lateMs = performance.now() - begun - 200
    expect(lateMs).toBeLessThan(2000)
  })
})
