import type { ByteWriter } from '../binary/byte-writer.ts'
import { Op } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'

/** Operations of the code that the transformer adds. */
export const Added = {
  i32LessSigned: 0x48,
  i32LessUnsigned: 0x49,
  i32Equal: 0x46,
  i32GreaterUnsigned: 0x4b,
  i32LessEqualUnsigned: 0x4d,
  i32Add: 0x6a,
  i32Subtract: 0x6b,
  i32Multiply: 0x6c,
  i32DivideUnsigned: 0x6e,
  i32And: 0x71,
  i32ShiftRightUnsigned: 0x76,
  i64LessSigned: 0x53,
  i64GreaterUnsigned: 0x56,
  i64Add: 0x7c,
  i64Subtract: 0x7d,
  i64Multiply: 0x7e,
  i64ShiftLeft: 0x86,
  i64ShiftRightUnsigned: 0x88,
  i64FromI32Unsigned: 0xad,
  emptyBlock: 0x40,
  select: 0x1b,
} as const

/** Export names of what the transformer adds; a guest's own exports are kept only when they belong to its interface. */
export const addedExports = {
  fuel: 'stead:fuel',
  stack: 'stead:stack',
  pagesMax: 'stead:pages-max',
  growth: 'stead:growth',
  start: 'stead:start',
} as const

/** The import by which an instance is given its memory. */
export const memoryImport = { module: 'stead', name: 'memory' } as const

/** Value of the growth global after the host failed to give memory that the guest was entitled to. */
export const GROWTH_HOST_FAILED = -1

/** Indices of the globals that the transformer adds behind the module's own, which guest code cannot name. */
export interface GuestGlobals {
  /** i64: fuel left; below zero once the guest used more than it had. */
  readonly fuel: number
  /** i32: bytes of the stack budget left; below zero once a function did not fit. */
  readonly stack: number
  /** i32: pages that memory may grow to in this call. */
  readonly pagesMax: number
  /** i32: 0, pages wanted by the last growth when this call's limit refused it, or GROWTH_HOST_FAILED. */
  readonly growth: number
  readonly count: number
}

/** Assigns the indices. @param globalCount globals of the original module */
export function guestGlobals(globalCount: number): GuestGlobals {
  return { fuel: globalCount, stack: globalCount + 1, pagesMax: globalCount + 2, growth: globalCount + 3, count: 4 }
}

/** Writes the entries of the global section, in index order. */
export function writeGuestGlobals(writer: ByteWriter): void {
  writer.raw(ValueType.i64, 1, Op.i64Const, 0, Op.end)
  for (let index = 0; index < 3; index++) writer.raw(ValueType.i32, 1, Op.i32Const, 0, Op.end)
}

/** Writes `global.get index`. */
export function writeGet(writer: ByteWriter, index: number): void {
  writer.u8(Op.globalGet)
  writer.u32(index)
}

/** Writes `global.set index`. */
export function writeSet(writer: ByteWriter, index: number): void {
  writer.u8(Op.globalSet)
  writer.u32(index)
}

/** Writes a trap that is taken when the fuel counter is below zero. */
export function writeFuelCheck(writer: ByteWriter, globals: GuestGlobals): void {
  writeGet(writer, globals.fuel)
  writer.raw(Op.i64Const, 0, Added.i64LessSigned, Op.if, Added.emptyBlock, Op.unreachable, Op.end)
}
