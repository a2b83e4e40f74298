import { describe, expect, test } from 'vitest'
import { compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { commandCall, limits } from './calls.ts'
import { runBare, workUntil } from './metered-run.ts'
import { type Code, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'

const ADD = 0x6a

function times(count: number, code: Code): Code {
  return Array.from({ length: count }, () => code)
}

/** A leaf that calls nothing and does not look: so much work is done without. */
function addLeaf(builder: ModuleBuilder): number {
  const work = times(120, [op.get(0), op.i32(3), ADD, op.set(0)])
  return builder.function({
    locals: [[1, I32]],
    body: [op.i32(8), op.i32(8), 0x28, 2, 0, op.i32(1), ADD, 0x36, 2, 0, work],
  })
}

/** How many calls of the leaf are made before a call with this limit is ended. */
function leavesCalled(limit: bigint, write: (builder: ModuleBuilder, leaf: number) => Code): number {
  const builder = new ModuleBuilder().memory(1)
  const leaf = addLeaf(builder)
  const body = write(builder, leaf)
  const run = runBare(compileModule(builder.steadFunction([body, op.i64(0)]).build()), limit)
  expect(run.ending).toBe('out-of-fuel')
  return new DataView(run.memory.buffer).getInt32(8, true)
}

describe('a guest that has used its fuel does little more', () => {
  const limit = 20_000n
  /** 20,000 units pay for 40 leaves; some more come before the next look. */
  const leavesMax = 60
  const calls = 20_000

  test('calls of leaves in a row', () => {
    expect(leavesCalled(limit, (_, leaf) => times(calls, op.call(leaf)))).toBeLessThan(leavesMax)
  })

  test('calls of leaves behind branches, in the last of many blocks', () => {
    const arms = (_: ModuleBuilder, leaf: number): Code => [
      times(3, [op.get(0), 0x45, op.if(op.call(leaf))]),
      [op.get(0), op.if(times(calls, op.call(leaf)))],
    ]
    expect(leavesCalled(limit, arms)).toBeLessThan(leavesMax)
  })

  test('a few calls of leaves in each of many blocks', () => {
    const block = (leaf: number): Code => [op.get(0), op.if(times(3, op.call(leaf)))]
    expect(leavesCalled(limit, (_, leaf) => times(5000, block(leaf)))).toBeLessThan(leavesMax)
  })

  test('calls of leaves through the table', () => {
    const indirect = (builder: ModuleBuilder, leaf: number): Code => {
      builder.table(1).elements(0, leaf)
      const type = builder.type([], [])
      return times(calls, [op.i32(0), 0x11, ...u32(type), 0])
    }
    expect(leavesCalled(limit, indirect)).toBeLessThan(leavesMax)
  })

  test('a tree of calls, ten of the next each', () => {
    const tree = (builder: ModuleBuilder, leaf: number): Code => {
      let callee = leaf
      for (let level = 0; level < 5; level++) callee = builder.function({ body: times(10, op.call(callee)) })
      return op.call(callee)
    }
    expect(leavesCalled(limit, tree)).toBeLessThan(leavesMax)
  })

  test('calls of functions too large to be leaves', () => {
    const large = (builder: ModuleBuilder): Code => {
      const work = times(2000, [op.get(0), op.i32(3), ADD, op.set(0)])
      const store = [op.i32(8), op.i32(8), 0x28, 2, 0, op.i32(1), ADD, 0x36, 2, 0]
      const callee = builder.function({
        locals: [[1, I32]],
        body: [store, op.get(0), 0x45, op.if(work), op.get(0), op.if(work)],
      })
      return times(5000, [op.get(0), op.if(times(3, op.call(callee)))])
    }
    expect(leavesCalled(limit, large)).toBeLessThan(leavesMax)
  })

  /** f(n) calls f(n - 1) twice: 2^40 calls, 40 deep. */
  const doubling = (before: Code): Uint8Array => {
    const builder = new ModuleBuilder().memory(1)
    const leaf = builder.function({ body: [] })
    const again = [op.get(0), op.i32(1), 0x6b, op.call(leaf + 1)]
    builder.function({ parameters: [I32], body: [before, op.get(0), op.if(again, again)] })
    return builder.steadFunction([op.i32(40), op.call(leaf + 1), op.i64(0)]).build()
  }

  test('recursion that doubles', () => {
    for (const before of [[], [op.i32(0), op.if(times(100, [op.i32(8), op.get(0), 0x36, 2, 0]), op.call(0))]])
      expect(workUntil(doubling(before), limit, 100n * limit)).toBeLessThan(20n * limit)
  })

  test('functions of nothing that call each other, direct and through the table', () => {
    for (const isIndirect of [false, true]) {
      const builder = new ModuleBuilder().memory(1).table(2).elements(0, 0, 1)
      const call = (index: number): Code =>
        isIndirect ? [op.i32(index), 0x11, ...u32(builder.type([], [])), 0] : op.call(index)
      builder.function({ body: op.loop(call(1), op.get(0), op.brIf(0)), locals: [[1, I32]] })
      builder.function({ body: [op.i32(8), 0x28, 2, 0, op.if(call(0))] })
      const bytes = builder.steadFunction([op.loop(call(0), op.br(0)), op.i64(0)]).build()
      expect(workUntil(bytes, limit, 100n * limit)).toBeLessThan(20n * limit)
    }
  })
})

describe('what a function takes is paid', () => {
  const units = (write: (builder: ModuleBuilder) => Code): bigint => {
    const builder = new ModuleBuilder()
    const run = runBare(compileModule(builder.steadFunction([write(builder), op.i64(0)]).build()), 2n ** 40n)
    expect(run.ending).toBe('ok')
    return run.units
  }

  test('locals that are set to zero on entry', () => {
    // Without a price 20,000 of them took 2 us a call, for 32 units: 3 ns.
    const withLocals = (count: number): bigint =>
      units((builder) => op.call(builder.function({ locals: [[count, I64]], body: [] })))
    expect(withLocals(20_000) - withLocals(8)).toBeGreaterThan(19_000n)
    expect(withLocals(32)).toBe(withLocals(8))
  })

  test('values that a branch carries', () => {
    const carrying = (count: number): bigint =>
      units((builder) => {
        const type = u32(
          builder.type(
            [],
            Array.from({ length: count }, () => I64),
          ),
        )
        return [0x02, ...type, op.i64(0), times(count, op.i64(1)), op.br(0), 0x0b, times(count, [0x1a])]
      })
    expect(carrying(64) - carrying(1)).toBeGreaterThanOrEqual(63n * 4n)
  })

  test('nothing of a loop that is left by the host in its first pass', () => {
    const builder = new ModuleBuilder()
    const exit = builder.importFunction('wasi_snapshot_preview1', 'proc_exit', [I32], [])
    const pass = [op.i32(0), op.call(exit), op.get(0), op.i32(1), 0x6b, op.tee(0), op.brIf(0)]
    builder.memory(1).export('memory', 2, 0)
    builder.function({ locals: [[1, I32]], body: [op.i32(1_000_000), op.set(0), op.loop(pass)], export: '_start' })
    const outcome = runCall(compileModule(builder.build()), commandCall(), limits())
    expect(outcome.status).toBe('ok')
    expect('fuel' in outcome && outcome.fuel).toBeLessThan(500_000n)
  })
})
