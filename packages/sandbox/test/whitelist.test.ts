import { hasCode } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SandboxError } from '../src/errors.ts'
import { prepareModule } from '../src/prepare.ts'
import { staticLimits } from '../src/static-limits.ts'
import { type Code, F64, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { randomProgram } from './random-program.ts'

function refusal(bytes: Uint8Array): SandboxError {
  try {
    prepareModule(bytes)
  } catch (error) {
    if (error instanceof SandboxError) return error
    throw error
  }
  throw new Error('the module was accepted')
}

function withBody(body: Code, builder = new ModuleBuilder()): Uint8Array {
  return builder.steadFunction([body, op.i64(0)]).build()
}

describe('features', () => {
  const bodies: readonly (readonly [feature: string, body: Code])[] = [
    ['threads', [op.i32(0), op.i32(0), 0xfe, 0x00, 2, 0, 0x1a]],
    ['tail-call', [0x12, 0]],
    ['exception-handling', [0x06, 0x40, 0x0b]],
    ['exception-handling', [0x1f, 0x40, 0, 0x0b]],
    ['typed-function-references', [0x14, 0]],
    ['gc', [0xfb, 0x00, 0, 0x1a]],
    ['gc', [op.i32(0), 0xfb, 0x1c, 0x1a]],
    ['relaxed-simd', [0xfd, 0x80, 0x02, 0x1a]],
    ['relaxed-simd', [0xfd, 0x93, 0x02, 0x1a]],
    ['multi-memory', [op.i32(0), 0x28, 0x42, 1, 0, 0x1a]],
    ['multi-memory', [0x3f, 1, 0x1a]],
    ['wide-arithmetic', [0xfc, 19]],
    ['unknown-operation', [0x27]],
    ['unknown-operation', [0xfd, 0x9a, 0x01]],
    ['unknown-operation', [0xff]],
  ]
  test.each(bodies)('%s is refused by name, with its offset', (feature, body) => {
    const error = refusal(withBody(body))
    expect(error.code).toBe('SANDBOX_FORBIDDEN_FEATURE')
    expect(error.details).toMatchObject({ feature, offset: expect.any(Number) })
    expect(error.message).toContain(feature)
  })

  const shapes: readonly (readonly [feature: string, builder: ModuleBuilder])[] = [
    ['threads', new ModuleBuilder().memoryRaw(3, 1, 2)],
    ['memory64', new ModuleBuilder().memoryRaw(4, 1)],
    ['custom-page-sizes', new ModuleBuilder().memoryRaw(8, 1, 0)],
    ['multi-memory', new ModuleBuilder().memory(1).memory(1)],
    ['extended-const', new ModuleBuilder().global(I32, false, ...op.i32(1), ...op.i32(2), 0x6a)],
    ['extended-const', new ModuleBuilder().global(I32, false, ...op.i32(1)).global(I32, false, 0x23, 0)],
    ['typed-function-references', new ModuleBuilder().global(0x63, false, 0xd0, 0x70)],
    ['gc', new ModuleBuilder().global(0x6e, false, 0xd0, 0x6e)],
    ['exception-handling', new ModuleBuilder().section(13, [0])],
    ['stringref', new ModuleBuilder().section(14, [0])],
    ['unknown-section', new ModuleBuilder().section(99, [0])],
  ]
  test.each(shapes)('%s in a declaration is refused by name', (feature, builder) => {
    const error = refusal(builder.steadFunction(op.i64(0)).build())
    expect(error.details).toMatchObject({ feature })
  })

  test('components are refused by name', () => {
    const error = refusal(Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0))
    expect(error.details).toMatchObject({ feature: 'component-model' })
  })

  test('everything that is allowed is accepted', () => {
    const body: Code = [
      [op.i32(5), 0xc0, 0x1a, op.i64(5), 0xc4, 0x1a],
      [0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 2, 0x1a],
      [op.i32(1), op.i32(1), 0xfd, 17, 0xfd, 0x1b, 0, 0x1a, 0x1a],
      [op.i32(0), op.i32(0), op.i32(0), 0xfc, 8, 0, 0, 0xfc, 9, 0],
      [op.i32(0), op.i32(0), op.i32(0), 0xfc, 10, 0, 0],
      [op.i32(0), op.i32(0), op.i32(0), 0xfc, 12, 0, 0, 0xfc, 13, 0],
      [op.i32(0), op.i32(0), op.i32(0), 0xfc, 14, 0, 0],
      [0xd0, 0x70, op.i32(0), 0xfc, 15, 0, 0x1a, 0xfc, 16, 0, 0x1a],
      [op.i32(0), 0xd0, 0x70, op.i32(0), 0xfc, 17, 0],
      [op.i32(0), 0x25, 0, 0xd1, 0x1a, 0xd2, 0, 0xd1, 0x1a],
      [0x02, ...u32(0), op.i32(1), op.i32(2), 0x0b, 0x1a, 0x1a],
    ]
    const builder = new ModuleBuilder().passiveData([1]).passiveElements(0).table(1)
    builder.type([], [I32, I32])
    expect(prepareModule(withBody(body, builder)).facts.kinds).toEqual(['function'])
  })
})

