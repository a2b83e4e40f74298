import type { ByteWriter } from '../binary/byte-writer.ts'
import { Op } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'
import { Shape } from './float-operations.ts'

/** Value type byte of each {@link Shape}. */
const valueTypes: readonly number[] = [0, ValueType.f32, ValueType.f64, ValueType.v128, ValueType.v128]

const SELECT = 0x1b
const VECTOR_PREFIX = 0xfd

/** The canonical NaN of each shape with the operation that pushes it. */
const nanCode: readonly (readonly number[])[] = [
  [],
  [0x43, 0x00, 0x00, 0xc0, 0x7f],
  [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
  [VECTOR_PREFIX, 12, ...Array.from({ length: 4 }, () => [0x00, 0x00, 0xc0, 0x7f]).flat()],
  [VECTOR_PREFIX, 12, ...Array.from({ length: 2 }, () => [0, 0, 0, 0, 0, 0, 0xf8, 0x7f]).flat()],
]

/** Equality of a value with itself, which is false for NaN alone, and the choice that follows it. */
const choiceCode: readonly (readonly number[])[] = [
  [],
  [0x5b, SELECT],
  [0x61, SELECT],
  [VECTOR_PREFIX, 65, VECTOR_PREFIX, 82],
  [VECTOR_PREFIX, 71, VECTOR_PREFIX, 82],
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

  of(shape: number): number {
    const type = valueTypes[shape] as number
    const known = this.#byType.get(type)
    if (known !== undefined) return known
    this.#byType.set(type, this.#next)
    return this.#next++
  }
}

/** Writes code that replaces the value on the stack, or each of its lanes, by the canonical NaN when it is NaN. */
export function writeCanonical(out: ByteWriter, shape: number, scratch: number): void {
  out.u8(Op.localTee)
  out.u32(scratch)
  out.raw(...(nanCode[shape] as readonly number[]))
  for (let copy = 0; copy < 2; copy++) {
    out.u8(Op.localGet)
    out.u32(scratch)
  }
  out.raw(...(choiceCode[shape] as readonly number[]))
}
