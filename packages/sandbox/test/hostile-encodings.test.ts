import { afterEach, describe, expect, test, vi } from 'vitest'
import { ByteReader } from '../src/binary/byte-reader.ts'
import { SandboxError } from '../src/errors.ts'
import { prepareModule } from '../src/prepare.ts'
import { webAssembly } from '../src/webassembly.ts'
import { compileAssemblyScript, compileC } from './compilers.ts'
import { I32, I64, ModuleBuilder, op, u32 } from './module-builder.ts'
import { randomProgram } from './random-program.ts'

const V128 = 0x7b
const CODE_SECTION = 10

/** The code of a refusal, or undefined for a module that is accepted. Everything but a SandboxError is thrown on. */
function refusalOf(bytes: Uint8Array): SandboxError | undefined {
  try {
    prepareModule(bytes)
    return undefined
  } catch (error) {
    if (error instanceof SandboxError) return error
    throw error
  }
}

/** A module with every kind of number that the binary format has, each in its shortest form. */
function moduleOfNumbers(): Uint8Array {
  const builder = new ModuleBuilder()
  builder.importFunction('env', 'abort', [I32, I32, I32, I32], [])
  const pair = builder.type([], [I32, I32])
  const nothing = builder.type([], [])
  const zeros = [op.i32(0), op.i32(0), op.i32(0)]
  builder
    .memory(1, 20)
    .table(4, 30)
    .global(I32, true, ...op.i32(7))
    .global(I64, true, ...op.i64(-7))
    .global(0x70, false, 0xd2, 1)
    .global(V128, true, 0xfd, 12, ...new Array(16).fill(1))
    .elements(0, 1, 1)
    .passiveElements(1, 1)
    .data(5, [1, 2])
    .passiveData([3, 4])
  const index = builder.function({
    locals: [
      [2, I32],
      [1, I64],
    ],
    body: [
      [op.block(op.br(0)), op.loop(op.i32(0), op.brIf(0)), op.block(op.i32(0), 0x0e, 1, 0, 0)],
      [0x02, ...u32(pair), op.i32(-1), op.i32(2), 0x0b, 0x1a, 0x1a, 0x02, I32, op.i32(4), 0x0b, 0x1a],
      [op.i64(-5), 0x1a, op.get(0), op.set(1), op.get(0), op.tee(1), 0x1a, 0x23, 0, 0x24, 0],
      [op.i32(0), 0x28, 2, 4, 0x1a, op.i32(0), op.i32(0), 0x36, 2, 4, 0x3f, 0, 0x1a, op.i32(0), 0x40, 0, 0x1a],
      [zeros, 0xfc, 8, 0, 0, 0xfc, 9, 0, zeros, 0xfc, 10, 0, 0, zeros, 0xfc, 11, 0],
      [zeros, 0xfc, 12, 0, 0, 0xfc, 13, 0, zeros, 0xfc, 14, 0, 0],
      [0xd0, 0x70, op.i32(0), 0xfc, 15, 0, 0x1a, 0xfc, 16, 0, 0x1a, op.i32(0), 0xd0, 0x70, op.i32(0), 0xfc, 17, 0],
      [op.i32(0), 0x25, 0, 0x1a, 0xd2, 1, 0x1a, op.i32(0), 0xd0, 0x70, 0x26, 0],
      [0xd0, 0x70, 0xd0, 0x70, op.i32(0), 0x1c, 1, 0x70, 0x1a],
      [op.i32(0), 0xfd, 0, 4, 4, 0x1a, op.i32(0), op.i32(0), 0xfd, 17, 0xfd, 84, 0, 0, 0, 0x1a],
      [op.i32(0), 0xfd, 0x5c, 0, 0, 0x1a],
    ],
  })
  return builder.steadFunction([op.call(index), op.i32(0), 0x11, ...u32(nothing), 0, op.i64(0)]).build()
}

interface EncodedNumber {
  readonly at: number
  readonly length: number
  readonly isSigned: boolean
}

/** Where the reader found numbers in LEB128. */
function numbersOf(bytes: Uint8Array): EncodedNumber[] {
  const found = new Map<number, EncodedNumber>()
  for (const method of ['u32', 's32', 's33', 'skipS64'] as const) {
    const original = ByteReader.prototype[method] as (this: ByteReader) => number
    vi.spyOn(ByteReader.prototype, method).mockImplementation(function (this: ByteReader) {
      const at = this.offset
      const value = original.call(this)
      found.set(at, { at, length: this.offset - at, isSigned: method !== 'u32' })
      return value
    } as typeof original)
  }
  prepareModule(bytes)
  vi.restoreAllMocks()
  return [...found.values()]
}

