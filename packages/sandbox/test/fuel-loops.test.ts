import { describe, expect, test } from 'vitest'
import { FunctionReader } from '../src/binary/function-reader.ts'
import { readModule } from '../src/binary/module-reader.ts'
import { functionTypeAt } from '../src/meter/block-types.ts'
import { exactPlacement } from '../src/meter/charge-placement.ts'
import { ChargePlan } from '../src/meter/charge-plan.ts'
import { type CompiledModule, compileModule } from '../src/prepare.ts'
import { runBare } from './metered-run.ts'
import { type Code, I32, ModuleBuilder, op } from './module-builder.ts'
import { meteredExactly, meteredPerInstruction } from './naive-meter.ts'
import { SeededNumbers } from './seeded-numbers.ts'

const EQUAL = 0x46
const NOT_EQUAL = 0x47
const ADD = 0x6a
const SUBTRACT = 0x6b
/** Locals of `stead_run`: two parameters, then these. */
const COUNTER = 2
const LIMIT_LOCAL = 3
const PASSES_LOCAL = 4
const OTHER = 5

interface Counting {
  readonly start: number
  readonly step: number
  readonly limit: number
}

/** How a loop ends: the counter's next value and whether it goes on. */
const shapes: Readonly<Record<string, (counting: Counting) => Code>> = {
  'tee, limit behind': ({ step, limit }) => [...next(step, ADD), op.tee(COUNTER), op.i32(limit), NOT_EQUAL],
  'tee, limit before': ({ step, limit }) => [op.i32(limit), ...next(step, ADD), op.tee(COUNTER), NOT_EQUAL],
  'tee, local limit before': ({ step }) => [op.get(LIMIT_LOCAL), ...next(step, ADD), op.tee(COUNTER), NOT_EQUAL],
  'set, local limit behind': ({ step }) => [
    [...next(step, ADD), op.set(COUNTER)],
    [op.get(COUNTER), op.get(LIMIT_LOCAL), NOT_EQUAL],
  ],
  'set, limit before': ({ step, limit }) => [
    [...next(step, ADD), op.set(COUNTER)],
    [op.i32(limit), op.get(COUNTER), NOT_EQUAL],
  ],
  subtracted: ({ step, limit }) => [...next(-step | 0, SUBTRACT), op.tee(COUNTER), op.i32(limit), NOT_EQUAL],
  'against nothing': ({ step, limit }) => (limit === 0 ? [...next(step, ADD), op.tee(COUNTER)] : op.i32(0)),
}

function next(amount: number, operation: number): Code {
  return [op.get(COUNTER), op.i32(amount), operation]
}

/** Returns how many passes it made. */
function counted(counting: Counting, shape: string): Uint8Array {
  const decide = (shapes[shape] as (counting: Counting) => Code)(counting)
  const body = [
    [op.i32(counting.start), op.set(COUNTER), op.i32(counting.limit), op.set(LIMIT_LOCAL)],
    op.loop([op.get(PASSES_LOCAL), op.i32(1), ADD, op.set(PASSES_LOCAL)], decide, op.brIf(0)),
    [op.get(PASSES_LOCAL), 0xad],
  ]
  return new ModuleBuilder().steadFunction(body, [[3, I32]]).build()
}

const steps = [1, -1, 2, -2, 3, -3, 6, 7, 24, 1 << 20, 3 << 29, 2 ** 31 - 1, -(2 ** 31) + 1, -(2 ** 31), 0x12345679]
const limits = [0, 1, -1, 7, 2 ** 31 - 1, -(2 ** 31)]

