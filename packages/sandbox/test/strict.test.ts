import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FunctionReader } from '../src/binary/function-reader.ts'
import { readModule } from '../src/binary/module-reader.ts'
import { InlineExecutor } from '../src/inline-executor.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { compileModule, prepareModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { STRICT_FUEL_FACTOR } from '../src/strict/float-mode.ts'
import { Effect, effectOf } from '../src/strict/float-operations.ts'
import { usesFloats } from '../src/strict/uses-floats.ts'
import { webAssembly } from '../src/webassembly.ts'
import { functionCall, limits, packed } from './calls.ts'
import { guests } from './guests.ts'
import { ModuleBuilder, op, u32 } from './module-builder.ts'
import { NUMBERS_AT, NUMBERS_BYTES, strictProgram, weirdNumbers } from './strict-program.ts'
import { strictByDefinition, strictModule } from './strict-reference.ts'
import { runUnmetered } from './strict-run.ts'

/** How many programs to generate; more for a longer search. */
const PROGRAMS = Number(process.env.STEAD_FUZZ_PROGRAMS ?? 1500)

describe('strict floats', () => {
  test(`give every bit that the definition gives, on ${PROGRAMS} generated programs`, () => {
    let returned = 0
    let rawDiffers = 0
    let strictBytes = 0
    let definitionBytes = 0
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const bytes = strictProgram(seed)
      const input = weirdNumbers(seed)
      const [strict, definition] = [strictModule(bytes), strictByDefinition(bytes)]
      const expected = runUnmetered(definition, input)
      expect({ seed, ...runUnmetered(strict, input) }).toEqual({ seed, ...expected })
      if (expected.trap === undefined) returned++
      if (Buffer.compare(runUnmetered(bytes, input).memory, expected.memory) !== 0) rawDiffers++
      strictBytes += strict.length - bytes.length
      definitionBytes += definition.length - bytes.length
    }
    // The programs return, they do show bits that the engine would choose, and less is added than by definition.
    expect(returned).toBeGreaterThan(PROGRAMS * 0.9)
    expect(rawDiffers).toBeGreaterThan(PROGRAMS / 4)
    expect(strictBytes).toBeLessThan(definitionBytes * 0.75)
  }, 3_600_000)

  test('the programs use every operation that has to do with floats', () => {
    const seen = new Set<number>()
    for (let seed = 1; seed <= 400; seed++) {
      const view = readModule(strictProgram(seed))
      const reader = new FunctionReader(view.bytes)
      for (const body of view.bodies) {
        const code = reader.read(body)
        for (const operation of code.operations.subarray(0, code.count)) seen.add(operation)
      }
    }
    const unseen = [...effectOf.keys()].filter(
      (operation) =>
        effectOf[operation] !== Effect.observe && !seen.has(operation) && !trappingTruncations.has(operation),
    )
    expect(unseen.map((operation) => operation.toString(16))).toEqual([])
  })

  test('cost no more memory than the module deserves: a function of a million edges is made canonical everywhere', () => {
    const results = new Array<number>(60).fill(0x7c)
    const builder = new ModuleBuilder()
    const type = u32(builder.type([], results))
    const depth = 100
    const values = results.map(() => op.get(0))
    // Each table hands 60 values to 100 blocks, and is never reached.
    const labels = Array.from({ length: depth + 1 }, (_, label) => u32(label + 1))
    const once = [op.i32(0), 0x04, 0x40, values, op.i32(depth), 0x0e, ...u32(depth), labels, 0x0b]
    const set = [op.i32(NUMBERS_AT), 0x2b, 3, 0, op.i32(NUMBERS_AT), 0x2b, 3, 8, 0xa0, op.set(0)]
    const inner = [set, Array.from({ length: 200 }, () => once), values]
    const open = Array.from({ length: depth }, () => [0x02, ...type])
    const body = [open, inner, new Array<number>(depth).fill(0x0b)]
    const wide = builder.function({ results, locals: [[1, 0x7c]], body })
    const add = [op.i32(2048), op.call(wide), results.slice(1).map(() => 0xa0), 0x39, 3, 0]
    const bytes = builder.steadFunction([add, op.i64(packed(2048, 8))]).build()
    expect(webAssembly.validate(bytes)).toBe(true)
    const startedMs = performance.now()
    const strict = strictModule(bytes)
    expect(performance.now() - startedMs).toBeLessThan(5000)
    expect(runUnmetered(strict, weirdNumbers(1))).toEqual(runUnmetered(strictByDefinition(bytes), weirdNumbers(1)))
  })

  test('change nothing in modules without float arithmetic', () => {
    const bytes = guests.echo()
    expect(strictModule(bytes)).toBe(bytes)
    expect(prepareModule(bytes, 'strict').metered).toEqual(prepareModule(bytes).metered)
  })

  test('pass the checks and the meter like any module, with the fuel of what was added', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const call = functionCall(weirdNumbers(seed))
      const bytes = strictProgram(seed)
      const raw = runCall(compileModule(bytes), call, limits())
      const strict = runCall(compileModule(bytes, 'strict'), call, limits())
      expect(webAssembly.validate(strictModule(bytes))).toBe(true)
      if (raw.status === 'ok' && strict.status === 'ok') expect(strict.fuel).toBeGreaterThanOrEqual(raw.fuel)
    }
  })
})