describe('imports and entry points', () => {
  test.each([
    ['env', 'seed', [], [F64]],
    ['wasi_snapshot_preview1', 'fd_frobnicate', [], []],
    ['wasi_snapshot_preview1', 'constructor', [], []],
    ['wasi_unstable', 'fd_write', [I32, I32, I32, I32], [I32]],
  ] as const)('%s.%s is refused by name', (module, name, parameters, results) => {
    const builder = new ModuleBuilder()
    builder.importFunction(module, name, parameters, results)
    const error = refusal(builder.steadFunction(op.i64(0)).build())
    expect(error.code).toBe('SANDBOX_FORBIDDEN_IMPORT')
    expect(error.details).toMatchObject({ module, name })
  })

  test('an import of the right name but another type is refused with both types', () => {
    const builder = new ModuleBuilder()
    builder.importFunction('wasi_snapshot_preview1', 'fd_close', [I64], [I32])
    const error = refusal(builder.steadFunction(op.i64(0)).build())
    expect(error.details).toMatchObject({ have: 'I:i', expected: 'i:i' })
  })

  test.each([
    ['memory', [2, 0, 1]],
    ['table', [1, 0x70, 0, 1]],
    ['global', [3, I32, 0]],
  ] as const)('an imported %s is refused', (kind, bytes) => {
    const error = refusal(
      new ModuleBuilder()
        .importRaw('env', 'thing', ...bytes)
        .steadFunction(op.i64(0))
        .build(),
    )
    expect(error.code).toBe('SANDBOX_FORBIDDEN_IMPORT')
    expect(error.details).toMatchObject({ kind, name: 'thing' })
  })

  test('missing and mistyped entry points are told one by one', () => {
    const builder = new ModuleBuilder().memory(1)
    builder.function({ parameters: [I64], results: [I32], body: op.i32(0), export: 'stead_alloc' })
    builder.export('stead_run', 2, 0)
    const error = refusal(builder.build())
    expect(error.code).toBe('SANDBOX_NO_ENTRY')
    expect(error.details.function).toEqual([
      'its export stead_alloc has the type I:i instead of i:i',
      'its export stead_run is a memory',
      'it does not export memory',
    ])
    expect(error.details.command).toEqual(['it does not export _start'])
  })

  test('a function cannot import WASI, a command that does must export its memory', () => {
    const builder = new ModuleBuilder()
    builder.importFunction('wasi_snapshot_preview1', 'sched_yield', [], [I32])
    builder.function({ body: [], export: '_start' })
    const error = refusal(builder.build())
    expect(error.details.command).toEqual(['it does not export memory'])
    expect(error.details.function).toContain('it imports wasi_snapshot_preview1.sched_yield, which functions cannot')
  })
})

