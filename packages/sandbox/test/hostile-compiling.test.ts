import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SandboxError } from '../src/errors.ts'
import { ProcessExecutor } from '../src/node/index.ts'
import { compileModule, prepareModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import type { FloatMode } from '../src/strict/float-mode.ts'
import { functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'
import { type Code, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { patternModule, patterns, withFloat } from './pattern-modules.ts'

function refusal(bytes: Uint8Array): SandboxError {
  try {
    prepareModule(bytes)
  } catch (error) {
    if (error instanceof SandboxError) return error
    throw error
  }
  throw new Error('the module was accepted')
}

describe('compilation that nobody could interrupt', () => {
  const many = (count: number, code: Code): Code => new Array<Code>(count).fill(code)
  const bombs: readonly (readonly [string, Code, (readonly [number, number])[]])[] = [
    ['20,000 locals and 100,000 conditional branches', many(100_000, op.block(op.get(0), op.brIf(0))), [[20_000, I64]]],
    ['20,000 locals and 100,000 ifs', many(100_000, [op.get(0), op.if([])]), [[20_000, I64]]],
    ['20,000 locals and 100,000 loops', many(100_000, op.loop([])), [[20_000, I64]]],
    ['20,000 locals and 400,000 calls', many(400_000, op.call(0)), [[20_000, I64]]],
    ['20,000 locals and 400,000 sets', many(400_000, [op.get(2), op.set(2)]), [[20_000, I64]]],
    ['20,000 locals and 30 switches over 2,000 blocks', switches(30), [[20_000, I64]]],
    [
      '20,000 operands and 20,000 branches',
      [many(20_000, op.get(0)), many(20_000, op.block(op.get(0), op.brIf(0))), many(20_000, 0x1a as never)],
      [],
    ],
    ['300,000 conditional branches and no locals', op.block(many(300_000, [op.get(0), op.brIf(0)])), []],
  ]
  test.each(bombs)('%s in one function are refused before the engine sees them', (_name, body, locals) => {
    const builder = new ModuleBuilder()
    builder.function({ body: [] })
    const error = refusal(builder.steadFunction([body, op.i64(0)], locals).build())
    expect(error.details).toMatchObject({ limit: 'compileWork', allowed: expect.any(Number) })
  })

  test('what is just allowed is compiled within a second', () => {
    const bytes = guests.body(many(7_000, op.block(op.get(0), op.brIf(0))), new ModuleBuilder())
    const wide = new ModuleBuilder().steadFunction([many(100, [op.get(0), op.if([])]), op.i64(0)], [[20_000, I64]])
    for (const module of [compileModule(bytes), compileModule(wide.build())]) {
      const begun = performance.now()
      expect(runCall(module, functionCall(), limits()).status).toBe('ok')
      expect(performance.now() - begun).toBeLessThan(1000)
    }
  })
})

/** Switches that can leave each of 2,000 blocks. */
function switches(count: number): Code {
  const labels = Array.from({ length: 2001 }, (_, label) => u32(Math.min(label, 1999)))
  const one: Code = [0x02, 0x40, op.i32(0), 0x0e, ...u32(2000), labels, 0x0b]
  return [
    new Array<Code>(2000).fill([0x02, 0x40]),
    new Array<Code>(count).fill(one),
    new Array<number>(2000).fill(0x0b),
  ]
}

describe('modules whose functions are together as much work as is allowed', () => {
  const FUNCTION_BYTES = 30_000
  /** Less than an executor waits for; a quiet machine takes at most 3 s, one with neighbours 10. */
  const LOAD_MS_MAX = 27_000
  /** Strict floats take half as long again; the nightly search has both. */
  const modes: readonly FloatMode[] = process.env.STEAD_FUZZ_PROGRAMS === undefined ? ['strict'] : ['raw', 'strict']
  const executor = new ProcessExecutor({}, { workersMax: 1, loadTimeoutMs: 120_000 })
  beforeAll(() => executor.start())
  afterAll(() => executor.stop())

  test.each([
    ['branches out of blocks', 490, 530, 'rewriteWork'],
    ['empty loops', 130, 145, 'moduleCompileWork'],
    ['nothing', 1110, 1130, 'moduleBytes'],
  ] as const)(
    '%s are loaded soon by an executor, and a little more is refused',
    async (name, accepted, refused, limit) => {
      const pattern = withFloat(patterns[name])
      const bytes = patternModule(pattern, accepted, FUNCTION_BYTES)
      for (const floats of modes) {
        const begun = performance.now()
        await executor.load(bytes, { floats })
        expect(performance.now() - begun).toBeLessThan(LOAD_MS_MAX)
      }
      const error = await executor
        .load(patternModule(pattern, refused, FUNCTION_BYTES))
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'SANDBOX_MODULE_LIMIT', details: { limit } })
    },
    120_000,
  )
})
