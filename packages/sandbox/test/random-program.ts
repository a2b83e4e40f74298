import { packed } from './calls.ts'
import { type Code, F64, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { bodyLocals, RandomBody, type Signature } from './random-body.ts'
import { SeededNumbers } from './seeded-numbers.ts'

const RESULT_AT = 2048
const RESULT_BYTES = 96
const TABLE_SIZE = 8

const entry: Signature = { parameters: [I32, I64], results: [I32] }
const signatures: readonly Signature[] = [
  entry,
  { parameters: [], results: [] },
  { parameters: [I32], results: [I32, I64] },
  { parameters: [F64, I32], results: [F64] },
]

/**
 * A valid module with random control flow: nested blocks, loops in all shapes that the meter counts ahead and near
 * misses of them, some endless, branches of all kinds with and without values, trees of calls, direct and indirect
 * recursion, traps, dead code, bulk memory and growth. Its result depends on locals, memory and a global.
 */
export function randomProgram(seed: number): Uint8Array {
  const numbers = new SeededNumbers(seed)
  const builder = new ModuleBuilder()
  const functions = [entry, ...Array.from({ length: numbers.below(5) }, () => numbers.pick(signatures))]
  builder
    .memory(1, 4)
    .table(TABLE_SIZE)
    .global(I32, true, ...op.i32(7))
  const typeIndex = (signature: Signature): number => builder.type(signature.parameters, signature.results)
  functions.forEach((signature, own) => {
    const body = new RandomBody({ numbers, functions, own, tableSize: TABLE_SIZE, typeIndex }).write()
    builder.function({ ...signature, locals: bodyLocals, body })
  })
  builder.elements(0, ...Array.from({ length: TABLE_SIZE - 1 }, (_, index) => index % functions.length))
  const store = (at: number, value: Code): Code => [op.i32(RESULT_AT + at), value, 0x36, 2, ...u32(0)]
  builder.steadFunction([
    store(0, [op.i32(3), op.i64(5), op.call(0)]),
    store(4, [0x23, 0]),
    store(8, [op.get(1), op.i64(numbers.below(1000)), op.call(0)]),
    op.i64(packed(RESULT_AT, RESULT_BYTES)),
  ])
  return builder.build()
}