describe('static limits', () => {
  const cases: readonly (readonly [limit: string, bytes: () => Uint8Array])[] = [
    ['locals', () => new ModuleBuilder().steadFunction(op.i64(0), [[100_000, I32]]).build()],
    ['tableEntries', () => new ModuleBuilder().table(10_000_000).steadFunction(op.i64(0)).build()],
    ['memoryPages', () => new ModuleBuilder().memory(65_537).steadFunction(op.i64(0)).build()],
    ['branchTargets', () => withBody([op.i32(0), 0x0e, ...u32(1_000_000), new Array(1_000_001).fill(0)])],
    ['nesting', () => withBody([new Array(5000).fill([0x02, 0x40]), new Array(5000).fill(0x0b)])],
    ['functionBytes', () => withBody(new Array(3_000_000).fill(0x01))],
    [
      'typeParameters',
      () => {
        const builder = new ModuleBuilder()
        builder.type(new Array(300).fill(I32), [])
        return builder.steadFunction(op.i64(0)).build()
      },
    ],
    [
      'tables',
      () => {
        const builder = new ModuleBuilder()
        for (let count = 0; count < 20; count++) builder.table(1)
        return builder.steadFunction(op.i64(0)).build()
      },
    ],
    ['moduleBytes', () => new Uint8Array(staticLimits.moduleBytes + 1)],
  ]
  test.each(cases)('%s', (limit, bytes) => {
    const error = refusal(bytes())
    expect(error.code).toBe('SANDBOX_MODULE_LIMIT')
    expect(error.details).toMatchObject({ limit, allowed: expect.any(Number), have: expect.any(Number) })
  })

  test('counts far beyond the bytes that are there cost nothing', () => {
    for (const id of [1, 2, 3, 4, 6, 7, 9, 10, 11]) {
      const error = refusal(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, id, 5, 0xff, 0xff, 0xff, 0xff, 0x0f))
      expect(error.code).toMatch(/^SANDBOX_(MALFORMED|MODULE_LIMIT)$/)
    }
  })
})

describe('hostile bytes', () => {
  const acceptOrRefuse = (bytes: Uint8Array): void => {
    try {
      prepareModule(bytes)
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error
    }
  }

  test('a module cut at any byte is refused as malformed', () => {
    const whole = randomProgram(7)
    expect(() => prepareModule(whole)).not.toThrow()
    for (let length = 0; length < whole.length; length++) {
      const error = refusal(whole.subarray(0, length))
      expect(hasCode(error, 'SANDBOX_MALFORMED') || hasCode(error, 'SANDBOX_NO_ENTRY')).toBe(true)
    }
  })

  test('mutated modules are accepted or refused by a typed error, nothing else', () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.nat(255), length: fc.integer({ min: 0, max: 5 }) })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (seed, list) => {
          const bytes = randomProgram(seed)
          for (const { at, byte, length } of list) bytes.fill(byte, at % bytes.length, (at % bytes.length) + length)
          acceptOrRefuse(bytes)
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('random bytes behind the header are refused by a typed error', () => {
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => acceptOrRefuse(Uint8Array.of(...header, ...tail))),
      { numRuns: 1500 },
    )
  })

  test('over-long integers are legal up to their width and malformed beyond', () => {
    const withTypeCount = (...count: number[]): Uint8Array =>
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, count.length, ...count)
    expect(refusal(withTypeCount(0x80, 0x80, 0x80, 0x80, 0x00)).code).toBe('SANDBOX_NO_ENTRY')
    expect(refusal(withTypeCount(0x80, 0x80, 0x80, 0x80, 0x80, 0x00)).message).toContain('more than 32 bits')
    expect(refusal(withTypeCount(0x80, 0x80, 0x80, 0x80, 0x10)).message).toContain('more than 32 bits')
  })
})
