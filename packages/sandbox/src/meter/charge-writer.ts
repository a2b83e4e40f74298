import type { ByteWriter } from '../binary/byte-writer.ts'
import { Op } from '../binary/opcodes.ts'
import type { CountedLoop } from './counted-loops.ts'
import { Added, type GuestGlobals, writeGet, writeSet } from './guest-globals.ts'

/** Fuel that is left after a loop that can never end was met: less than any limit allows. */
const NEVER_ENOUGH = -(2n ** 62n)

/**
 * Writes the instructions that charge. The counter is a global, which is right at any trap; a function with loops also
 * keeps it in a local, so that charging needs no read of memory, and reads it again after whatever may have changed it.
 */
export class ChargeWriter {
  readonly #out: ByteWriter
  readonly #globals: GuestGlobals
  #local: number | undefined

  constructor(out: ByteWriter, globals: GuestGlobals) {
    this.#out = out
    this.#globals = globals
  }

  /** Begins a function. @param local an i64 local for the counter; undefined to use the global alone */
  begin(local: number | undefined): void {
    this.#local = local
    this.reload()
  }

  /** Brings the local up to date after a call. */
  reload(): void {
    if (this.#local === undefined) return
    writeGet(this.#out, this.#globals.fuel)
    this.#out.u8(Op.localSet)
    this.#out.u32(this.#local)
  }

  /** Charges a constant and traps when `isChecked` and no fuel is left. Neutral to the operand stack. */
  charge(units: number, isChecked: boolean): void {
    if (units !== 0) {
      this.#readCounter()
      this.#out.u8(Op.i64Const)
      this.#out.s64(BigInt(units))
      this.#out.u8(Added.i64Subtract)
      this.#writeCounter()
    }
    if (isChecked) this.#check()
  }

  /** Charges all passes of a counted loop before it begins. */
  chargePasses(loop: CountedLoop): void {
    const out = this.#out
    if (loop.comparison === 'not-equal') this.#trapIfEndless(loop)
    this.#readCounter()
    if (loop.comparison === 'not-equal') this.#stepsToLimit(loop)
    else this.#stepsBeyondLimit(loop)
    out.raw(Added.i64FromI32Unsigned, Op.i64Const, 1, Added.i64Add, Op.i64Const)
    out.s64(BigInt(loop.unitsPerPass + loop.unitsBetween))
    out.u8(Added.i64Multiply)
    if (loop.unitsBetween > 0) {
      out.u8(Op.i64Const)
      out.s64(BigInt(loop.unitsBetween))
      out.u8(Added.i64Subtract)
    }
    out.u8(Added.i64Subtract)
    this.#writeCounter()
    this.#check()
  }

  /** With step = ±odd * 2^k, a distance that 2^k does not divide is never covered. */
  #trapIfEndless(loop: CountedLoop): void {
    const shift = evenness(loop.step)
    if (shift === 0) return
    this.#distance(loop)
    this.#constant(2 ** shift - 1)
    this.#out.raw(Added.i32And, Op.if, Added.emptyBlock, Op.i64Const)
    this.#out.s64(NEVER_ENOUGH)
    writeSet(this.#out, this.#globals.fuel)
    this.#out.raw(Op.unreachable, Op.end)
  }

  /**
   * Pushes the passes but one of a loop that ends at its limit: the steps to it, (distance >> k) * inverse(odd) modulo
   * 2^(32 - k), less one when the first step comes before the first comparison.
   */
  #stepsToLimit(loop: CountedLoop): void {
    const out = this.#out
    const shift = evenness(loop.step)
    const inverse = inverseOf(Math.abs(loop.step) >>> shift)
    this.#distance(loop)
    if (shift > 0) {
      this.#constant(shift)
      out.u8(Added.i32ShiftRightUnsigned)
    }
    if (inverse !== 1) {
      this.#constant(inverse)
      out.u8(Added.i32Multiply)
    }
    if (loop.stepsFirst) {
      this.#constant(1)
      out.u8(Added.i32Subtract)
    }
    if (shift > 0) {
      this.#constant(2 ** (32 - shift) - 1)
      out.u8(Added.i32And)
    }
  }

  /**
   * Pushes the passes but one of a loop that goes on below or above its limit: none when it is not there at the first
   * comparison, or (distance - 1) / step + 1, because no step leads round (see loop-reader.ts).
   */
  #stepsBeyondLimit(loop: CountedLoop): void {
    const out = this.#out
    const isLess = loop.comparison === 'less'
    const first = (): void => {
      this.#get(loop.local)
      if (!loop.stepsFirst) return
      this.#constant(loop.step)
      out.u8(Added.i32Add)
    }
    const limit = (): void => this.#limit(loop)
    const [high, low] = isLess ? [limit, first] : [first, limit]
    high()
    low()
    out.u8(Added.i32Subtract)
    this.#constant(1)
    out.u8(Added.i32Subtract)
    const size = Math.abs(loop.step)
    if (size > 1) {
      this.#constant(size)
      out.u8(Added.i32DivideUnsigned)
    }
    this.#constant(1)
    out.u8(Added.i32Add)
    this.#constant(0)
    low()
    high()
    out.raw(loop.isSigned ? Added.i32LessSigned : Added.i32LessUnsigned, Added.select)
  }

  /** Pushes how far the counting local is from its limit, in the direction of its steps. */
  #distance(loop: CountedLoop): void {
    if (loop.step > 0) {
      this.#limit(loop)
      this.#get(loop.local)
    } else {
      this.#get(loop.local)
      this.#limit(loop)
    }
    this.#out.u8(Added.i32Subtract)
  }

  #limit({ limit }: CountedLoop): void {
    if (limit.kind === 'constant') this.#constant(limit.value)
    else this.#get(limit.local)
  }

  #constant(value: number): void {
    this.#out.u8(Op.i32Const)
    this.#out.s32(value)
  }

  #get(local: number): void {
    this.#out.u8(Op.localGet)
    this.#out.u32(local)
  }

  #readCounter(): void {
    if (this.#local === undefined) writeGet(this.#out, this.#globals.fuel)
    else this.#get(this.#local)
  }

  #writeCounter(): void {
    if (this.#local !== undefined) {
      this.#out.u8(Op.localTee)
      this.#out.u32(this.#local)
    }
    writeSet(this.#out, this.#globals.fuel)
  }

  #check(): void {
    this.#readCounter()
    this.#out.raw(Op.i64Const, 0, Added.i64LessSigned, Op.if, Added.emptyBlock, Op.unreachable, Op.end)
  }
}

/** How often two divides a step. */
function evenness(step: number): number {
  const size = Math.abs(step)
  return 31 - Math.clz32(size & -size)
}

/** Inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the bits that are right. */
function inverseOf(odd: number): number {
  let inverse = odd
  for (let step = 0; step < 5; step++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse))
  return inverse | 0
}
