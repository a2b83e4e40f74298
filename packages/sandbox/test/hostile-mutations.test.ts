import { describe, expect, test } from 'vitest'
import type { SandboxErrorCode } from '../src/errors.ts'
import { SandboxError } from '../src/errors.ts'
import { prepareModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { webAssembly } from '../src/webassembly.ts'
import { functionCall, limits } from './calls.ts'
import { compileAssemblyScript, compileC } from './compilers.ts'
import { guests } from './guests.ts'
import { ModuleBuilder, op, u32 } from './module-builder.ts'
import { randomProgram } from './random-program.ts'
import { SeededNumbers } from './seeded-numbers.ts'

/** How many mutants to make; more for a longer search. */
const MUTANTS = Number(process.env.STEAD_FUZZ_PROGRAMS ?? 2000)
/**
 * Processor time that one of these small modules may take from its check to the end of its run. The most seen is 33 ms,
 * where garbage is collected; one that takes longer is judged twice more, and must take that long each time to fail.
 */
const JUDGE_MS_MAX = 300
const JUDGE_TIMES_MAX = 3

const refusals: ReadonlySet<SandboxErrorCode> = new Set<SandboxErrorCode>([
  'SANDBOX_MALFORMED',
  'SANDBOX_FORBIDDEN_FEATURE',
  'SANDBOX_FORBIDDEN_IMPORT',
  'SANDBOX_MODULE_LIMIT',
  'SANDBOX_NO_ENTRY',
])

type Verdict = 'accepted' | SandboxErrorCode

/** Checks one hostile binary against the engine. Throws when the sandbox breaks one of its promises. */
function judge(bytes: Uint8Array): Verdict {
  const tookMs: number[] = []
  while (tookMs.length < JUDGE_TIMES_MAX) {
    const begun = process.threadCpuUsage()
    const verdict = judgeOnce(bytes)
    const { user, system } = process.threadCpuUsage(begun)
    tookMs.push((user + system) / 1000)
    if ((tookMs.at(-1) as number) <= JUDGE_MS_MAX) return verdict
  }
  throw new Error(`it took ${tookMs.map(Math.round).join(', ')} ms; at most ${JUDGE_MS_MAX} are allowed`)
}

function judgeOnce(bytes: Uint8Array): Verdict {
  const isValid = webAssembly.validate(bytes)
  let metered: Uint8Array
  let facts: ReturnType<typeof prepareModule>['facts']
  try {
    ;({ metered, facts } = prepareModule(bytes))
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error
    expect(refusals).toContain(error.code)
    // What the engine takes is never called malformed here: the person must learn which feature or limit it is.
    if (isValid) expect(error.code).not.toBe('SANDBOX_MALFORMED')
    return error.code
  }
  expect(isValid).toBe(true)
  const module = new webAssembly.Module(metered)
  const kind = facts.kinds[0] as 'command' | 'function'
  const fuel = BigInt(facts.instanceFuel) + 200_000n
  const memoryPages = Math.max(facts.memoryPagesMin, 64)
  // A gigabyte of memory for each mutant would only show how fast this machine has pages.
  if (memoryPages <= 1024) {
    const outcome = runCall(
      { facts, module },
      functionCall(Uint8Array.of(1, 2), { kind }),
      limits({ fuel, memoryPages }),
    )
    expect(outcome.status).not.toBe('node-fault')
  }
  return 'accepted'
}

/** Changes a few bytes: set, flip a bit, count up or down, take out, put in, copy from elsewhere. */
function mutate(bytes: Uint8Array, numbers: SeededNumbers): Uint8Array {
  const result = [...bytes]
  for (let count = 1 + numbers.below(3); count > 0; count--) {
    const at = numbers.below(result.length)
    const byte = result[at] as number
    const kind = numbers.below(8)
    if (kind === 0) result.splice(at, 1)
    else if (kind === 1) result.splice(at, 0, numbers.below(256))
    else if (kind === 2) result[at] = byte ^ (1 << numbers.below(8))
    else if (kind === 3) result[at] = (byte + 1) & 0xff
    else if (kind === 4) result[at] = (byte - 1) & 0xff
    else if (kind === 5) result[at] = result[numbers.below(result.length)] as number
    else result[at] = numbers.below(256)
  }
  return Uint8Array.from(result)
}

function judgeMutants(modules: readonly Uint8Array[], count: number, seed: number): Record<string, number> {
  const numbers = new SeededNumbers(seed)
  const seen: Record<string, number> = {}
  for (let index = 0; index < count; index++) {
    const mutant = mutate(numbers.pick(modules), numbers)
    try {
      const verdict = judge(mutant)
      seen[verdict] = (seen[verdict] ?? 0) + 1
    } catch (error) {
      throw new Error(`mutant ${index} of seed ${seed}: ${Buffer.from(mutant).toString('base64')}`, { cause: error })
    }
  }
  return seen
}

describe('mutants of valid modules are refused by a listed code or run', () => {
  const small = [
    ...Array.from({ length: 40 }, (_, index) => randomProgram(index + 1)),
    ...[guests.echo(), guests.recursion(), guests.indirectRecursion(), guests.dataOutOfRange(), guests.trappingStart()],
  ]

  test(`${MUTANTS} of small modules`, () => {
    const seen = judgeMutants(small, MUTANTS, 1)
    // The mutations are mild enough to get past the first check, and wild enough to be refused for several reasons.
    expect(seen.accepted).toBeGreaterThan(MUTANTS / 100)
    expect(seen.SANDBOX_MALFORMED).toBeGreaterThan(MUTANTS / 10)
    expect(seen.SANDBOX_FORBIDDEN_FEATURE).toBeGreaterThan(MUTANTS / 100)
  }, 3_600_000)

  test('all single bytes of a small module, set to each telling value', () => {
    const whole = guests.indirectRecursion()
    const telling = [
      0x00, 0x01, 0x02, 0x40, 0x5e, 0x60, 0x63, 0x6f, 0x70, 0x7b, 0x7f, 0x80, 0xff, 0xfb, 0xfc, 0xfd, 0xfe,
    ]
    const seen: Record<string, number> = {}
    for (let at = 0; at < whole.length; at++) {
      for (const byte of telling) {
        const verdict = judge(whole.with(at, byte))
        seen[verdict] = (seen[verdict] ?? 0) + 1
      }
    }
    expect(Object.values(seen).reduce((sum, count) => sum + count)).toBe(whole.length * telling.length)
  }, 60_000)

  test('of programs from compilers', async () => {
    const command = compileC('tool.c')
    if (command === undefined)
      process.stderr.write('\n*** MUTANTS OF A C PROGRAM ARE NOT TESTED: clang with wasi-libc is missing\n')
    const modules = [await compileAssemblyScript('periods.as'), ...(command === undefined ? [] : [command])]
    const seen = judgeMutants(modules, Math.ceil(MUTANTS / 50), 2)
    expect(Object.keys(seen).length).toBeGreaterThan(1)
  }, 3_600_000)
})

/** Code that an engine may accept whatever the operand stack holds: what is unreachable has all types. */
function withUnreachable(operation: readonly number[], immediates: readonly number[]): Uint8Array {
  const builder = new ModuleBuilder().memory(1).table(2).passiveData([1]).passiveElements(0)
  builder.global(0x7f, true, ...op.i32(0))
  return builder.steadFunction([0x00, operation, immediates, 0x00]).build()
}

test('each operation that the engine knows is allowed, or refused by the name of its feature', () => {
  const operations: number[][] = Array.from({ length: 256 }, (_, code) => [code])
  for (const prefix of [0xfb, 0xfc, 0xfd, 0xfe])
    for (let code = 0; code < 0x140; code++) operations.push([prefix, ...u32(code)])
  const zeros = [0, 1, 2, 3, 4, 8, 16].map((length) => new Array<number>(length).fill(0))
  const others = [[1], [2, 0], [3, 0], [2, 0, 0], [0x42, 0, 0], [1, 0x7f], [0x70], [0x6e], [0, 0x70], [0x40, 0x0b]]
  const named = new Set<unknown>()
  for (const operation of operations) {
    for (const immediates of [...zeros, ...others, [0x40, 0, 0x0b], [0x40, 0x19, 0x0b]]) {
      const bytes = withUnreachable(operation, immediates)
      const isValid = webAssembly.validate(bytes)
      try {
        prepareModule(bytes)
        expect(isValid).toBe(true)
      } catch (error) {
        if (!(error instanceof SandboxError)) throw error
        if (!isValid) continue
        expect([operation, immediates, error.code]).toEqual([operation, immediates, 'SANDBOX_FORBIDDEN_FEATURE'])
        expect(error.details.feature).not.toMatch(/^unknown/)
        named.add(error.details.feature)
      }
    }
  }
  for (const feature of ['threads', 'tail-call', 'gc', 'exception-handling', 'relaxed-simd'])
    expect(named).toContain(feature)
})
