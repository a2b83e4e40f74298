import { describe, expect, test } from 'vitest'
import { FunctionReader } from '../src/binary/function-reader.ts'
import { readModule } from '../src/binary/module-reader.ts'
import type { Outcome } from '../src/call.ts'
import { CHARGE_BEHIND_UNITS_MAX } from '../src/cost-table.ts'
import { type CompiledModule, compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { functionCall, limits, packed } from './calls.ts'
import { I32, I64, ModuleBuilder, op } from './module-builder.ts'
import { meteredExactly, meteredPerInstruction } from './naive-meter.ts'
import { randomProgram } from './random-program.ts'

/** Instances of these programs cost 232,768. */
const FUEL = 300_000n
const call = functionCall(Uint8Array.of(1, 2, 3))

function run(module: CompiledModule, fuel: bigint): Outcome {
  return runCall(module, call, limits({ fuel, memoryPages: 3 }))
}

/** Compares what a program's charges come to with the count by definition. */
function compare(module: CompiledModule, counted: CompiledModule): Outcome['status'] {
  const reference = run(counted, FUEL)
  const outcome = run(module, FUEL)
  if (reference.status === 'ok') {
    expect(outcome).toEqual(reference)
    expect(run(module, reference.fuel)).toEqual(reference)
    expect(run(module, reference.fuel - 1n)).toEqual({ status: 'out-of-fuel', fuel: reference.fuel - 1n })
  } else if (reference.status === 'trap') {
    // A loop whose passes are known has paid for all of them before it traps in one.
    if (outcome.status === 'out-of-fuel') return 'trap'
    if (outcome.status !== 'trap') throw new Error(`a trap became ${outcome.status}`)
    expect(outcome.reason).toBe(reference.reason)
    expect(outcome.fuel).toBeGreaterThanOrEqual(reference.fuel - LAG)
  } else if (reference.status === 'out-of-fuel') {
    // Charged a little later, it can meet a trap or the end of memory first; it has then paid nearly all.
    if (outcome.status !== 'out-of-fuel') expect('fuel' in outcome && outcome.fuel).toBeGreaterThan(FUEL - LAG)
    expect(outcome.status).not.toBe('ok')
  } else expect(outcome.status).toBe(reference.status)
  return reference.status
}

/** Charges place for place, and bills with what they add, both against the count by definition. */
function compareAll(bytes: Uint8Array): Outcome['status'] {
  const counted = meteredPerInstruction(bytes)
  const status = compare(meteredExactly(bytes), counted)
  const billed = compileModule(bytes)
  compare(billed, meteredPerInstruction(bytes, true))
  const [bill, sum] = [run(billed, FUEL), run(counted, FUEL)]
  if (bill.status === 'ok') expect(sum.status === 'ok' && sum.fuel <= bill.fuel).toBe(true)
  return status
}

const LAG = BigInt(CHARGE_BEHIND_UNITS_MAX)

/** How many programs to generate; more for a longer search. */
const PROGRAMS = Number(process.env.STEAD_FUZZ_PROGRAMS ?? 2000)

describe('fuel', () => {
  test(`is what each executed instruction costs, on ${PROGRAMS} generated programs`, () => {
    const seen: Record<string, number> = {}
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      try {
        const status = compareAll(randomProgram(seed))
        seen[status] = (seen[status] ?? 0) + 1
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
    // The generator reaches every way to end.
    expect(seen.ok).toBeGreaterThan(PROGRAMS / 5)
    expect(seen['out-of-fuel']).toBeGreaterThan(PROGRAMS / 40)
    expect(seen.trap).toBeGreaterThan(PROGRAMS / 20)
  }, 3_600_000)

  test('runs out at every value below the need, and nowhere else', () => {
    const body = [
      [op.i32(10), op.set(2)],
      op.loop(
        [op.i32(2048), op.get(2), 0x36, 2, 0],
        [op.get(2), op.i32(3), 0x70, op.if(op.i32(2052), op.get(2), 0x36, 2, 0)],
        [op.get(2), op.i32(1), 0x6b, op.tee(2), op.brIf(0)],
      ),
      op.i64(packed(2048, 8)),
    ]
    const module = compileModule(new ModuleBuilder().steadFunction(body, [[1, I32]]).build())
    const whole = run(module, FUEL)
    if (whole.status !== 'ok') throw new Error(whole.status)
    for (let fuel = whole.fuel - 2000n; fuel < whole.fuel; fuel++)
      expect(run(module, fuel)).toEqual({ status: 'out-of-fuel', fuel })
    for (const fuel of [whole.fuel, whole.fuel + 1n]) expect(run(module, fuel)).toEqual(whole)
  })

  test('is charged by the amount for bulk operations and growth', () => {
    const used = (body: readonly (number | readonly number[])[], locals: [number, number][] = []): bigint => {
      const bytes = new ModuleBuilder()
        .memory(2)
        .steadFunction([...body, op.i64(0)], locals)
        .build()
      const outcome = runCall(compileModule(bytes), call, limits())
      if (outcome.status !== 'ok') throw new Error(JSON.stringify(outcome, (_, value) => String(value)))
      return outcome.fuel
    }
    const fill = (length: number): number[] => [...op.i32(0), ...op.i32(1), ...op.i32(length), 0xfc, 11, 0]
    expect(used([fill(80_000)]) - used([fill(0)])).toBe(40_000n)
    const grow = (pages: number): number[] => [...op.i32(pages), 0x40, 0, 0x1a]
    expect(used([grow(5)]) - used([grow(0)])).toBe(5n * 131_072n)
    // What is refused costs only the asking.
    expect(used([grow(60_000)])).toBe(used([grow(0)]))
  })

  test('is charged for the bytes that the host moves in and out', () => {
    const echo = [op.get(0), 0xad, op.i64(32), 0x86, op.get(1), 0xad, 0x84]
    const module = compileModule(new ModuleBuilder().steadFunction(echo).build())
    const used = (length: number): bigint => {
      const outcome = runCall(module, functionCall(new Uint8Array(length)), limits())
      return 'fuel' in outcome ? outcome.fuel : 0n
    }
    expect(used(1000) - used(0)).toBe(4000n)
  })

  test('cannot be reached by the guest: no index, no name', () => {
    const beyond = new ModuleBuilder().steadFunction([op.i64(1_000_000), 0x24, 0, op.i64(0)]).build()
    expect(() => compileModule(beyond)).toThrow(/not a valid module/)
    const named = new ModuleBuilder().global(I64, true, ...op.i64(0)).export('stead:fuel', 3, 0)
    const outcome = runCall(compileModule(named.steadFunction([op.i64(9), 0x24, 0, op.i64(0)]).build()), call, limits())
    expect(outcome.status).toBe('ok')
    expect('fuel' in outcome && outcome.fuel > 200_000n).toBe(true)
  })

  test('every function of a generated program decodes to a balanced stack', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const bytes = randomProgram(seed)
      const view = readModule(bytes)
      const reader = new FunctionReader(bytes)
      for (const body of view.bodies) expect(reader.read(body).count).toBeGreaterThan(1)
    }
  })
})