/** The module with one number in a longer form of `width` bytes, and the sizes around it put right. */
function widened(bytes: Uint8Array, { at, length, isSigned }: EncodedNumber, width: number): Uint8Array {
  const last = bytes[at + length - 1] as number
  const isNegative = isSigned && (last & 0x40) !== 0
  const fill = new Array(width - length - 1).fill(isNegative ? 0xff : 0x80)
  const longer = [...bytes.subarray(at, at + length - 1), last | 0x80, ...fill, isNegative ? 0x7f : 0]
  const copy = (from: number, to: number): number[] =>
    at >= from && at < to
      ? [...bytes.subarray(from, at), ...longer, ...bytes.subarray(at + length, to)]
      : [...bytes.subarray(from, to)]
  const size = (position: number, content: readonly number[]): number[] =>
    position === at ? longer : u32(content.length)
  const result = [...bytes.subarray(0, 8)]
  const reader = new ByteReader(bytes, 8)
  while (reader.offset < bytes.length) {
    const id = reader.u8()
    const sizeAt = reader.offset
    const end = reader.u32() + reader.offset
    const content = id === CODE_SECTION ? widenedBodies(reader, { copy, size }) : copy(reader.offset, end)
    result.push(id, ...size(sizeAt, content), ...content)
    reader.offset = end
  }
  return Uint8Array.from(result)
}

interface Widening {
  readonly copy: (from: number, to: number) => number[]
  readonly size: (position: number, content: readonly number[]) => number[]
}

function widenedBodies(reader: ByteReader, { copy, size }: Widening): number[] {
  const start = reader.offset
  const count = reader.u32()
  const content = copy(start, reader.offset)
  for (let index = 0; index < count; index++) {
    const sizeAt = reader.offset
    const end = reader.u32() + reader.offset
    const body = copy(reader.offset, end)
    content.push(...size(sizeAt, body), ...body)
    reader.offset = end
  }
  return content
}

describe('numbers in longer forms than needed', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })
  const whole = moduleOfNumbers()
  const numbers = numbersOf(whole)

  test('the module under test has all kinds of them', () => {
    expect(webAssembly.validate(whole)).toBe(true)
    expect(numbers.length).toBeGreaterThan(150)
    for (const width of [1, 2]) expect(numbers.some(({ length }) => length === width)).toBe(true)
  })

  test.each([2, 3, 4, 5, 6, 7, 9, 10, 11, 12])('of %i bytes get the engine’s verdict at every place', (width) => {
    for (const number of numbers.filter(({ length }) => length < width)) {
      const bytes = widened(whole, number, width)
      const refusal = refusalOf(bytes)
      const isValid = webAssembly.validate(bytes)
      // Engines with 64-bit memories read all memory offsets as 64 bits; here that is refused by the feature's name.
      if (refusal?.details.feature === 'memory64') expect(width).toBeGreaterThan(5)
      else expect([number.at, refusal?.code]).toEqual([number.at, isValid ? undefined : 'SANDBOX_MALFORMED'])
      if (width <= 5 && !isValid) expect(refusal?.message).toMatch(/block type|Compiling function/)
    }
  })
})

describe('a module that is cut short', () => {
  /** Every cut of the bytes from `from` on is refused for being cut, unless the engine takes it for whole. */
  function expectCutsRefused(whole: Uint8Array, step: number): void {
    expect(refusalOf(whole)).toBeUndefined()
    for (let length = 0; length < whole.length; length += step) {
      const cut = whole.subarray(0, length)
      const isWhole = webAssembly.validate(cut)
      // Cut between two sections it can be a module still, but has no entry.
      const expected = isWhole ? ['SANDBOX_NO_ENTRY', undefined] : ['SANDBOX_MALFORMED']
      expect(expected).toContain(refusalOf(cut)?.code)
    }
  }

  test('at any byte is refused: numbers of all kinds', () => expectCutsRefused(moduleOfNumbers(), 1))

  test.each([7, 8, 9])('at any byte is refused: generated program %i', (seed) =>
    expectCutsRefused(randomProgram(seed), 1),
  )

  test('at any byte is refused: AssemblyScript', async () =>
    expectCutsRefused(await compileAssemblyScript('periods.as'), 1))

  const command = compileC('tool.c')
  if (command === undefined)
    process.stderr.write('\n*** CUTS OF A C PROGRAM ARE NOT TESTED: clang with wasi-libc is missing\n')

  test.runIf(command !== undefined)('at any of 4,000 places is refused: C', () => {
    const whole = command ?? new Uint8Array()
    expectCutsRefused(whole, Math.ceil(whole.length / 4000))
  })
})