describe('a counted loop', () => {
  for (const shape of Object.keys(shapes)) {
    test(`pays for exactly the passes that it makes: ${shape}`, () => {
      for (const step of steps) {
        for (const limit of shape === 'against nothing' ? [0] : limits) {
          for (const passes of [1, 2, 5]) {
            const bytes = counted({ start: (limit - Math.imul(passes, step)) | 0, step, limit }, shape)
            const reference = runBare(meteredPerInstruction(bytes), 10_000n)
            const run = runBare(meteredExactly(bytes), 10_000n)
            // A step of half the numbers is back after two.
            const expected = step === -(2 ** 31) ? 2 - (passes % 2) : passes
            expect([step, limit, reference.detail]).toEqual([step, limit, String(expected)])
            expect([step, limit, run.detail, run.units]).toEqual([step, limit, reference.detail, reference.units])
          }
        }
      }
    })
  }

  /** What a module is charged whose loop needs far more than its limit: all passes, before the first. */
  const chargedAtOnce = (module: CompiledModule): bigint => {
    const run = runBare(module, 10_000n)
    expect(run.ending).toBe('out-of-fuel')
    return run.units
  }

  test('of up to 2^32 passes is charged for all of them before the first', () => {
    for (const step of [1, -1, 3, -(2 ** 31) + 1, 0x12345679]) {
      const unitsFor = (passes: number): Uint8Array =>
        counted({ start: -Math.imul(passes, step) | 0, step, limit: 0 }, 'tee, limit behind')
      const ending = (passes: number): bigint => runBare(meteredExactly(unitsFor(passes)), 10_000n).units
      const perPass = ending(3) - ending(2)
      // What follows the loop is not reached, and not charged.
      const atOnce = (passes: number): bigint => chargedAtOnce(meteredExactly(unitsFor(passes)))
      const first = atOnce(1_000_000)
      for (const passes of [1_000_001, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32])
        expect([step, passes, atOnce(passes)]).toEqual([step, passes, first + BigInt(passes - 1_000_000) * perPass])
    }
  })

  test('that its step leads past its limit for ever has no fuel that is enough', () => {
    for (const [step, start] of [
      [2, 1],
      [-2, 1],
      [4, 2],
      [6, 3],
      [1 << 20, 1 << 19],
    ] as const) {
      const bytes = counted({ start, step, limit: 0 }, 'tee, limit behind')
      const { ending, units } = runBare(compileModule(bytes), 100_000_000n)
      expect(units).toBeGreaterThan(2n ** 60n)
      expect([step, start, ending]).toEqual([step, start, 'out-of-fuel'])
    }
  })

  const step = (local: number): Code => [op.get(local), op.i32(1), ADD, op.set(local)]
  const isOdd = [op.get(PASSES_LOCAL), op.i32(1), 0x71]
  const onward = [...next(1, ADD), op.tee(COUNTER), op.get(LIMIT_LOCAL), NOT_EQUAL]
  const count = step(PASSES_LOCAL)
  /** Loops whose passes are not what their last instructions say; the counter begins at 0, its limit is 8. */
  const nearMisses: Readonly<Record<string, Code>> = {
    'counts twice': op.loop(count, step(COUNTER), onward, op.brIf(0)),
    'counts twice now and then': op.loop(
      count,
      [isOdd, op.if(step(COUNTER), op.get(COUNTER), op.i32(7), 0x48, 0x45, op.if(op.i32(0), op.set(COUNTER)))],
      onward,
      op.brIf(0),
    ),
    'moves its limit': op.loop(
      count,
      [op.get(PASSES_LOCAL), op.i32(3), EQUAL, op.if(op.i32(4), op.set(LIMIT_LOCAL))],
      onward,
      op.brIf(0),
    ),
    'compares with itself': op.loop(count, [...next(1, ADD), op.tee(COUNTER), op.get(COUNTER), NOT_EQUAL], op.brIf(0)),
    'counts only now and then': op.loop(
      [count, isOdd, op.if(step(COUNTER))],
      [op.get(COUNTER), op.get(LIMIT_LOCAL), NOT_EQUAL, op.brIf(0)],
    ),
    'begins again from its middle': op.loop(count, [isOdd, op.brIf(0)], onward, op.brIf(0)),
    'does something after its last branch': op.loop(count, onward, op.brIf(0), count),
    'counts after its last branch': op.loop(
      [count, op.get(PASSES_LOCAL), op.i32(5), NOT_EQUAL, op.brIf(0)],
      [...next(1, ADD), op.tee(COUNTER), 0x1a],
    ),
    'is left from its middle': op.block(
      op.loop(count, [op.get(PASSES_LOCAL), op.i32(5), EQUAL, op.brIf(1)], onward, op.brIf(0)),
    ),
    'contains another': op.loop(
      count,
      [op.i32(3), op.set(OTHER), op.loop(count, [op.get(OTHER), op.i32(1), SUBTRACT, op.tee(OTHER), op.brIf(0)])],
      onward,
      op.brIf(0),
    ),
    'tests only until then': op.loop(
      [count, step(COUNTER)],
      op.block(
        [op.get(PASSES_LOCAL), op.i32(5), EQUAL, op.brIf(0)],
        [op.get(COUNTER), op.get(LIMIT_LOCAL), NOT_EQUAL, op.brIf(1)],
      ),
    ),
    'returns from its middle': op.loop(
      count,
      [op.get(PASSES_LOCAL), op.i32(5), EQUAL, op.if(op.i64(77), 0x0f)],
      onward,
      op.brIf(0),
    ),
  }

  for (const [name, loop] of Object.entries(nearMisses)) {
    test(`that is none pays for what it does: it ${name}`, () => {
      const body = [op.i32(8), op.set(LIMIT_LOCAL), loop, [op.get(PASSES_LOCAL), 0xad]]
      const bytes = new ModuleBuilder().steadFunction(body, [[4, I32]]).build()
      const reference = runBare(meteredPerInstruction(bytes), 10_000n)
      expect(reference.ending).toBe('ok')
      const { detail, units } = runBare(meteredExactly(bytes), 1_000_000n)
      expect({ detail, units }).toEqual({ detail: reference.detail, units: reference.units })
    })
  }
})

