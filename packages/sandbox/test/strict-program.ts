import { packed } from './calls.ts'
import { type Code, F64, I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { SeededNumbers } from './seeded-numbers.ts'

const F32 = 0x7d
const V128 = 0x7b
const EMPTY = 0x40

/** Where the weird numbers lie, which the host writes before the call. */
export const NUMBERS_AT = 1024
export const NUMBERS_BYTES = 256
const RESULT_AT = 2048
const RESULT_BYTES = 512

type FloatType = typeof F32 | typeof F64 | typeof V128
const floatTypes: readonly FloatType[] = [F32, F64, V128]

/** A vector operation. */
function vector(code: number, ...immediates: number[]): number[] {
  return [0xfd, ...u32(code), ...immediates]
}

const between = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Operations by what they take and give. */
const ops = {
  unary: {
    [F32]: between(0x8b, 0x91).map((code) => [code]),
    [F64]: between(0x99, 0x9f).map((code) => [code]),
    [V128]: [
      ...[103, 104, 105, 106, 116, 117, 122, 148, 224, 225, 227, 236, 237, 239, 94, 95, 248, 249, 250, 251],
      ...[252, 253, 254, 255, 77, 96, 160, 161, 192],
    ].map((code) => vector(code)),
  },
  binary: {
    [F32]: between(0x92, 0x98).map((code) => [code]),
    [F64]: between(0xa0, 0xa6).map((code) => [code]),
    [V128]: [
      ...[...between(228, 235), ...between(240, 247), ...between(65, 76)],
      ...[14, 35, 55, 78, 79, 80, 81, 110, 142, 174, 181, 206, 213, 214],
    ].map((code) => vector(code)),
  },
} as const

/**
 * A valid function module that computes with weird numbers from memory: every float operation, scalar and vector, in
 * locals, globals, calls, branches with values, loops with parameters and code that is never reached; it always ends.
 */
export function strictProgram(seed: number): Uint8Array {
  return new StrictProgram(new SeededNumbers(seed)).write()
}

/** Numbers of all kinds as bytes: NaNs of many signs and payloads, signalling ones too, infinities, zeros, ordinary ones. */
export function weirdNumbers(seed: number): Uint8Array {
  const numbers = new SeededNumbers(seed)
  const bytes = new Uint8Array(NUMBERS_BYTES)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < NUMBERS_BYTES; at += 8) {
    if (numbers.chance(2)) {
      view.setBigUint64(at, weird64(numbers), true)
      continue
    }
    view.setUint32(at, weird32(numbers), true)
    view.setUint32(at + 4, weird32(numbers), true)
  }
  return bytes
}

function weird32(numbers: SeededNumbers): number {
  const sign = numbers.below(2) * 0x8000_0000
  const payload = 1 + numbers.below(0x7f_fffe)
  const nan = 0x7f80_0000 + payload
  return (sign + numbers.pick([nan, nan, nan, 0x7f80_0000, 0, 0x3f80_0000 + payload, 0x7fc0_0000, payload])) >>> 0
}

function weird64(numbers: SeededNumbers): bigint {
  const sign = BigInt(numbers.below(2)) << 63n
  const payload = (BigInt(numbers.below(0xf_ffff)) << 32n) | BigInt(1 + numbers.below(0xffff_fff0))
  const infinity = 0x7ffn << 52n
  const nan = infinity | payload
  return sign | numbers.pick([nan, nan, nan, infinity, 0n, (0x3ffn << 52n) | payload, 0x7ff8n << 48n, payload])
}

/**
 * A function module that shows the result of one operation on two different NaNs, one in a local that is used again:
 * baseline code without AVX swaps the operands then, and the other NaN comes out.
 */
function operandOrderProgram(type: FloatType, operation: readonly number[]): Uint8Array {
  const load = (at: number): Code => [op.i32(NUMBERS_AT + at), loadOf(type)]
  const store = type === V128 ? vector(11, 0, 0) : [type === F32 ? 0x38 : 0x39, 0, 0]
  const twice = [op.get(2), load(16), operation, op.get(2), operation]
  const body = [load(0), op.set(2), op.i32(RESULT_AT), twice, store, op.i64(packed(RESULT_AT, 16))]
  return new ModuleBuilder().steadFunction(body, [[1, type]]).build()
}

