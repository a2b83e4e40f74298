import { ByteWriter } from '../binary/byte-writer.ts'
import type { ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { amountCosts } from '../cost-table.ts'
import { ValueType } from '../whitelist.ts'
import { Added, GROWTH_HOST_FAILED, type GuestGlobals, writeFuelCheck, writeGet, writeSet } from './guest-globals.ts'

/** Appends function types to a module. */
export interface TypeRegistry {
  /** Index of the type with these parameters and results, added when it is new. */
  indexOf(parameters: readonly number[], results: readonly number[]): number
}

interface Helper {
  readonly typeIndex: number
  readonly body: Uint8Array
}

/**
 * Operations whose work depends on a run-time amount are moved into small functions of the module: they charge for the
 * amount first, and the call gives V8 a point at which a worker can be terminated (a loop of inlined 1 GiB fills cannot).
 */
export class BulkFunctions {
  readonly #view: ModuleView
  readonly #globals: GuestGlobals
  readonly #types: TypeRegistry
  readonly #firstIndex: number
  readonly #indices = new Map<string, number>()
  readonly #helpers: Helper[] = []

  constructor(components: { readonly view: ModuleView; readonly globals: GuestGlobals; readonly types: TypeRegistry }) {
    this.#view = components.view
    this.#globals = components.globals
    this.#types = components.types
    this.#firstIndex = components.view.functionTypes.length
  }

  /** The helpers made so far; their function indices follow the module's own in this order. */
  get helpers(): readonly Helper[] {
    return this.#helpers
  }

  /** True for an operation that must become a call of {@link functionFor}. */
  static replaces(operation: number): boolean {
    return (
      operation === Op.memoryGrow ||
      (operation >= Op.memoryInit && operation <= Op.tableFill && !inlineOperations.has(operation))
    )
  }

  /** Function index of the helper for an operation with these immediates. */
  functionFor(operation: number, first: number, second: number): number {
    const key = `${operation}:${first}:${second}`
    const known = this.#indices.get(key)
    if (known !== undefined) return known
    // Building one can add others before it.
    const helper = this.#build(operation, first, second)
    const index = this.#firstIndex + this.#helpers.length
    this.#helpers.push(helper)
    this.#indices.set(key, index)
    return index
  }

  #build(operation: number, first: number, second: number): Helper {
    const { i32 } = ValueType
    switch (operation) {
      case Op.memoryGrow:
        return this.#growMemory()
      case Op.memoryFill:
        return this.#fillMemory()
      case Op.memoryCopy:
        return this.#copyMemory()
      case Op.memoryInit:
        return this.#threeOperands(i32, this.#chargeBytes, [0xfc, 8, ...leb(first), 0])
      case Op.tableInit:
        return this.#threeOperands(i32, this.#chargeEntries, [0xfc, 12, ...leb(first), ...leb(second)])
      case Op.tableCopy:
        return this.#threeOperands(i32, this.#chargeEntries, [0xfc, 14, ...leb(first), ...leb(second)])
      case Op.tableFill:
        return this.#threeOperands(this.#referenceType(first), this.#chargeEntries, [0xfc, 17, ...leb(first)])
      default:
        return this.#growTable(first)
    }
  }

  #referenceType(tableIndex: number): number {
    return this.#view.tables[tableIndex]?.referenceType ?? ValueType.funcref
  }

  /** (i32, middle, i32 amount) -> () */
  #threeOperands(middle: number, charge: (body: ByteWriter, local: number) => void, operation: number[]): Helper {
    const { i32 } = ValueType
    const body = new ByteWriter(64)
    body.u32(0)
    charge.call(this, body, 2)
    writeFuelCheck(body, this.#globals)
    body.raw(Op.localGet, 0, Op.localGet, 1, Op.localGet, 2, ...operation, Op.end)
    return { typeIndex: this.#types.indexOf([i32, middle, i32], []), body: body.view() }
  }

  /** (i32 to, i32 value, i32 length) -> (), piece by piece: one fill of gigabytes could not be interrupted. */
  #fillMemory(): Helper {
    const { i32 } = ValueType
    const body = this.#chargedBytes()
    writeAtOnceIfSmall(body, [0xfc, 11, 0])
    const fill = this.#pieceCall([0xfc, 11, 0])
    writeIfOutside(body, 0, fill)
    writePieces(body, () => {
      body.raw(Op.localGet, 0, Op.localGet, 1, ...PIECE, ...fill)
      writeAdvance(body, 0)
    })
    body.raw(Op.localGet, 0, Op.localGet, 1, Op.localGet, 2, ...fill, Op.end)
    return { typeIndex: this.#types.indexOf([i32, i32, i32], []), body: body.view() }
  }

  /** (i32 to, i32 from, i32 length) -> (), piece by piece; from the end when the target lies behind the source. */
  #copyMemory(): Helper {
    const { i32 } = ValueType
    const body = this.#chargedBytes()
    writeAtOnceIfSmall(body, [0xfc, 10, 0, 0])
    const copy = this.#pieceCall([0xfc, 10, 0, 0])
    writeIfOutside(body, 0, copy)
    writeIfOutside(body, 1, copy)
    body.raw(Op.localGet, 0, Op.localGet, 1, Added.i32LessEqualUnsigned, Op.if, Added.emptyBlock)
    writePieces(body, () => {
      body.raw(Op.localGet, 0, Op.localGet, 1, ...PIECE, ...copy)
      writeAdvance(body, 0)
      writeAdvance(body, 1)
    })
    body.u8(Op.else)
    writePieces(body, () => {
      for (const local of [0, 1])
        body.raw(Op.localGet, local, Op.localGet, 2, Added.i32Add, ...PIECE, Added.i32Subtract)
      body.raw(...PIECE, ...copy)
    })
    body.raw(Op.end, Op.localGet, 0, Op.localGet, 1, Op.localGet, 2, ...copy, Op.end)
    return { typeIndex: this.#types.indexOf([i32, i32, i32], []), body: body.view() }
  }

  /**
   * A call of a function that does just this operation. V8's baseline compiler looks for an interrupt where a function
   * begins, but in a loop only after many bytes of code have run, however long they took.
   */
  #pieceCall(operation: readonly number[]): number[] {
    const { i32 } = ValueType
    const body = new ByteWriter(32)
    body.raw(0, Op.localGet, 0, Op.localGet, 1, Op.localGet, 2, ...operation, Op.end)
    this.#helpers.push({ typeIndex: this.#types.indexOf([i32, i32, i32], []), body: body.view() })
    return [Op.call, ...leb(this.#firstIndex + this.#helpers.length - 1)]
  }

  /** A body that has paid for the bytes in its third parameter. */
  #chargedBytes(): ByteWriter {
    const body = new ByteWriter(128)
    body.u32(0)
    this.#chargeBytes(body, 2)
    writeFuelCheck(body, this.#globals)
    return body
  }

  /** (reference, i32 entries) -> i32 */
  #growTable(table: number): Helper {
    const { i32 } = ValueType
    const body = new ByteWriter(64)
    body.u32(0)
    this.#chargeEntries(body, 1)
    writeFuelCheck(body, this.#globals)
    body.raw(Op.localGet, 0, Op.localGet, 1, 0xfc, 15, ...leb(table), Op.end)
    return { typeIndex: this.#types.indexOf([this.#referenceType(table), i32], [i32]), body: body.view() }
  }

  /** fuel -= local >> shift, as 64-bit integers */
  #chargeBytes(body: ByteWriter, local: number): void {
    writeGet(body, this.#globals.fuel)
    body.raw(Op.localGet, local, Added.i64FromI32Unsigned)
    body.raw(Op.i64Const, amountCosts.bulkBytesShift, Added.i64ShiftRightUnsigned, Added.i64Subtract)
    writeSet(body, this.#globals.fuel)
  }

  /** fuel -= local * price of an entry, as 64-bit integers */
  #chargeEntries(body: ByteWriter, local: number): void {
    this.#chargeMultiple(body, local, amountCosts.perTableEntry)
  }

  #chargeMultiple(body: ByteWriter, local: number, price: number): void {
    writeGet(body, this.#globals.fuel)
    body.raw(Op.localGet, local, Added.i64FromI32Unsigned, Op.i64Const)
    body.s64(BigInt(price))
    body.raw(Added.i64Multiply, Added.i64Subtract)
    writeSet(body, this.#globals.fuel)
  }

  /**
   * (i32 pages) -> i32. Beyond the declared maximum the answer is -1 and nothing more; beyond this call's limit it is
   * -1 and the wanted size is noted. What is allowed is paid by the page; if the host cannot give it after all, that is
   * noted and the guest trapped, because -1 would make the result depend on the machine.
   */
  #growMemory(): Helper {
    const { i32 } = ValueType
    const { pagesMax, growth } = this.#globals
    const declaredMax = Math.min(this.#view.memory?.max ?? 65_536, 65_536)
    const body = new ByteWriter(128)
    body.raw(1, 1, i32)
    const refuseAbove = (writeMax: () => void, note: boolean): void => {
      this.#wantedPages(body)
      writeMax()
      body.raw(Added.i64GreaterUnsigned, Op.if, Added.emptyBlock)
      if (note) {
        // A want of 2^31 pages or more is noted as 2^31 - 1: the number is for a person.
        this.#clampedWant(body)
        writeSet(body, growth)
      }
      body.raw(Op.i32Const, 0x7f, Op.return, Op.end)
    }
    refuseAbove(() => {
      body.u8(Op.i64Const)
      body.s64(BigInt(declaredMax))
    }, false)
    refuseAbove(() => {
      writeGet(body, pagesMax)
      body.u8(Added.i64FromI32Unsigned)
    }, true)
    this.#chargeMultiple(body, 0, amountCosts.perGrownPage)
    writeFuelCheck(body, this.#globals)
    body.raw(Op.localGet, 0, Op.memoryGrow, 0, Op.localTee, 1, Op.i32Const, 0x7f, Added.i32Equal)
    body.raw(Op.if, Added.emptyBlock, Op.i32Const)
    body.s32(GROWTH_HOST_FAILED)
    writeSet(body, growth)
    body.raw(Op.unreachable, Op.end, Op.i32Const, 0)
    writeSet(body, growth)
    body.raw(Op.localGet, 1, Op.end)
    return { typeIndex: this.#types.indexOf([i32], [i32]), body: body.view() }
  }

  /** Pushes current + wanted pages as i64. */
  #wantedPages(body: ByteWriter): void {
    body.raw(Op.memorySize, 0, Added.i64FromI32Unsigned, Op.localGet, 0, Added.i64FromI32Unsigned, Added.i64Add)
  }

  /** Pushes the wanted size as an i32 of at most 2^31 - 1. */
  #clampedWant(body: ByteWriter): void {
    const i32Add = 0x6a
    const select = 0x1b
    body.raw(Op.memorySize, 0, Op.localGet, 0, i32Add, Op.i32Const)
    body.s32(0x7fffffff)
    this.#wantedPages(body)
    body.u8(Op.i64Const)
    body.s64(0x80000000n)
    body.raw(Added.i64LessSigned, select)
  }
}

/** Bulk operations of constant work. */
const inlineOperations: ReadonlySet<number> = new Set<number>([Op.dataDrop, Op.elementDrop, Op.tableSize])

/** `i32.const` of the bytes that one fill or copy moves at most: about 2 ms of work on fresh memory. */
const PIECE: readonly number[] = [Op.i32Const, ...signedLeb(4_194_304)]

/** What is no longer than a piece, as nearly all is, needs nothing more. */
function writeAtOnceIfSmall(body: ByteWriter, operation: readonly number[]): void {
  body.raw(Op.localGet, 2, ...PIECE, Added.i32LessEqualUnsigned, Op.if, Added.emptyBlock)
  body.raw(Op.localGet, 0, Op.localGet, 1, Op.localGet, 2, ...operation, Op.return, Op.end)
}

/** Does the whole operation at once, so that it traps as it must, when `[local, local + length)` is outside memory. */
function writeIfOutside(body: ByteWriter, local: number, operation: readonly number[]): void {
  body.raw(Op.localGet, local, Added.i64FromI32Unsigned, Op.localGet, 2, Added.i64FromI32Unsigned, Added.i64Add)
  body.raw(Op.memorySize, 0, Added.i64FromI32Unsigned, Op.i64Const, 16, Added.i64ShiftLeft, Added.i64GreaterUnsigned)
  body.raw(Op.if, Added.emptyBlock, Op.localGet, 0, Op.localGet, 1, Op.localGet, 2, ...operation, Op.end)
}

/** Repeats while the length in local 2 is above one piece, and takes a piece from it each time. */
function writePieces(body: ByteWriter, writePiece: () => void): void {
  body.raw(Op.loop, Added.emptyBlock, Op.localGet, 2, ...PIECE, Added.i32GreaterUnsigned, Op.if, Added.emptyBlock)
  writePiece()
  body.raw(Op.localGet, 2, ...PIECE, Added.i32Subtract, Op.localSet, 2, Op.br, 1, Op.end, Op.end)
}

/** local += piece */
function writeAdvance(body: ByteWriter, local: number): void {
  body.raw(Op.localGet, local, ...PIECE, Added.i32Add, Op.localSet, local)
}

function signedLeb(value: number): number[] {
  const writer = new ByteWriter(16)
  writer.s32(value)
  return [...writer.view()]
}

function leb(value: number): number[] {
  const writer = new ByteWriter(16)
  writer.u32(value)
  return [...writer.view()]
}