/** Whether there is another pass, as the specification says. */
type Compare = (counter: number, limit: number) => boolean

const comparisons: readonly { name: string; code: number; mirror: number; holds: Compare }[] = [
  { name: 'lt_s', code: 0x48, mirror: 0x4a, holds: (counter, limit) => counter < limit },
  { name: 'lt_u', code: 0x49, mirror: 0x4b, holds: (counter, limit) => counter >>> 0 < limit >>> 0 },
  { name: 'gt_s', code: 0x4a, mirror: 0x48, holds: (counter, limit) => counter > limit },
  { name: 'gt_u', code: 0x4b, mirror: 0x49, holds: (counter, limit) => counter >>> 0 > limit >>> 0 },
  { name: 'le_s', code: 0x4c, mirror: 0x4e, holds: (counter, limit) => counter <= limit },
  { name: 'le_u', code: 0x4d, mirror: 0x4f, holds: (counter, limit) => counter >>> 0 <= limit >>> 0 },
  { name: 'ge_s', code: 0x4e, mirror: 0x4c, holds: (counter, limit) => counter >= limit },
  { name: 'ge_u', code: 0x4f, mirror: 0x4d, holds: (counter, limit) => counter >>> 0 >= limit >>> 0 },
  { name: 'ne', code: NOT_EQUAL, mirror: NOT_EQUAL, holds: (counter, limit) => counter !== limit },
]

const count = [op.get(PASSES_LOCAL), op.i32(1), ADD, op.set(PASSES_LOCAL)]
/** Something that only every other pass does, and code that is passed before the test or after the last one. */
const work = [op.get(PASSES_LOCAL), op.i32(1), 0x71, op.if(op.get(OTHER), op.i32(3), ADD, op.set(OTHER))]