describe('the fuel of strict floats', () => {
  test('stays within the factor that payers reckon with, even where every operation makes a NaN that is seen', () => {
    // Each ceil is a unit, and each byte operation between them sees its bits.
    const pair = [0xfd, 103, 0xfd, 96]
    const nan = [0xfd, 12, ...new Array<number>(16).fill(0xff)]
    const body = [nan, new Array(4000).fill(pair), op.set(2), op.i64(0)]
    const bytes = new ModuleBuilder().steadFunction(body, [[1, 0x7b]]).build()
    const fuelOf = (floats: 'raw' | 'strict'): number => {
      const module = compileModule(bytes, floats)
      const outcome = runCall(module, functionCall(), limits())
      if (outcome.status !== 'ok') throw new Error(outcome.status)
      return Number(outcome.fuel) - module.facts.instanceFuel
    }
    expect(fuelOf('strict') / fuelOf('raw')).toBeGreaterThan(4)
    expect(fuelOf('strict') / fuelOf('raw')).toBeLessThan(STRICT_FUEL_FACTOR)
  })
})

test('modules with float arithmetic are told from those without', () => {
  expect(usesFloats(strictProgram(1))).toBe(true)
  expect(usesFloats(guests.echo())).toBe(false)
})

/** They trap on NaN; the programs use two of them on numbers that do not. */
const trappingTruncations: ReadonlySet<number> = new Set([0xa8, 0xa9, 0xaa, 0xab, 0xae, 0xaf, 0xb0, 0xb1])

describe('executors', () => {
  const inline = new InlineExecutor()
  const separate = new ProcessExecutor({}, { workersMax: 1 })
  beforeAll(async () => {
    await inline.start()
    await separate.start()
  })
  afterAll(() => separate.stop())

  test('keep a module apart by its mode and run each in its own', async () => {
    const seed = seedWhereRawDiffers()
    const bytes = strictProgram(seed)
    const call = functionCall(weirdNumbers(seed))
    const results = []
    for (const executor of [inline, separate]) {
      const raw = await executor.load(bytes)
      const strict = await executor.load(bytes, { floats: 'strict' })
      expect([raw.floats, strict.floats, raw.moduleId]).toEqual(['raw', 'strict', strict.moduleId])
      const outcome = await executor.run(strict, call, limits())
      expect(outcome).not.toEqual(await executor.run(raw, call, limits()))
      results.push(outcome)
    }
    expect(results[1]).toEqual(results[0])
  })
})

function seedWhereRawDiffers(): number {
  for (let seed = 1; seed < 100; seed++) {
    const input = weirdNumbers(seed)
    const [raw, strict] = [strictProgram(seed), strictModule(strictProgram(seed))].map((bytes) =>
      runUnmetered(bytes, input),
    )
    if (raw?.trap === undefined && Buffer.compare(raw?.memory ?? input, strict?.memory ?? input) !== 0) return seed
  }
  throw new Error(`no program shows NaN bits of ${NUMBERS_BYTES} bytes of weird numbers`)
}