/** {@link operandOrderProgram} of every operation on two floats or vectors of floats, with two NaNs to run it on. */
export function operandOrderPrograms(): { readonly bytes: Uint8Array; readonly input: Uint8Array }[] {
  const nans32 = new Uint8Array(Uint32Array.from({ length: 8 }, (_, index) => 0x7fc0_0001 + index).buffer)
  const nans64 = new Uint8Array(
    BigUint64Array.from({ length: 4 }, (_, index) => 0x7ff8_0000_0000_0001n + BigInt(index)).buffer,
  )
  const all = (type: FloatType, operations: readonly (readonly number[])[], input: Uint8Array) =>
    operations.map((operation) => ({ bytes: operandOrderProgram(type, operation), input }))
  return [
    ...all(F32, ops.binary[F32], nans32),
    ...all(F64, ops.binary[F64], nans64),
    ...all(
      V128,
      between(228, 235).map((code) => vector(code)),
      nans32,
    ),
    ...all(
      V128,
      between(240, 247).map((code) => vector(code)),
      nans64,
    ),
  ]
}

interface Scope {
  /** Index of the first declared local. */
  readonly firstLocal: number
  /** Functions with a lower index may be called. */
  readonly callable: number
  readonly result: FloatType | undefined
}

class StrictProgram {
  readonly #numbers: SeededNumbers
  readonly #builder = new ModuleBuilder()
  readonly #helpers: FloatType[]
  #scope: Scope = { firstLocal: 0, callable: 0, result: undefined }
  #budget = 0
  #loops = 0

  constructor(numbers: SeededNumbers) {
    this.#numbers = numbers
    this.#helpers = [numbers.pick(floatTypes), numbers.pick(floatTypes)]
  }

