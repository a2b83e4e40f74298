import { ByteWriter } from '../binary/byte-writer.ts'
import type { FunctionCode } from '../binary/function-reader.ts'
import type { BodyRange, FunctionType, ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'
import { functionTypeAt } from './block-types.ts'
import { BulkFunctions, type TypeRegistry } from './bulk-functions.ts'
import type { CallGraph } from './call-graph.ts'
import { isGuestCall } from './charge-placement.ts'
import { CHARGE_FIELDS, ChargeSite, type PlacedCharges } from './charge-plan.ts'
import { ChargeWriter } from './charge-writer.ts'
import type { CountedLoop } from './counted-loops.ts'
import { type FrameSpan, findFrameSpan } from './frame-span.ts'
import { Added, type GuestGlobals, writeGet, writeSet } from './guest-globals.ts'

/** What bodies are rewritten with. */
export interface BodyWriterComponents {
  readonly view: ModuleView
  readonly globals: GuestGlobals
  readonly types: TypeRegistry
  readonly helpers: BulkFunctions
  readonly calls: CallGraph
}

/** What one body is written from, besides its instructions. */
export interface PlacedBody {
  readonly range: BodyRange
  /** Its place among the bodies of the module. */
  readonly index: number
  readonly charges: PlacedCharges
}

/** Writes metered function bodies: local declarations, stack accounting, and the charged instructions. */
export class BodyWriter {
  readonly #view: ModuleView
  readonly #globals: GuestGlobals
  readonly #types: TypeRegistry
  readonly #helpers: BulkFunctions
  readonly #calls: CallGraph
  readonly #out = new ByteWriter(64 * 1024)
  readonly #charges: ChargeWriter
  /** Up to which byte of the module the current body has been copied. */
  #copied = 0

  constructor(components: BodyWriterComponents) {
    this.#view = components.view
    this.#globals = components.globals
    this.#types = components.types
    this.#helpers = components.helpers
    this.#calls = components.calls
    this.#charges = new ChargeWriter(this.#out, components.globals)
  }

  /** The metered body of a function, without its length; valid until the next call. */
  write(code: FunctionCode, { range, index, charges }: PlacedBody): Uint8Array<ArrayBuffer> {
    const type = functionTypeAt(this.#view, this.#view.imports.length + index)
    this.#out.clear()
    const firstLocal = type.parameters.length + code.localCount
    const frame = this.#frameOf(code, index, firstLocal)
    // Reading the counter from memory each time is only slow where it happens again and again.
    const sites = charges.fields.length / CHARGE_FIELDS + charges.countedLoops.length
    const keepsCounter = charges.hasPayingLoops && sites > 1
    const fuelLocal = keepsCounter ? firstLocal + (frame === undefined ? 0 : 1) : undefined
    this.#writeLocals(code, range, frame?.local, fuelLocal)
    if (frame !== undefined && frame.span === undefined) {
      this.#takeFrame(frame)
      this.#openBody(type)
    }
    this.#charges.begin(fuelLocal)
    this.#writeInstructions(code, charges, frame)
    return this.#out.view()
  }

  /** What the function takes from the stack budget; undefined when it takes nothing. @param local a new i32 local */
  #frameOf(code: FunctionCode, body: number, local: number): Frame | undefined {
    const bytes = this.#calls.stackBytes(body)
    if (bytes === 0) return undefined
    const calls = (index: number): boolean => isGuestCall(this.#view, code, index)
    return { bytes, local, span: bytes <= UNCOUNTED_FRAME_BYTES ? findFrameSpan(code, calls) : undefined }
  }

  #writeLocals(code: FunctionCode, range: BodyRange, stack: number | undefined, fuel: number | undefined): void {
    const out = this.#out
    out.u32(code.localRuns.length + (stack === undefined ? 0 : 1) + (fuel === undefined ? 0 : 1))
    const runsStart = range.start + lebLength(this.#view.bytes, range.start)
    out.range(this.#view.bytes, runsStart, code.codeStart)
    if (stack !== undefined) out.raw(1, ValueType.i32)
    if (fuel !== undefined) out.raw(1, ValueType.i64)
  }

  /** Takes the frame from the stack budget, and keeps what was left before. */
  #takeFrame({ bytes, local }: Frame): void {
    const out = this.#out
    const { stack } = this.#globals
    writeGet(out, stack)
    out.u8(Op.localTee)
    out.u32(local)
    out.u8(Op.i32Const)
    out.s32(bytes)
    out.raw(Added.i32LessSigned, Op.if, Added.emptyBlock, Op.i32Const, 0x7f)
    writeSet(out, stack)
    out.raw(Op.unreachable, Op.end, Op.localGet)
    out.u32(local)
    out.u8(Op.i32Const)
    out.s32(bytes)
    out.u8(Added.i32Subtract)
    writeSet(out, stack)
  }

  /** Puts the frame back. */
  #returnFrame({ local }: Frame): void {
    this.#out.u8(Op.localGet)
    this.#out.u32(local)
    writeSet(this.#out, this.#globals.stack)
  }

  /** Opens a block that all of the function's own ways out lead to; behind it the frame is put back. */
  #openBody(type: FunctionType): void {
    const out = this.#out
    out.u8(Op.block)
    const [result] = type.results
    if (result === undefined) out.u8(Added.emptyBlock)
    else if (type.results.length === 1) out.u8(result)
    else out.s32(this.#types.indexOf([], type.results))
  }

  #writeInstructions(code: FunctionCode, { fields, countedLoops }: PlacedCharges, frame: Frame | undefined): void {
    const span = frame?.span
    const isWhole = frame !== undefined && span === undefined
    this.#copied = code.codeStart
    let next = 0
    let nextLoop = 0
    let depth = 0
    for (let index = 0; index < code.count; index++) {
      if (frame !== undefined && span !== undefined) this.#writeFrame(code, index, frame, span)
      for (; fields[next] === index; next += CHARGE_FIELDS) {
        this.#copyUntil(code.offsets[index] as number)
        this.#writeCharge(code, index, fields.subarray(next, next + CHARGE_FIELDS))
      }
      if ((countedLoops[nextLoop] as CountedLoop | undefined)?.start === index) {
        this.#copyUntil(code.offsets[index] as number)
        this.#charges.chargePasses(countedLoops[nextLoop++] as CountedLoop)
      }
      const operation = code.operations[index] as number
      if (operation === Op.call || operation === Op.callIndirect) this.#writeCall(code, index)
      else if (operation === Op.return && isWhole) this.#writeReturn(code, index, depth)
      else if (operation >= Op.block && operation <= Op.if) depth++
      else if (operation === Op.end) depth--
      else if (BulkFunctions.replaces(operation)) this.#writeHelperCall(code, index)
    }
    // The function's own `end` comes last.
    this.#copyUntil(code.offsets[code.count - 1] as number)
    if (isWhole) {
      this.#out.u8(Op.end)
      this.#returnFrame(frame)
    }
    this.#out.u8(Op.end)
  }

  /** What an instruction does to the stack budget where only a part of the function takes its frame. */
  #writeFrame(code: FunctionCode, index: number, frame: Frame, { enter, leave, exits }: FrameSpan): void {
    if (index !== enter && index !== leave && !exits.has(index)) return
    this.#copyUntil(code.offsets[index] as number)
    if (index === enter) this.#takeFrame(frame)
    else this.#returnFrame(frame)
  }

  /** A way out that passes where the frame is put back. */
  #writeReturn(code: FunctionCode, index: number, depth: number): void {
    this.#copyUntil(code.offsets[index] as number)
    this.#out.u8(Op.br)
    this.#out.u32(depth)
    this.#copied = code.offsets[index + 1] as number
  }

  #writeCharge(code: FunctionCode, index: number, fields: Float64Array): void {
    const [, site, units = 0, looks] = fields
    const isChecked = looks === 1
    const out = this.#out
    if (site === ChargeSite.taken) {
      // br_if l  →  if <charge> br l+1 end
      out.raw(Op.if, Added.emptyBlock)
      this.#charges.charge(units, isChecked)
      out.u8(Op.br)
      out.u32((code.first[index] as number) + 1)
      out.u8(Op.end)
      this.#copied = code.offsets[index + 1] as number
      return
    }
    if (site === ChargeSite.otherwise) out.u8(Op.else)
    this.#charges.charge(units, isChecked)
  }

  #writeCall(code: FunctionCode, index: number): void {
    this.#copyUntil(code.offsets[index + 1] as number)
    this.#charges.reload()
  }

  #writeHelperCall(code: FunctionCode, index: number): void {
    this.#copyUntil(code.offsets[index] as number)
    const operation = code.operations[index] as number
    this.#out.u8(Op.call)
    this.#out.u32(this.#helpers.functionFor(operation, code.first[index] as number, code.second[index] as number))
    this.#copied = code.offsets[index + 1] as number
    this.#charges.reload()
  }

  #copyUntil(offset: number): void {
    this.#out.range(this.#view.bytes, this.#copied, offset)
    this.#copied = Math.max(this.#copied, offset)
  }
}

/** A frame that may be taken late; larger ones are taken before anything runs. The reserve above the budget has room. */
const UNCOUNTED_FRAME_BYTES = 2048

/** What a function takes from the stack budget. */
interface Frame {
  readonly bytes: number
  /** Holds what was left before. */
  readonly local: number
  /** The part of the function that takes it; undefined for all of it. */
  readonly span: FrameSpan | undefined
}

/** How many bytes the LEB128 number at `offset` takes; it was read before and may be over-long. */
function lebLength(bytes: Uint8Array, offset: number): number {
  let length = 1
  while (((bytes[offset + length - 1] as number) & 0x80) !== 0) length++
  return length
}
