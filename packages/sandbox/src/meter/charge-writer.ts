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

  /**
   * Charges all passes of a counted loop before it begins. With step = ±odd * 2^k they are
   * ((distance >> k) * inverse(odd) - 1) mod 2^(32 - k) + 1; a distance that 2^k does not divide is never covered.
   */
  chargePasses(loop: CountedLoop): void {
    const out = this.#out
    const size = Math.abs(loop.step)
    const shift = 31 - Math.clz32(size & -size)
    const inverse = inverseOf(size >>> shift)
    if (shift > 0) {
      this.#distance(loop)
      this.#constant(2 ** shift - 1)
      out.raw(Added.i32And, Op.if, Added.emptyBlock, Op.i64Const)
      out.s64(NEVER_ENOUGH)
      writeSet(out, this.#globals.fuel)
      out.raw(Op.unreachable, Op.end)
    }
    this.#readCounter()
    this.#distance(loop)
    if (shift > 0) {
      this.#constant(shift)
      out.u8(Added.i32ShiftRightUnsigned)
    }
    if (inverse !== 1) {
      this.#constant(inverse)
      out.u8(Added.i32Multiply)
    }
    this.#constant(1)
    out.u8(Added.i32Subtract)
    if (shift > 0) {
      this.#constant(2 ** (32 - shift) - 1)
      out.u8(Added.i32And)
    }
    out.raw(Added.i64FromI32Unsigned, Op.i64Const, 1, Added.i64Add, Op.i64Const)
    out.s64(BigInt(loop.unitsPerPass))
    out.raw(Added.i64Multiply, Added.i64Subtract)
    this.#writeCounter()
    this.#check()
  }

  /** Pushes how far the counting local is from its limit, in the direction of its steps. */
  #distance(loop: CountedLoop): void {
    const limit = (): void => {
      if (loop.limit.kind === 'constant') this.#constant(loop.limit.value)
      else this.#get(loop.limit.local)
    }
    if (loop.step > 0) {
      limit()
      this.#get(loop.local)
    } else {
      this.#get(loop.local)
      limit()
    }
    this.#out.u8(Added.i32Subtract)
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

/** Inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the bits that are right. */
function inverseOf(odd: number): number {
  let inverse = odd
  for (let step = 0; step < 5; step++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse))
  return inverse | 0
}
