import { describe, expect, test } from 'vitest'
import { SandboxError } from '../src/errors.ts'
import { compileModule, prepareModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { type StaticLimit, staticLimits } from '../src/static-limits.ts'
import { webAssembly } from '../src/webassembly.ts'
import { functionCall, limits } from './calls.ts'
import { type Code, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'

const NULL_FUNCTION = [0xd0, 0x70]

function times<Item>(count: number, item: Item): Item[] {
  return new Array<Item>(count).fill(item)
}

/** A module whose `stead_run` has this body. */
function body(code: Code, locals: readonly (readonly [number, number])[] = []): Uint8Array {
  return new ModuleBuilder().steadFunction([code, op.i64(0)], locals).build()
}

function built(fill: (builder: ModuleBuilder) => void): Uint8Array {
  const builder = new ModuleBuilder()
  fill(builder)
  return builder.steadFunction(op.i64(0)).build()
}

function repeated(count: number, add: (builder: ModuleBuilder, index: number) => void): Uint8Array {
  return built((builder) => {
    for (let index = 0; index < count; index++) add(builder, index)
  })
}

/** Two types, two functions and three exports are there before a test adds its own. */
const OWN_TYPES = 2
const OWN_FUNCTIONS = 2
const OWN_EXPORTS = 3

/** Types that differ from each other and from the entry points' own. */
function typeParametersOf(index: number): number[] {
  const valueTypes = [0x7f, 0x7e, 0x7d, 0x7c]
  return Array.from({ length: 8 }, (_, digit) => valueTypes[Math.floor(index / 4 ** digit) % 4] as number)
}

/** A section of all the bytes that are missing to `bytes`. */
function paddedTo(bytes: number): Uint8Array {
  const plain = built(() => undefined)
  const content = bytes - plain.length - 1 - 4
  const result = new Uint8Array(bytes)
  result.set(plain)
  result.set([0, ...u32(content), 1], plain.length)
  expect(u32(content).length).toBe(4)
  return result
}

/** Limits of how many there are of something; those of work are in hostile-compiling.test.ts. */
type CountLimit = Exclude<StaticLimit, 'compileWork' | 'moduleCompileWork' | 'rewriteWork'>

/** For each limit a module that has just so many of it. */
const makers: Readonly<Record<CountLimit, (count: number) => Uint8Array>> = {
  moduleBytes: paddedTo,
  types: (count) => repeated(count - OWN_TYPES, (builder, index) => builder.type(typeParametersOf(index), [])),
  typeParameters: (count) => built((builder) => builder.type(times(count, I64), [])),
  typeResults: (count) => built((builder) => builder.type([], times(count, I64))),
  imports: (count) => repeated(count, (builder) => builder.importFunction('env', 'abort', times(4, I32), [])),
  functions: (count) => repeated(count - OWN_FUNCTIONS, (builder) => builder.function({ body: [] })),
  // One byte for the local declarations, two for the constant, one for the end.
  functionBytes: (count) => body(times(count - 4, 0x01)),
  locals: (count) => body([], [[count, I64]]),
  nesting: (count) => body([times(count, [0x02, 0x40]), times(count, 0x0b)]),
  branchTargets: (count) => body(op.block(op.i32(0), 0x0e, ...u32(count), times(count + 1, 0))),
  globals: (count) => repeated(count, (builder) => builder.global(I32, true, ...op.i32(1))),
  exports: (count) => repeated(count - OWN_EXPORTS, (builder, index) => builder.export(`e${index}`, 2, 0)),
  tables: (count) => repeated(count, (builder) => builder.table(1)),
  tableEntries: (count) => built((builder) => builder.table(count)),
  elementSegments: (count) => repeated(count, (builder) => builder.passiveElements(0)),
  elements: (count) =>
    built((builder) => {
      for (let left = count; left > 0; left -= 65_536) builder.passiveElements(...times(Math.min(left, 65_536), 0))
    }),
  dataSegments: (count) => repeated(count, (builder) => builder.passiveData([1])),
  memoryPages: (count) => built((builder) => builder.memory(count)),
  nameBytes: (count) => built((builder) => builder.memory(1).export('n'.repeat(count), 2, 0)),
}

describe('a module that is exactly at a limit runs, one beyond it is refused by that limit’s name', () => {
  test.each(Object.entries(makers) as [CountLimit, (count: number) => Uint8Array][])(
    '%s',
    (limit, make) => {
      const allowed = staticLimits[limit]
      const atLimit = make(allowed)
      const module = compileModule(atLimit)
      const outcome = runCall(module, functionCall(), limits({ memoryPages: 65_536, fuel: 10n ** 11n }))
      expect(outcome.status).toBe('ok')
      expect(prepareModule(atLimit, 'strict').metered.length).toBeGreaterThan(0)
      try {
        prepareModule(make(allowed + 1))
        expect.unreachable('it was accepted')
      } catch (error) {
        if (!(error instanceof SandboxError)) throw error
        expect(error.details).toMatchObject({ limit, have: allowed + 1, allowed })
      }
    },
    60_000,
  )
})

describe('what the transformer adds stays within what the engine takes', () => {
  test('a helper for each pair of the most tables and many segments, in the nightly search of the most', () => {
    const segments = staticLimits.elementSegments / (process.env.STEAD_FUZZ_PROGRAMS === undefined ? 8 : 1)
    const builder = new ModuleBuilder()
    for (let count = 0; count < staticLimits.tables; count++) builder.table(1)
    for (let count = 0; count < segments; count++) builder.passiveElements(0)
    const perFunction = 40_000
    const pairs = staticLimits.tables * segments
    for (let from = 0; from < pairs; from += perFunction) {
      const code: Code = Array.from({ length: perFunction }, (_, index) => {
        const [segment, table] = [
          Math.floor((from + index) / staticLimits.tables),
          (from + index) % staticLimits.tables,
        ]
        return [op.i32(0), op.i32(0), op.i32(0), 0xfc, 12, ...u32(segment), ...u32(table)]
      })
      builder.function({ body: code })
    }
    const { metered } = prepareModule(builder.steadFunction(op.i64(0)).build())
    expect(webAssembly.validate(metered)).toBe(true)
  }, 60_000)

  test('the most globals, functions, types, exports and segments of all kinds together', () => {
    const builder = new ModuleBuilder().memory(1).table(staticLimits.tableEntries)
    for (let count = 1; count < staticLimits.tables; count++) builder.table(staticLimits.tableEntries)
    for (let index = 0; index < staticLimits.types - OWN_TYPES - 1; index++) builder.type(typeParametersOf(index), [])
    for (let count = 0; count < staticLimits.globals; count++) builder.global(I64, true, ...op.i64(-1))
    for (let count = 0; count < staticLimits.functions - OWN_FUNCTIONS; count++)
      builder.function({ body: count === 0 ? [NULL_FUNCTION, op.i32(1), 0xfc, 15, 0, 0x1a] : [] })
    for (let index = 0; index < staticLimits.exports - OWN_EXPORTS; index++) builder.export(`e${index}`, 0, index)
    for (let count = 0; count < staticLimits.dataSegments; count++) builder.passiveData([1])
    for (let count = 0; count < staticLimits.elementSegments; count++) builder.passiveElements(...times(13, 0))
    const module = compileModule(builder.steadFunction([op.call(0), op.i64(0)]).build())
    expect(runCall(module, functionCall(), limits()).status).toBe('ok')
  }, 60_000)

  test('functions of as many branches as are allowed, which become several times as long', () => {
    const exits = op.block(times(31_000, [op.get(0), op.brIf(0)]))
    const prepared = [1, 20].map((count) => {
      const builder = new ModuleBuilder()
      for (let index = 0; index < count; index++) builder.function({ locals: [[1, I32]], body: exits })
      return prepareModule(builder.steadFunction(op.i64(0)).build())
    })
    for (const { metered } of prepared) expect(webAssembly.validate(metered)).toBe(true)
  }, 60_000)
})
