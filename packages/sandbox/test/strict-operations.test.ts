import { describe, expect, test } from 'vitest'
import { Effect, effectOf } from '../src/strict/float-operations.ts'
import { type Code, ModuleBuilder, op, u32 } from './module-builder.ts'
import { strictModule } from './strict-reference.ts'
import { runUnmetered } from './strict-run.ts'

const INPUT_AT = 1024
const RESULT_AT = 2048
const vector = (code: number): number[] => [0xfd, ...u32(code)]

/** How values of a kind lie in memory: bytes of the value, bits of its lanes, and the code of load and store. */
interface Kind {
  readonly bytes: number
  readonly laneBits: 32 | 64
  readonly load: readonly number[]
  readonly store: readonly number[]
}

const kinds = {
  f32: { bytes: 4, laneBits: 32, load: [0x2a, 0, 0], store: [0x38, 0, 0] },
  f64: { bytes: 8, laneBits: 64, load: [0x2b, 0, 0], store: [0x39, 0, 0] },
  f32x4: { bytes: 16, laneBits: 32, load: [...vector(0), 0, 0], store: [...vector(11), 0, 0] },
  f64x2: { bytes: 16, laneBits: 64, load: [...vector(0), 0, 0], store: [...vector(11), 0, 0] },
} satisfies Record<string, Kind>
type KindName = keyof typeof kinds

interface Operation {
  readonly code: readonly number[]
  /** Number in the tables of the sandbox. */
  readonly number: number
  readonly takes: KindName
  readonly arity: number
  readonly gives: KindName
}

const row = (takes: KindName, arity: number, names: Readonly<Record<string, number>>, gives: KindName = takes) =>
  Object.entries(names).map(([name, number]): [string, Operation] => [
    `${gives}.${name}`,
    { code: number >= 0x200 ? vector(number - 0x200) : [number], number, takes, arity, gives },
  ])

/** Float operations whose NaN results the specification leaves open, from its section 4.3.3. */
const arithmetic: readonly [string, Operation][] = [
  ...row('f32', 1, { ceil: 0x8d, floor: 0x8e, trunc: 0x8f, nearest: 0x90, sqrt: 0x91 }),
  ...row('f32', 2, { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97 }),
  ...row('f64', 1, { ceil: 0x9b, floor: 0x9c, trunc: 0x9d, nearest: 0x9e, sqrt: 0x9f }),
  ...row('f64', 2, { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3, min: 0xa4, max: 0xa5 }),
  ...row('f64', 1, { demote: 0xb6 }, 'f32'),
  ...row('f32', 1, { promote: 0xbb }, 'f64'),
  ...row('f32x4', 1, { ceil: 0x267, floor: 0x268, trunc: 0x269, nearest: 0x26a, sqrt: 0x2e3 }),
  ...row('f32x4', 2, { add: 0x2e4, sub: 0x2e5, mul: 0x2e6, div: 0x2e7, min: 0x2e8, max: 0x2e9 }),
  ...row('f64x2', 1, { ceil: 0x274, floor: 0x275, trunc: 0x27a, nearest: 0x294, sqrt: 0x2ef }),
  ...row('f64x2', 2, { add: 0x2f0, sub: 0x2f1, mul: 0x2f2, div: 0x2f3, min: 0x2f4, max: 0x2f5 }),
  ...row('f64x2', 1, { demote_zero: 0x25e }, 'f32x4'),
  ...row('f32x4', 1, { promote_low: 0x25f }, 'f64x2'),
]

/** Those that only move bits or change a sign, with what they do to the bits of lanes. */
const moving: readonly [string, Operation, (a: bigint, b: bigint, sign: bigint) => bigint][] = [
  ...(['f32', 'f64', 'f32x4', 'f64x2'] as const).flatMap((kind) => {
    const [abs, neg] = { f32: [0x8b, 0x8c], f64: [0x99, 0x9a], f32x4: [0x2e0, 0x2e1], f64x2: [0x2ec, 0x2ed] }[kind]
    return [
      ...row(kind, 1, { abs: abs as number }).map(withBits((a, _, sign) => a & ~sign)),
      ...row(kind, 1, { neg: neg as number }).map(withBits((a, _, sign) => a ^ sign)),
    ]
  }),
  ...row('f32', 2, { copysign: 0x98 }).map(withBits((a, b, sign) => (a & ~sign) | (b & sign))),
  ...row('f64', 2, { copysign: 0xa6 }).map(withBits((a, b, sign) => (a & ~sign) | (b & sign))),
  // A comparison with NaN is false, and then both give the first operand.
  ...row('f32x4', 2, { pmin: 0x2ea, pmax: 0x2eb }).map(withBits((a) => a)),
  ...row('f64x2', 2, { pmin: 0x2f6, pmax: 0x2f7 }).map(withBits((a) => a)),
]

