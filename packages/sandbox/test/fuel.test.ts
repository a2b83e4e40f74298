import { describe, expect, test } from 'vitest'
import { FunctionReader } from '../src/binary/function-reader.ts'
import { readModule } from '../src/binary/module-reader.ts'
import type { Outcome } from '../src/call.ts'
import { type CompiledModule, compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { functionCall, limits, packed } from './calls.ts'
import { type Code, I32, I64, ModuleBuilder, op } from './module-builder.ts'
import { meteredPerInstruction } from './naive-meter.ts'
import { randomProgram } from './random-program.ts'

/** Instances of these programs cost 232,768. */
const FUEL = 300_000n
const call = functionCall(Uint8Array.of(1, 2, 3))

function run(module: CompiledModule, fuel: bigint): Outcome {
  return runCall(module, call, limits({ fuel, memoryPages: 3 }))
}

describe('fuel', () => {
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

  test('is at most 64 units more than what is executed for each condition that is passed', () => {
    // Nothing is ever zero, so what is behind the conditions is passed by.
    const cheap = [op.get(2), op.if(Array.from({ length: 6 }, () => [op.i32(8), op.get(2), 0x36, 2, 0]))]
    const dear = [op.get(2), op.if(Array.from({ length: 60 }, () => [op.i32(8), op.get(2), 0x36, 2, 0]))]
    const extra = (body: Code): number => {
      const bytes = new ModuleBuilder()
        .memory(1)
        .steadFunction([body, op.i64(0)], [[2, I32]])
        .build()
      const [billed = 0, executed = 0] = [compileModule(bytes), meteredPerInstruction(bytes)].map((module) => {
        const outcome = run(module, 10n * FUEL)
        if (outcome.status !== 'ok') throw new Error(outcome.status)
        return Number(outcome.fuel)
      })
      return billed - executed
    }
    const conditions = 40
    const twice = Array.from({ length: conditions / 2 }, () => [cheap, dear])
    expect(extra(twice)).toBeLessThanOrEqual(64 * conditions)
    const passes = 100
    const loop = op.loop(twice, [op.get(3), op.i32(1), 0x6a, op.tee(3), op.i32(passes), 0x47, op.brIf(0)])
    expect(extra(loop)).toBeLessThanOrEqual(64 * conditions * (passes + 1))
    expect(extra(loop)).toBeGreaterThan(10 * passes)
  })
})