  write(): Uint8Array {
    const builder = this.#builder
    builder
      .memory(1)
      .global(F32, true, 0x43, 0, 0, 0, 0)
      .global(F64, true, 0x44, 0, 0, 0, 0, 0, 0, 0, 0)
      .global(V128, true, ...vector(12, ...new Array<number>(16).fill(0)))
    for (const [callable, result] of this.#helpers.entries()) {
      this.#scope = { firstLocal: 4, callable, result }
      const body = [this.#statements(2), this.#expression(result, 3)]
      builder.function({ parameters: [F32, F64, V128, I32], results: [result], locals: LOCALS, body })
    }
    this.#scope = { firstLocal: 2, callable: this.#helpers.length, result: undefined }
    const body = [this.#loadLocals(), this.#statements(3), this.#storeLocals(), op.i64(packed(RESULT_AT, RESULT_BYTES))]
    return builder.steadFunction(body, LOCALS).build()
  }

  #statements(depth: number): Code {
    const code: Code[] = []
    this.#budget = 12
    for (let count = 3 + this.#numbers.below(6); count > 0; count--) code.push(this.#statement(depth))
    return code
  }

  #inside(depth: number): Code {
    const code: Code[] = []
    for (let count = 1 + this.#numbers.below(4); count > 0 && this.#budget > 0; count--)
      code.push(this.#statement(depth - 1))
    return code
  }

  #statement(depth: number): Code {
    this.#budget--
    const type = this.#numbers.pick(floatTypes)
    switch (this.#numbers.below(depth > 0 ? 12 : 7)) {
      case 0:
      case 1:
      case 2:
        return [this.#expression(type, 3), op.set(this.#local(type))]
      case 3:
      case 4:
        return this.#store(type)
      case 5:
        return [this.#expression(type, 2), 0x24, floatTypes.indexOf(type)]
      case 6:
        return this.#early()
      case 7:
      case 8:
        return this.#loop(depth)
      case 9:
        return [this.#expression(I32, 2), 0x04, EMPTY, this.#inside(depth), 0x05, this.#inside(depth), 0x0b]
      case 10:
        return [0x02, EMPTY, this.#inside(depth), this.#expression(I32, 1), op.brIf(0), this.#inside(depth), 0x0b]
      default:
        return [this.#expression(type, 3), 0x1a]
    }
  }

  /** Counts down from at most 4; at most two inside each other. */
  #loop(depth: number): Code {
    if (this.#loops >= 2) return this.#inside(depth)
    const counter = this.#scope.firstLocal + I32_AT + this.#loops++
    const body = this.#inside(depth)
    this.#loops--
    return [op.i32(1 + this.#numbers.below(4)), op.set(counter), op.loop(body, countDown(counter))]
  }

  /** Leaves the function when the numbers say so. */
  #early(): Code {
    const { result } = this.#scope
    if (result === undefined) return [this.#expression(F64, 2), this.#expression(F64, 1), 0x61, 0x1a]
    return [this.#expression(I32, 2), 0x04, EMPTY, this.#expression(result, 2), 0x0f, 0x0b]
  }

  #store(type: FloatType): Code {
    const at = op.i32(RESULT_AT + 8 * this.#numbers.below(RESULT_BYTES / 8 - 1))
    const lane = 88 + this.#numbers.below(4)
    if (type === F32) return [at, this.#expression(F32, 3), 0x38, 0, 0]
    if (type === F64) return [at, this.#expression(F64, 3), 0x39, 0, 0]
    const code = this.#numbers.chance(4) ? vector(lane, 0, 0, this.#numbers.below(16 >> (lane - 88))) : vector(11, 0, 0)
    return [at, this.#expression(V128, 3), code]
  }

  /** Puts weird numbers into most float locals. */
  #loadLocals(): Code {
    return floatTypes.map((type, kind) =>
      between(0, 2).map((index) => {
        if (this.#numbers.chance(4)) return []
        const at = op.i32(NUMBERS_AT + 4 * this.#numbers.below(60))
        return [at, loadOf(type), op.set(this.#scope.firstLocal + 3 * kind + index)]
      }),
    )
  }

  /** Shows what every float local holds. */
  #storeLocals(): Code {
    return floatTypes.map((type, kind) =>
      between(0, 2).map((index) => [
        [op.i32(RESULT_AT + 16 * (3 * kind + index)), op.get(this.#scope.firstLocal + 3 * kind + index)],
        type === F32 ? [0x38, 0, 0] : type === F64 ? [0x39, 0, 0] : vector(11, 0, 0),
      ]),
    )
  }

  #local(type: FloatType): number {
    const index = this.#numbers.below(3)
    return this.#scope.firstLocal + 3 * floatTypes.indexOf(type) + index
  }

  #expression(type: number, depth: number): Code {
    if (type === I32) return this.#integer(depth)
    if (type === I64) return this.#integer64(depth)
    const float = type as FloatType
    if (depth <= 0 || this.#numbers.chance(5)) return this.#leaf(float)
    const next = (of: number): Code => this.#expression(of, depth - 1)
    if (this.#numbers.chance(4)) return this.#structured(float, next)
    if (this.#numbers.chance(3)) return this.#converted(float, next)
    return this.#numbers.chance(3)
      ? [next(float), this.#numbers.pick(ops.unary[float])]
      : [next(float), next(float), this.#numbers.pick(ops.binary[float])]
  }

  #leaf(type: FloatType): Code {
    const from = this.#numbers.chance(4) ? RESULT_AT : NUMBERS_AT
    const at = op.i32(from + 4 * this.#numbers.below(60))
    switch (this.#numbers.below(5)) {
      case 0:
        return this.#constant(type)
      case 1:
        return [0x23, floatTypes.indexOf(type)]
      case 2:
        return [at, type === V128 ? vector(this.#numbers.pick([0, 9, 10, 92, 93]), 0, 0) : loadOf(type)]
      default:
        return op.get(this.#local(type))
    }
  }

  #constant(type: FloatType): Code {
    const bytes = [...weirdNumbers(this.#numbers.below(1 << 30)).subarray(0, 16)]
    const isPlain = this.#numbers.chance(2)
    if (type === F32) return [0x43, ...(isPlain ? [0, 0, 0x80, 0x3f] : bytes.slice(0, 4))]
    if (type === F64) return [0x44, ...(isPlain ? [0, 0, 0, 0, 0, 0, 0xf0, 0x3f] : bytes.slice(0, 8))]
    return vector(12, ...(isPlain ? new Array<number>(16).fill(0) : bytes))
  }

  #structured(type: FloatType, next: (of: number) => Code): Code {
    const unary = this.#numbers.pick(ops.unary[type])
    const through = u32(this.#builder.type([type], [type]))
    switch (this.#numbers.below(9)) {
      case 0:
        return [next(type), next(type), next(I32), this.#numbers.chance(2) && type !== V128 ? 0x1b : [0x1c, 1, type]]
      case 1:
        return [next(I32), 0x04, type, next(type), 0x05, next(type), 0x0b]
      case 2:
        return [next(type), op.tee(this.#local(type))]
      case 3:
        return [0x02, type, next(type), next(I32), op.brIf(0), unary, 0x0b]
      case 4:
        // The value goes through an `if` that may leave it as it is.
        return [next(type), next(I32), 0x04, through, unary, 0x0b]
      case 5:
        return this.#carryingLoop(type, next, unary)
      case 6:
        // What follows the branch is never reached and takes its operands from nowhere.
        return [0x02, type, next(type), op.br(0), this.#numbers.pick(ops.binary[type]), unary, 0x0b]
      case 7:
        return [0x02, type, 0x02, type, next(type), next(I32), 0x0e, 2, 0, 1, 0, 0x0b, unary, 0x0b]
      default:
        return this.#call(type, next)
    }
  }

  #carryingLoop(type: FloatType, next: (of: number) => Code, unary: readonly number[]): Code {
    if (this.#loops >= 2) return [next(type), unary]
    const initial = next(type)
    const counter = this.#scope.firstLocal + I32_AT + this.#loops++
    const other = next(type)
    this.#loops--
    const step = [other, this.#numbers.pick(ops.binary[type])]
    const through = u32(this.#builder.type([type], [type]))
    return [initial, op.i32(1 + this.#numbers.below(3)), op.set(counter), 0x03, through, step, countDown(counter), 0x0b]
  }

  #call(type: FloatType, next: (of: number) => Code): Code {
    const { callable } = this.#scope
    const candidates = between(0, callable - 1).filter((index) => this.#helpers[index] === type)
    if (candidates.length === 0 || this.#loops > 1) return op.get(this.#local(type))
    return [next(F32), next(F64), next(V128), next(I32), op.call(this.#numbers.pick(candidates))]
  }

  /** A value of this type from one of another. */
  #converted(type: FloatType, next: (of: number) => Code): Code {
    const { below, pick } = {
      below: (n: number) => this.#numbers.below(n),
      pick: this.#numbers.pick.bind(this.#numbers),
    }
    if (type === F32)
      return pick([
        () => [next(F64), 0xb6],
        () => [next(I32), pick([0xb2, 0xb3, 0xbe])],
        () => [next(I64), pick([0xb4, 0xb5])],
        () => [next(V128), vector(31, below(4))],
      ])()
    if (type === F64)
      return pick([
        () => [next(F32), 0xbb],
        () => [next(I32), pick([0xb7, 0xb8])],
        () => [next(I64), pick([0xb9, 0xba, 0xbf])],
        () => [next(V128), vector(33, below(2))],
      ])()
    return pick([
      () => [next(F32), vector(19)],
      () => [next(F64), vector(20)],
      () => [next(I32), vector(17)],
      () => [next(I64), vector(18)],
      () => [next(V128), next(F32), vector(32, below(4))],
      () => [next(V128), next(F64), vector(34, below(2))],
      () => [next(V128), next(I32), vector(28, below(4))],
      () => [next(V128), next(V128), next(V128), vector(82)],
      () => [next(V128), next(V128), vector(13, ...this.#lanes())],
      () => [op.i32(NUMBERS_AT + 8 * below(30)), next(V128), vector(86, 0, 0, below(4))],
      () => [next(V128), next(I32), vector(171)],
    ])()
  }

  /** The lanes of a shuffle: whole ones of 64 or 32 bits, or bytes at will. */
  #lanes(): number[] {
    const size = this.#numbers.pick([1, 4, 8])
    return between(0, 16 / size - 1).flatMap(() => {
      const lane = this.#numbers.below(32 / size)
      return between(lane * size, lane * size + size - 1)
    })
  }

  #integer(depth: number): Code {
    const next = (of: number): Code => this.#expression(of, depth - 1)
    if (depth <= 0) return op.i32(this.#numbers.below(3))
    switch (this.#numbers.below(9)) {
      case 0:
        return [next(F32), next(F32), 0x5b + this.#numbers.below(6)]
      case 1:
        return [next(F64), next(F64), 0x61 + this.#numbers.below(6)]
      case 2:
        return [next(F32), 0xfc, this.#numbers.below(2)]
      case 3:
        return [next(F64), 0xfc, 2 + this.#numbers.below(2)]
      case 4:
        return [next(F32), 0xbc]
      case 5:
        return [
          next(V128),
          this.#numbers.pick([vector(83), vector(27, this.#numbers.below(4)), vector(163), vector(164)]),
        ]
      case 6:
        return [next(I64), 0xa7]
      case 7:
        return this.#truncated(next)
      default:
        return op.i32(this.#numbers.below(1 << 30))
    }
  }

  /** Truncation traps on NaN and on large numbers; of half an integer it does not. */
  #truncated(next: (of: number) => Code): Code {
    return this.#numbers.pick([
      [next(I32), 0xb7, [0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f], 0xa2, 0xaa],
      [next(I32), 0xb2, [0x43, 0, 0, 0, 0x3f], 0x94, 0xa8],
      [next(F64), 0xaa],
    ])
  }

  #integer64(depth: number): Code {
    const next = (of: number): Code => this.#expression(of, depth - 1)
    if (depth <= 0) return op.i64(this.#numbers.below(1 << 30))
    switch (this.#numbers.below(5)) {
      case 0:
        return [next(F64), 0xbd]
      case 1:
        return [next(F32), 0xfc, 4 + this.#numbers.below(2)]
      case 2:
        return [next(F64), 0xfc, 6 + this.#numbers.below(2)]
      case 3:
        return [next(V128), vector(29, this.#numbers.below(2))]
      default:
        return [next(I32), 0xac]
    }
  }
}

/** Declared locals of every function: three of each float type, then counters. */
const LOCALS: readonly (readonly [number, number])[] = [
  [3, F32],
  [3, F64],
  [3, V128],
  [3, I32],
]
const I32_AT = 9

function loadOf(type: FloatType): Code {
  if (type === V128) return vector(0, 0, 0)
  return [type === F32 ? 0x2a : 0x2b, 0, 0]
}

function countDown(counter: number): Code {
  return [op.get(counter), op.i32(1), 0x6b, op.tee(counter), op.brIf(0)]
}