function withBits(bits: (a: bigint, b: bigint, sign: bigint) => bigint) {
  return ([name, operation]: [string, Operation]): [string, Operation, typeof bits] => [name, operation, bits]
}

/** Lanes of NaNs only: quiet and signalling, of both signs, with payloads; one operand of 16 bytes after the other. */
function nans(laneBits: 32 | 64): Uint8Array {
  const bytes = new Uint8Array(32)
  const view = new DataView(bytes.buffer)
  for (let lane = 0; lane < 256 / laneBits; lane++) {
    const payload = 0x12345 + 0x111 * lane
    const sign = lane % 3 === 1 ? 1n : 0n
    const quiet = lane % 2 === 0
    if (laneBits === 32)
      view.setUint32(lane * 4, Number((sign << 31n) | (quiet ? 0x7fc00000n : 0x7f800000n)) + payload, true)
    else view.setBigUint64(lane * 8, (sign << 63n) | ((quiet ? 0x7ff8n : 0x7ff0n) << 48n) | BigInt(payload), true)
  }
  return bytes
}

function lanes(bytes: Uint8Array, laneBits: 32 | 64): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: (bytes.length * 8) / laneBits }, (_, lane) =>
    laneBits === 32 ? BigInt(view.getUint32(lane * 4, true)) : view.getBigUint64(lane * 8, true),
  )
}

/** Stores what `code` makes of operands loaded from the two inputs, in strict mode. */
function stored(kind: Kind, code: Code, input: Uint8Array): Uint8Array {
  const body = [op.i32(RESULT_AT), code, kind.store, op.i64(0)]
  const { trap, memory } = runUnmetered(strictModule(new ModuleBuilder().steadFunction(body).build()), input)
  expect(trap).toBeUndefined()
  return memory.slice(RESULT_AT - INPUT_AT, RESULT_AT - INPUT_AT + kind.bytes)
}

const loads = ({ takes, arity }: Operation): Code =>
  Array.from({ length: arity }, (_, index) => [op.i32(INPUT_AT + 16 * index), kinds[takes].load])

describe('strict floats', () => {
  test('know every operation of the specification whose NaN results are open', () => {
    const known = [...effectOf.keys()].filter((operation) => effectOf[operation] === Effect.compute)
    expect(known).toEqual(arithmetic.map(([, { number }]) => number).sort((left, right) => left - right))
  })

  test.each(arithmetic)('%s of NaNs is the canonical NaN', (name, operation) => {
    const result = kinds[operation.gives]
    const output = stored(result, [loads(operation), operation.code], nans(kinds[operation.takes].laneBits))
    const canonical = result.laneBits === 32 ? 0x7fc00000n : 0x7ff8000000000000n
    const zeros = name === 'f32x4.demote_zero' ? [0n, 0n] : []
    const all = lanes(output, result.laneBits)
    expect(all).toEqual([...all.slice(zeros.length).map(() => canonical), ...zeros])
  })

  test.each(moving)('%s keeps the payload of NaNs', (_, operation, bits) => {
    const kind = kinds[operation.takes]
    const input = nans(kind.laneBits)
    const sign = 1n << BigInt(kind.laneBits - 1)
    const [a, b] = [lanes(input.slice(0, kind.bytes), kind.laneBits), lanes(input.slice(16, 32), kind.laneBits)]
    const output = stored(kind, [loads(operation), operation.code], input)
    expect(lanes(output, kind.laneBits)).toEqual(a.map((lane, index) => bits(lane, b[index] ?? 0n, sign)))
  })

  test.each(Object.keys(kinds) as KindName[])('%s that is only moved keeps all its bits', (name) => {
    const kind = kinds[name]
    const type = { f32: 0x7d, f64: 0x7c, f32x4: 0x7b, f64x2: 0x7b }[name]
    const add = arithmetic.find(([other]) => other === `${name}.add`)?.[1].code ?? []
    const load = (at: number): Code => [op.i32(INPUT_AT + at), kind.load]
    // A local and a block that could as well hold the result of arithmetic, had the branches gone the other way.
    const builder = new ModuleBuilder()
    const through = builder.function({
      parameters: [type],
      results: [type],
      locals: [[1, type]],
      body: [
        [op.get(0), op.set(1), op.i32(0), op.if(op.get(1), op.get(1), add, op.set(1))],
        [0x02, type, op.get(1), op.i32(1), op.brIf(0), 0x1a, load(16), load(16), add, 0x0b],
        [load(16), load(16), add, op.i32(1), 0x1c, 1, type],
      ],
    })
    const body = [op.i32(RESULT_AT), load(0), op.call(through), kind.store, op.i64(0)]
    const input = nans(kind.laneBits)
    const { memory } = runUnmetered(strictModule(builder.steadFunction(body).build()), input)
    expect(memory.slice(RESULT_AT - INPUT_AT, RESULT_AT - INPUT_AT + kind.bytes)).toEqual(input.slice(0, kind.bytes))
  })
})
