import { describe, expect, test } from 'vitest'
import type { CallInput, Outcome, TrapReason } from '../src/call.ts'
import { compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { commandCall, functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'
import { type Code, I32, I64, ModuleBuilder, op } from './module-builder.ts'

function run(bytes: Uint8Array, changes: Parameters<typeof limits>[0] = {}, call: CallInput = functionCall()): Outcome {
  return runCall(compileModule(bytes), call, limits(changes))
}

describe('a function call', () => {
  test('gives its output, and what it read and computed is all that decides it', () => {
    const input = Uint8Array.of(1, 2, 3, 250)
    const outcome = run(guests.echo(), {}, functionCall(input))
    expect(outcome).toMatchObject({ status: 'ok', output: input, exitCode: 0 })
    expect(run(guests.echo(), {}, functionCall(input, { seed: new Uint8Array(32).fill(9) }))).toEqual(outcome)
  })

  test('runs start function and _initialize first, in that order', () => {
    const builder = new ModuleBuilder().memory(1)
    const note = (digit: number): Code => [
      [op.i32(0), op.i32(0), 0x28, 2, 0, op.i32(10), 0x6c, op.i32(digit), 0x6a],
      [0x36, 2, 0],
    ]
    const start = builder.function({ body: note(1) })
    builder.function({ body: note(2), export: '_initialize' })
    const bytes = builder
      .start(start)
      .steadFunction([note(3), op.i64(4)])
      .build()
    expect(run(bytes)).toMatchObject({ status: 'ok', output: Uint8Array.of(123, 0, 0, 0) })
  })

  test('keeps functions that are referenced only by an export which is dropped', () => {
    const builder = new ModuleBuilder()
    const other = builder.function({ body: [], export: 'other' })
    expect(run(builder.steadFunction([0xd2, other, 0x1a, op.i64(0)]).build()).status).toBe('ok')
  })
})

describe('traps', () => {
  const table = (): ModuleBuilder => new ModuleBuilder().table(2)
  const cases: readonly (readonly [TrapReason, Uint8Array])[] = [
    ['unreachable', guests.body(op.unreachable)],
    ['unreachable', guests.trappingStart()],
    ['integer-division', guests.body([op.i32(1), op.i32(0), 0x6d, 0x1a])],
    ['integer-division', guests.body([op.i32(1), op.i32(0), 0x70, 0x1a])],
    ['integer-division', guests.body([op.i64(-(2n ** 63n)), op.i64(-1), 0x7f, 0x1a])],
    ['float-to-integer', guests.body([0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 0xaa, 0x1a])],
    ['memory-out-of-bounds', guests.body([op.i32(-4), 0x28, 2, 0, 0x1a])],
    ['memory-out-of-bounds', guests.body([op.i32(65_000), op.i32(0), op.i32(1000), 0xfc, 11, 0])],
    ['table-out-of-bounds', guests.body([op.i32(9), 0x25, 0, 0x1a], table())],
    ['table-out-of-bounds', guests.body([op.i32(9), 0xd0, 0x70, op.i32(1), 0xfc, 17, 0], table())],
    ['table-out-of-bounds', guests.body([op.i32(0), op.i32(9), 0x11, 0, 0, 0x1a], table())],
    ['indirect-call', guests.body([op.i32(0), op.i32(1), 0x11, 0, 0, 0x1a], table())],
    ['segment-out-of-bounds', guests.dataOutOfRange()],
    ['stack-overflow', guests.recursion()],
    ['stack-overflow', guests.indirectRecursion()],
    ['stack-overflow', guests.wideRecursion()],
    ['bad-output-range', guests.claimOutput(65_000, 1000)],
    ['bad-output-range', guests.claimOutput(0xffff_ffff, 4)],
  ]
  test.each(cases)('%s is told by its reason and billed', (reason, bytes) => {
    const outcome = run(bytes)
    expect(outcome).toMatchObject({ status: 'trap', reason })
    expect('fuel' in outcome && outcome.fuel >= 200_000n).toBe(true)
    expect(run(bytes)).toEqual(outcome)
  })

  test('an indirect call of another type is told as that', () => {
    const builder = new ModuleBuilder().table(1)
    const target = builder.function({ parameters: [I64], body: [] })
    const bytes = builder
      .elements(0, target)
      .steadFunction([op.i32(0), 0x11, builder.type([], []), 0, op.i64(0)])
      .build()
    expect(run(bytes)).toMatchObject({ status: 'trap', reason: 'indirect-call' })
  })

  test('an allocation outside memory is the guest’s fault', () => {
    const builder = new ModuleBuilder().memory(1).export('memory', 2, 0)
    builder.function({ parameters: [I32], results: [I32], body: op.i32(-1), export: 'stead_alloc' })
    builder.function({ parameters: [I32, I32], results: [I64], body: op.i64(0), export: 'stead_run' })
    expect(run(builder.build())).toMatchObject({ status: 'trap', reason: 'bad-allocation' })
  })

  test('an AssemblyScript abort carries the guest’s words', () => {
    const builder = new ModuleBuilder()
    const abort = builder.importFunction('env', 'abort', [I32, I32, I32, I32], [])
    const words = (text: string): number[] => [...new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer)]
    builder
      .memory(1)
      .data(100, [8, 0, 0, 0, ...words('oh n')])
      .data(200, [6, 0, 0, 0, ...words('a.t')])
    const bytes = builder
      .steadFunction([op.i32(104), op.i32(204), op.i32(3), op.i32(7), op.call(abort), op.i64(0)])
      .build()
    expect(run(bytes)).toMatchObject({ status: 'trap', reason: 'abort', detail: 'oh n at a.t:3:7' })
    const wild = new ModuleBuilder()
    wild.importFunction('env', 'abort', [I32, I32, I32, I32], [])
    const wildBytes = wild.steadFunction([op.i32(-1), op.i32(2), op.i32(0), op.i32(0), op.call(0), op.i64(0)]).build()
    expect(run(wildBytes)).toMatchObject({ status: 'trap', reason: 'abort', detail: '' })
  })
})

describe('limits', () => {
  test('an endless loop and an endless start function end with their fuel, exactly', () => {
    for (const bytes of [guests.endlessLoop(), guests.endlessStart()])
      expect(run(bytes, { fuel: 1_234_567n })).toEqual({ status: 'out-of-fuel', fuel: 1_234_567n })
  })

  test('fuel that does not even pay for the instance runs out', () => {
    expect(run(guests.echo(), { fuel: 1n })).toEqual({ status: 'out-of-fuel', fuel: 1n })
  })

  test('memory that is refused ends as the memory limit when the guest gives up on it', () => {
    const outcome = run(guests.memoryBomb(3), { memoryPages: 20 })
    expect(outcome).toMatchObject({ status: 'limit', limit: 'memory', allowed: 20, wanted: 22 })
    expect(run(guests.memoryBomb(40_000), { memoryPages: 20 })).toMatchObject({ wanted: 40_001 })
    expect(run(guests.memoryBomb(-1), { memoryPages: 20 })).toMatchObject({ status: 'trap', reason: 'unreachable' })
  })

  test('growth up to the limit succeeds, and the declared maximum is the guest’s own', () => {
    const grow = (pages: number): Code => [op.i32(pages), 0x40, 0]
    const result = (body: Code, builder = new ModuleBuilder()): Outcome =>
      run(builder.steadFunction([[op.i32(0), body, 0x36, 2, 0], op.i64(4)]).build(), { memoryPages: 10 })
    expect(result(grow(9))).toMatchObject({ status: 'ok', output: Uint8Array.of(1, 0, 0, 0) })
    expect(result(grow(10))).toMatchObject({ status: 'ok', output: Uint8Array.of(255, 255, 255, 255) })
    const declared = new ModuleBuilder().memory(1, 3)
    expect(result(grow(3), declared)).toMatchObject({ status: 'ok', output: Uint8Array.of(255, 255, 255, 255) })
  })

  test('a module that begins with more memory than allowed does not begin', () => {
    const bytes = new ModuleBuilder().memory(300).steadFunction(op.i64(0)).build()
    expect(run(bytes)).toEqual({ status: 'limit', limit: 'memory', allowed: 256, wanted: 300, fuel: 0n })
  })

  test('an output above the limit is not copied', () => {
    expect(run(guests.claimOutput(0, 65_536), { outputBytes: 65_535 })).toMatchObject({
      status: 'limit',
      limit: 'output',
      allowed: 65_535,
      wanted: 65_536,
    })
  })

  test('table growth ends at the cap of every table', () => {
    const body: Code = [
      op.loop([0xd0, 0x70, op.i32(50_000), 0xfc, 15, 0], [op.i32(-1), 0x47, op.brIf(0)]),
      [op.i32(0), 0xfc, 16, 0, 0x36, 2, 0],
    ]
    const outcome = run(
      new ModuleBuilder()
        .table(1)
        .steadFunction([body, op.i64(4)])
        .build(),
    )
    expect(outcome).toMatchObject({ status: 'ok', output: new Uint8Array(Uint32Array.of(100_001).buffer) })
  })
})

describe('fills and copies of many pieces', () => {
  const MIB = 2 ** 20
  const pages = 256
  const write = (at: number, value: number): Code => [op.i32(at), op.i32(value), 0x3a, 0, 0]
  const copy = (to: number, from: number, length: number): Code => [
    op.i32(to),
    op.i32(from),
    op.i32(length),
    0xfc,
    10,
    0,
    0,
  ]
  const marks = [0, 1, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB, 10 * MIB - 1]

  test.each([
    ['upwards onto itself', 3 * MIB + 5, 0],
    ['downwards onto itself', 0, 3 * MIB + 5],
    ['by one byte', 1, 0],
    ['onto the same place', 7, 7],
  ])('a copy %s moves each byte once', (_name, to, from) => {
    const read = marks.flatMap((mark, index) => [op.i32(2048 + index), op.i32(to + mark), 0x2d, 0, 0, 0x3a, 0, 0])
    const setup = marks.map((mark, index) => write(from + mark, index + 1))
    const builder = new ModuleBuilder().memory(pages)
    const bytes = builder.steadFunction([setup, copy(to, from, 10 * MIB), read, op.i64((2048n << 32n) | 7n)]).build()
    expect(run(bytes)).toMatchObject({ status: 'ok', output: Uint8Array.of(1, 2, 3, 4, 5, 6, 7) })
  })

  test('a fill reaches its last byte and not the next', () => {
    const body = [op.i32(100), op.i32(7), op.i32(9 * MIB), 0xfc, 11, 0]
    const look = (at: number, to: number): Code => [op.i32(to), op.i32(at), 0x2d, 0, 0, 0x3a, 0, 0]
    const places = [99, 100, 4 * MIB + 100, 9 * MIB + 99, 9 * MIB + 100]
    const bytes = new ModuleBuilder()
      .memory(pages)
      .steadFunction([body, places.map((at, index) => look(at, 10 + index)), op.i64((10n << 32n) | 5n)])
      .build()
    expect(run(bytes)).toMatchObject({ status: 'ok', output: Uint8Array.of(0, 7, 7, 7, 0) })
  })

  test('one that leaves memory traps before it writes', () => {
    const builder = new ModuleBuilder().memory(pages)
    const bytes = builder.steadFunction([op.i32(-MIB), op.i32(7), op.i32(9 * MIB), 0xfc, 11, 0, op.i64(0)]).build()
    expect(run(bytes)).toMatchObject({ status: 'trap', reason: 'memory-out-of-bounds' })
  })
})

describe('one guest and the next', () => {
  test('share no memory: what one wrote, the next does not find', () => {
    run(guests.dirty(), {}, functionCall(Uint8Array.of(0x5a)))
    const outcome = run(guests.reveal(), {}, functionCall(Uint8Array.of(1)))
    if (outcome.status !== 'ok') throw new Error(outcome.status)
    expect(outcome.output.filter((byte) => byte !== 0)).toEqual(Uint8Array.of(1))
    expect(outcome.output.buffer.byteLength).toBe(65_536)
  })

  test('share no globals and tables', () => {
    const builder = new ModuleBuilder().global(I32, true, ...op.i32(0)).memory(1)
    const bytes = builder
      .steadFunction([[0x23, 0, op.i32(1), 0x6a, 0x24, 0], [op.i32(0), 0x23, 0, 0x36, 2, 0], op.i64(4)])
      .build()
    const module = compileModule(bytes)
    const first = runCall(module, functionCall(), limits())
    expect(first).toMatchObject({ output: Uint8Array.of(1, 0, 0, 0) })
    expect(runCall(module, functionCall(), limits())).toEqual(first)
  })
})

/** 1,024 bytes. */
const LONGEST_PATH = `${`${'ä'.repeat(100)}/`.repeat(5)}${'x'.repeat(19)}`

function withFile(path: string): CallInput {
  return functionCall(undefined, { files: new Map([[path, new Uint8Array()]]) })
}

describe('calls that cannot be', () => {
  const module = compileModule(guests.echo())

  test('a path may be as long as a result can name', () => {
    expect(Buffer.byteLength(LONGEST_PATH)).toBe(1024)
    expect(runCall(module, withFile(LONGEST_PATH), limits()).status).toBe('ok')
  })

  test.each([
    ['the wrong kind', commandCall(), {}, 'SANDBOX_NO_ENTRY'],
    ['no fuel', functionCall(), { fuel: 0n }, 'SANDBOX_BAD_CALL'],
    ['half a page', functionCall(), { memoryPages: 0.5 }, 'SANDBOX_BAD_CALL'],
    ['endless time', functionCall(), { timeMs: Number.POSITIVE_INFINITY }, 'SANDBOX_BAD_CALL'],
    ['a short seed', functionCall(undefined, { seed: new Uint8Array(31) }), {}, 'SANDBOX_BAD_CALL'],
    [
      'an escaping path',
      functionCall(undefined, { files: new Map([['../x', new Uint8Array()]]) }),
      {},
      'SANDBOX_BAD_CALL',
    ],
    [
      'an absolute path',
      functionCall(undefined, { files: new Map([['/x', new Uint8Array()]]) }),
      {},
      'SANDBOX_BAD_CALL',
    ],
    [
      'a file that is also a directory',
      functionCall(undefined, {
        files: new Map([
          ['a', new Uint8Array()],
          ['a/b', new Uint8Array()],
        ]),
      }),
      {},
      'SANDBOX_BAD_CALL',
    ],
    ['a path that no result could name', withFile(`${LONGEST_PATH}x`), {}, 'SANDBOX_BAD_CALL'],
    ['an argument with NUL', functionCall(undefined, { args: ['a\0b'] }), {}, 'SANDBOX_BAD_CALL'],
  ] as const)('%s is refused before any work', (_name, call, changes, code) => {
    expect(() => runCall(module, call, limits(changes))).toThrow(expect.objectContaining({ code }))
  })
})
