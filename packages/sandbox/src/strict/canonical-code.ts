import type { ByteWriter } from '../binary/byte-writer.ts'
import { Op } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'
import { Shape } from './float-operations.ts'

/** Value type byte of each {@link Shape}. */
const valueTypes: readonly number[] = [0, ValueType.f32, ValueType.f64, ValueType.v128, ValueType.v128]

const EMPTY_BLOCK_BYTE = 0x40
const SELECT = 0x1b
const vectorOp = (code: number): readonly number[] => (code < 0x80 ? [0xfd, code] : [0xfd, (code & 0x7f) | 0x80, 1])
const BITSELECT = vectorOp(82)

/** The canonical NaN of each shape with the operation that pushes it. */
const nanCode: readonly (readonly number[])[] = [
  [],
  [0x43, 0x00, 0x00, 0xc0, 0x7f],
  [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
  [...vectorOp(12), ...Array.from({ length: 4 }, () => [0x00, 0x00, 0xc0, 0x7f]).flat()],
  [...vectorOp(12), ...Array.from({ length: 2 }, () => [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]).flat()],
]

/**
 * A comparison of a value with itself that is false for NaN alone: for scalars `le`, which takes V8 one jump on x86-64
 * where `eq` takes two; for vectors `eq`.
 */
const isNumber: readonly (readonly number[])[] = [[], [0x5f], [0x65], vectorOp(65), vectorOp(71)]

/** For vectors: a comparison that is true for NaN alone, and whether any lane says so (`bitmask`, cheaper than `any_true`). */
const hasNan: readonly (readonly number[])[] = [
  [],
  [],
  [],
  [...vectorOp(66), ...vectorOp(164)],
  [...vectorOp(72), ...vectorOp(196)],
]

/** The locals that canonicalisations of one function use, one for each value type, appended when first wanted. */
export class ScratchLocals {
  readonly #byType: Map<number, number> = new Map()
  #next = 0

  /** @param firstFree index of the first local that the function does not have */
  reset(firstFree: number): void {
    this.#byType.clear()
    this.#next = firstFree
  }

  /** Value types of the locals to append, in index order. */
  get types(): Iterable<number> {
    return this.#byType.keys()
  }

  get count(): number {
    return this.#byType.size
  }

  /** The local for values of this shape. */
  of(shape: number): number {
    const type = valueTypes[shape] as number
    const known = this.#byType.get(type)
    if (known !== undefined) return known
    this.#byType.set(type, this.#next)
    return this.#next++
  }
}

/**
 * Writes code that replaces the value on the stack, or each of its lanes, by the canonical NaN when it is NaN. Vectors
 * are looked at first and changed only when there is something to change: a jump that is never taken costs less than
 * the change (measured: 1.45 instead of 2.0 times the time of a matrix product).
 */
export function writeCanonical(out: ByteWriter, shape: number, scratch: number): void {
  const nan = nanCode[shape] as readonly number[]
  const compare = isNumber[shape] as readonly number[]
  if (shape === Shape.f32 || shape === Shape.f64) {
    writeLocal(out, Op.localTee, scratch)
    out.raw(...nan)
    writeLocal(out, Op.localGet, scratch, scratch)
    out.raw(...compare, SELECT)
    return
  }
  writeLocal(out, Op.localSet, scratch)
  writeLocal(out, Op.localGet, scratch, scratch)
  out.raw(...(hasNan[shape] as readonly number[]), Op.if, EMPTY_BLOCK_BYTE)
  writeLocal(out, Op.localGet, scratch)
  out.raw(...nan)
  writeLocal(out, Op.localGet, scratch, scratch)
  out.raw(...compare, ...BITSELECT)
  writeLocal(out, Op.localSet, scratch)
  out.u8(Op.end)
  writeLocal(out, Op.localGet, scratch)
}

function writeLocal(out: ByteWriter, operation: number, ...locals: readonly number[]): void {
  for (const local of locals) {
    out.u8(operation)
    out.u32(local)
  }
}
