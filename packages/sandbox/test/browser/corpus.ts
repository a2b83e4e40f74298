import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { CallInput, Limits, Outcome } from '../../src/call.ts'
import type { Executor, LoadOptions } from '../../src/executor.ts'
import { prepareModule } from '../../src/prepare.ts'
import { commandCall, functionCall, limits } from '../calls.ts'
import { guests } from '../guests.ts'
import { I32, I64, ModuleBuilder, op } from '../module-builder.ts'
import { randomProgram } from '../random-program.ts'
import { operandOrderPrograms, strictProgram, weirdNumbers } from '../strict-program.ts'

/** One call whose outcome must be the same on every machine. */
export interface CorpusCase {
  readonly name: string
  readonly bytes: Uint8Array
  readonly call: CallInput
  readonly limits: Limits
  readonly floats: 'raw' | 'strict'
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const smallLimits = limits({ fuel: 300_000_000n, memoryPages: 64 })
const inputCall = functionCall(Uint8Array.of(3, 1, 4))

function functionCase(name: string, bytes: Uint8Array, changes: Partial<CorpusCase> = {}): CorpusCase {
  return { name, bytes, call: inputCall, limits: smallLimits, floats: 'raw', ...changes }
}

/** Generated programs, with random control flow, memory and traps; every fifth in strict float mode. */
export function generatedCases(): CorpusCase[] {
  return Array.from({ length: 200 }, (_, index) =>
    functionCase(`program ${index}`, randomProgram(10_000 + index), { floats: index % 5 === 0 ? 'strict' : 'raw' }),
  )
}

/** Programs of float and vector operations on NaNs, infinities and subnormals, whose result bits strict mode fixes. */
export function strictCases(): CorpusCase[] {
  const generated = Array.from({ length: 100 }, (_, index) => {
    const seed = 30_000 + index
    const call = functionCall(weirdNumbers(seed))
    return functionCase(`strict program ${index}`, strictProgram(seed), { call, limits: limits(), floats: 'strict' })
  })
  const ordered = operandOrderPrograms().map(({ bytes, input }, index) =>
    functionCase(`operand order ${index}`, bytes, { call: functionCall(input), limits: limits(), floats: 'strict' }),
  )
  return [...generated, ...ordered]
}

/** Guests that need more machine stack than there is, or nearly. */
export function recursionCases(): CorpusCase[] {
  return [
    functionCase('direct recursion', guests.recursion()),
    functionCase('recursion through a table', guests.indirectRecursion()),
    functionCase('recursion with wide frames', guests.wideRecursion()),
    ...[20, 50, 200].map((count) => functionCase(`a chain of ${count} functions`, longChain(count))),
    functionCase('recursion that calls the host', hostCallsAtDepth(), { call: commandCall() }),
    ...[10, 500, 5000].map((count) => functionCase(`recursion that keeps ${count}`, guests.keptValuesRecursion(count))),
  ]
}

/** Calls the host at every depth of an endless recursion; frames of 8 kB leave the host the least to stand on. */
function hostCallsAtDepth(): Uint8Array {
  const builder = new ModuleBuilder().memory(1)
  const open = builder.importFunction(
    'wasi_snapshot_preview1',
    'path_open',
    [I32, I32, I32, I32, I32, I64, I64, I32, I32],
    [I32],
  )
  const path = [47, 97, 47, 98, 47, 99]
  const call = [op.i32(3), op.i32(1), op.i32(64), op.i32(path.length), op.i32(0), op.i64(1), op.i64(1), op.i32(0)]
  const self = open + 1
  builder.function({ locals: [[1000, I64]], body: [call, op.i32(128), op.call(open), 0x1a, op.call(self)] })
  const start = builder.function({ body: op.call(self) })
  return builder.export('memory', 2, 0).export('_start', 0, start).data(64, path).build()
}

/** Functions that each call the next one, with frames of 8 kB: as deep as a recursion, without being one. */
function longChain(count: number): Uint8Array {
  const builder = new ModuleBuilder()
  for (let index = 0; index < count; index++) {
    const isLast = index === count - 1
    builder.function({ locals: [[1000, I64]], body: isLast ? [] : op.call(index + 1) })
  }
  return builder.steadFunction([op.call(0), op.i64(0)]).build()
}

/** Every way for a guest to end that is not its result. */
export function endingCases(): CorpusCase[] {
  const trap = (name: string, ...body: Parameters<typeof guests.body>[0]): CorpusCase =>
    functionCase(name, guests.body(body))
  return [
    functionCase('its input back', guests.echo()),
    functionCase('out of fuel', guests.endlessLoop(), { limits: limits({ fuel: 500_000n }) }),
    functionCase('out of fuel at its start', guests.endlessStart(), { limits: limits({ fuel: 500_000n }) }),
    functionCase('memory limit by growing', guests.memoryBomb(2)),
    functionCase('output limit', guests.claimOutput(0, 60_000), { limits: limits({ outputBytes: 50_000 }) }),
    functionCase('output out of memory', guests.claimOutput(60_000, 60_000)),
    functionCase('data out of range', guests.dataOutOfRange()),
    functionCase('a start function that traps', guests.trappingStart()),
    trap('unreachable', op.unreachable),
    trap('division by zero', op.i32(1), op.i32(0), 0x6d, 0x1a),
    trap('division overflow', op.i32(-0x8000_0000), op.i32(-1), 0x6d, 0x1a),
    trap('remainder by zero', op.i64(1), op.i64(0), 0x81, 0x1a),
    trap('load out of memory', op.i32(-4), 0x28, 2, 0, 0x1a),
    trap('fill out of memory', op.i32(0), op.i32(1), op.i32(100_000), 0xfc, 11, 0),
  ]
}

/** Calls of the C command and of the AssemblyScript function, as far as they could be compiled here. */
export function compiledCases(modules: ReadonlyMap<string, Uint8Array>): CorpusCase[] {
  const series = new Uint8Array(Float64Array.from({ length: 800 }, (_, index) => (index * 37) % 101).buffer)
  const files = new Map([['data/in.txt', text('payload '.repeat(5000))]])
  const command = commandCall({ args: ['one', 'zwölf'], stdin: text('a\nb\nc\n'), files })
  const cases: CorpusCase[] = []
  for (const [name, bytes] of modules) {
    if (name.startsWith('assemblyscript')) {
      cases.push(functionCase(name, bytes, { call: functionCall(series), limits: limits() }))
      cases.push(
        functionCase(`${name}, strict`, bytes, { call: functionCall(series), limits: limits(), floats: 'strict' }),
      )
      cases.push(functionCase(`${name} that throws`, bytes, { call: functionCall(new Uint8Array(8)) }))
      continue
    }
    for (const changes of [{}, { fuel: 100_000n }, { outputBytes: 5000 }, { memoryPages: 5 }])
      cases.push(functionCase(`${name} ${Object.keys(changes)}`, bytes, { call: command, limits: limits(changes) }))
    cases.push(functionCase(`${name} without its file`, bytes, { call: commandCall(), limits: limits() }))
  }
  return cases
}

/** What two machines compare, as one line: the hash of the metered bytes, how the call ended, the hash of all of it. */
export async function lineOf(executor: Executor, one: CorpusCase): Promise<string> {
  const options: LoadOptions = { floats: one.floats }
  const metered = hexOf(prepareModule(one.bytes, one.floats).metered)
  const module = await executor.load(one.bytes, options)
  const lines: string[] = []
  // Twice: the second run can meet code that was compiled again meanwhile.
  for (let round = 0; round < 2; round++) {
    const outcome = await executor.run(module, one.call, one.limits)
    const reason = 'reason' in outcome ? outcome.reason : 'message' in outcome ? outcome.message : ''
    lines.push(`${outcome.status} ${reason} ${'fuel' in outcome ? outcome.fuel : ''} ${hexOf(text(spell(outcome)))}`)
  }
  return [one.name, metered, ...lines].join(' | ')
}

function hexOf(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes))
}

/** An outcome as text: the order of its fields does not count, that of its files does. */
function spell(outcome: Outcome): string {
  const fields = Object.entries(outcome).sort(([left], [right]) => (left < right ? -1 : 1))
  return JSON.stringify(fields, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    if (value instanceof Map) return [...value].map(([path, content]) => [path, ...(content as Uint8Array)])
    return value instanceof Uint8Array ? [...value] : value
  })
}