/** Loops by where they step and how they go on; `test` leaves whether there is another pass. */
const frames: Readonly<Record<string, (step: Code, test: Code) => Code>> = {
  'steps, then br_if': (step, test) => op.loop(count, work, step, test, op.brIf(0)),
  'br_if before the end': (step, test) => op.loop(count, step, test, op.brIf(0), count, work),
  'br_if behind a way ahead': (step, test) =>
    op.loop(count, op.block(op.get(PASSES_LOCAL), op.i32(1), 0x71, op.brIf(0), work), step, work, test, op.brIf(0)),
  'steps, then if': (step, test) => op.loop(count, step, test, op.if(count, op.br(1)), work),
  'steps in if': (step, test) => op.loop(count, work, test, op.if(op.get(OTHER), op.set(OTHER), step, op.br(1))),
}

/** Limits at which a step too far leads round. */
const corners = [
  [0, -1],
  [1, -(2 ** 31)],
  [2 ** 31 - 1, -2],
  [-(2 ** 31) + 2, 2 ** 31 - 17],
  [-17, 7],
]

describe('a loop of every form', () => {
  for (const [frame, write] of Object.entries(frames)) {
    for (const { name, code, mirror, holds } of comparisons) {
      test(`pays for exactly its passes: ${name}, ${frame}`, () => {
        const stepsFirst = frame !== 'steps in if'
        let hoisted = 0
        const numbers = new SeededNumbers(code + 100 * frame.length)
        for (const step of [1, -1, numbers.pick(steps), numbers.pick(steps)]) {
          for (const limit of [...numbers.pick(corners), numbers.below(40)]) {
            for (const start of [limit, limit - step, limit - 4 * step - numbers.below(2), numbers.pick([0, -1])]) {
              const passes = passesOf({ start: start | 0, step, limit }, holds, stepsFirst)
              if (passes === undefined) continue
              for (const isLocal of [numbers.chance(2)]) {
                const bound = isLocal ? op.get(LIMIT_LOCAL) : op.i32(limit)
                const test = isLocal ? [bound, op.get(COUNTER), mirror] : [op.get(COUNTER), bound, code]
                const loop = write([...next(step, ADD), op.set(COUNTER)], test)
                const set = [op.i32(start | 0), op.set(COUNTER), op.i32(limit), op.set(LIMIT_LOCAL)]
                const body = [set, loop, [op.get(PASSES_LOCAL), 0xad, op.get(OTHER), 0xad, ADD_64]]
                const bytes = new ModuleBuilder().steadFunction(body, [[4, I32]]).build()
                const reference = runBare(meteredPerInstruction(bytes), 10_000n)
                const run = runBare(meteredExactly(bytes), 10_000n)
                expect(reference.ending).toBe('ok')
                const what = { step, limit, start, isLocal }
                expect({ ...what, ...run }).toEqual({ ...what, ...reference })
                if (chargesAtOnce(bytes)) hoisted++
              }
            }
          }
        }
        // Most of them are known before they begin, or the test shows nothing.
        expect(hoisted).toBeGreaterThan(3)
      })
    }
  }
})

const ADD_64 = 0x7c

/** How many passes a loop makes; undefined when they are too many to count here. */
function passesOf(counting: Counting, holds: Compare, stepsFirst: boolean): number | undefined {
  let counter = counting.start
  for (let passes = 1; passes < 40; passes++) {
    if (stepsFirst) counter = (counter + counting.step) | 0
    if (!holds(counter, counting.limit)) return passes
    if (!stepsFirst) counter = (counter + counting.step) | 0
  }
  return undefined
}

/** True when the charge of the loop's passes stands before the loop. */
function chargesAtOnce(bytes: Uint8Array): boolean {
  const view = readModule(bytes)
  const reader = new FunctionReader(view.bytes)
  const plan = new ChargePlan()
  return view.bodies.some((range, body) => {
    const type = functionTypeAt(view, view.imports.length + body)
    exactPlacement().place(plan, {
      view,
      type,
      code: reader.read(range),
      checksFuel: false,
      uncheckedUnits: () => 0,
      prepaidUnits: () => 0,
      entryUnits: 0,
    })
    return plan.countedLoops.length > 0
  })
}
