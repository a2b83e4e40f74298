import { ByteWriter } from '../binary/byte-writer.ts'
import type { FunctionCode } from '../binary/function-reader.ts'
import type { BodyRange, FunctionType, ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'
import { functionTypeAt } from './block-types.ts'
import { BulkFunctions, type TypeRegistry } from './bulk-functions.ts'
import type { CallGraph } from './call-graph.ts'
import type { ChargePlacement } from './charge-placement.ts'
import { type Charge, ChargePlan, ChargeSite } from './charge-plan.ts'
import { ChargeWriter } from './charge-writer.ts'
import type { CountedLoop } from './counted-loops.ts'
import { Added, type GuestGlobals, writeGet, writeSet } from './guest-globals.ts'

/** What bodies are rewritten with. */
export interface BodyWriterComponents {
  readonly view: ModuleView
  readonly globals: GuestGlobals
  readonly types: TypeRegistry
  readonly helpers: BulkFunctions
  readonly placement: ChargePlacement
  readonly calls: CallGraph
}

/** Writes metered function bodies: local declarations, stack accounting, and the charged instructions. */
export class BodyWriter {
  readonly #view: ModuleView
  readonly #globals: GuestGlobals
  readonly #types: TypeRegistry
  readonly #helpers: BulkFunctions
  readonly #placement: ChargePlacement
  readonly #calls: CallGraph
  readonly #plan = new ChargePlan()
  readonly #out = new ByteWriter(64 * 1024)
  readonly #charges: ChargeWriter
  /** Up to which byte of the module the current body has been copied. */
  #copied = 0

  constructor(components: BodyWriterComponents) {
    this.#view = components.view
    this.#globals = components.globals
    this.#types = components.types
    this.#helpers = components.helpers
    this.#placement = components.placement
    this.#calls = components.calls
    this.#charges = new ChargeWriter(this.#out, components.globals)
  }

  /** The metered body of a function, without its length; valid until the next call. @param body its index among bodies */
  write(code: FunctionCode, range: BodyRange, body: number): Uint8Array<ArrayBuffer> {
    const type = functionTypeAt(this.#view, this.#view.imports.length + body)
    const plan = this.#plan
    this.#placement.place(plan, {
      view: this.#view,
      type,
      code,
      checksFuel: this.#calls.checksFuel(body),
      uncheckedUnits: (index) => this.#calls.uncheckedUnits(code, index),
    })
    this.#out.clear()
    const firstLocal = type.parameters.length + code.localCount
    const stackBytes = this.#calls.stackBytes(body)
    const stackLocal = stackBytes > 0 ? firstLocal : undefined
    // Reading the counter from memory each time is only slow where it happens again and again.
    const keepsCounter = plan.hasCallFreeLoops && plan.charges.length + plan.countedLoops.length > 1
    const fuelLocal = keepsCounter ? firstLocal + (stackLocal === undefined ? 0 : 1) : undefined
    this.#writeLocals(code, range, stackLocal, fuelLocal)
    if (stackLocal !== undefined) this.#writeStackEntry(type, stackBytes, stackLocal)
    this.#charges.begin(fuelLocal)
    this.#writeInstructions(code, stackLocal)
    return this.#out.view()
  }

  #writeLocals(code: FunctionCode, range: BodyRange, stack: number | undefined, fuel: number | undefined): void {
    const out = this.#out
    out.u32(code.localRuns.length + (stack === undefined ? 0 : 1) + (fuel === undefined ? 0 : 1))
    const runsStart = range.start + lebLength(this.#view.bytes, range.start)
    out.range(this.#view.bytes, runsStart, code.codeStart)
    if (stack !== undefined) out.raw(1, ValueType.i32)
    if (fuel !== undefined) out.raw(1, ValueType.i64)
  }

  /**
   * Takes the frame from the stack budget, and opens a block that the function's own ways out lead to: behind it what
   * was left before is put back.
   */
  #writeStackEntry(type: FunctionType, frameBytes: number, local: number): void {
    const out = this.#out
    const { stack } = this.#globals
    writeGet(out, stack)
    out.u8(Op.localTee)
    out.u32(local)
    out.u8(Op.i32Const)
    out.s32(frameBytes)
    out.raw(Added.i32LessSigned, Op.if, Added.emptyBlock, Op.i32Const, 0x7f)
    writeSet(out, stack)
    out.raw(Op.unreachable, Op.end, Op.localGet)
    out.u32(local)
    out.u8(Op.i32Const)
    out.s32(frameBytes)
    out.u8(Added.i32Subtract)
    writeSet(out, stack)
    out.u8(Op.block)
    const [result] = type.results
    if (result === undefined) out.u8(Added.emptyBlock)
    else if (type.results.length === 1) out.u8(result)
    else out.s32(this.#types.indexOf([], type.results))
  }

  #writeStackExit(local: number): void {
    this.#out.u8(Op.end)
    this.#out.u8(Op.localGet)
    this.#out.u32(local)
    writeSet(this.#out, this.#globals.stack)
  }

  #writeInstructions(code: FunctionCode, stackLocal: number | undefined): void {
    const { charges, countedLoops } = this.#plan
    this.#copied = code.codeStart
    let next = 0
    let nextLoop = 0
    let depth = 0
    for (let index = 0; index < code.count; index++) {
      while (next < charges.length && (charges[next] as Charge).position === index) {
        this.#copyUntil(code.offsets[index] as number)
        this.#writeCharge(code, index, charges[next++] as Charge)
      }
      if ((countedLoops[nextLoop] as CountedLoop | undefined)?.start === index) {
        this.#copyUntil(code.offsets[index] as number)
        this.#charges.chargePasses(countedLoops[nextLoop++] as CountedLoop)
      }
      const operation = code.operations[index] as number
      if (operation === Op.call || operation === Op.callIndirect) this.#writeCall(code, index)
      else if (operation === Op.return && stackLocal !== undefined) this.#writeReturn(code, index, depth)
      else if (operation >= Op.block && operation <= Op.if) depth++
      else if (operation === Op.end) depth--
      else if (BulkFunctions.replaces(operation)) this.#writeHelperCall(code, index)
    }
    // The function's own `end` comes last.
    this.#copyUntil(code.offsets[code.count - 1] as number)
    if (stackLocal !== undefined) this.#writeStackExit(stackLocal)
    this.#out.u8(Op.end)
  }

  /** A way out that passes {@link BodyWriter.#writeStackExit}. */
  #writeReturn(code: FunctionCode, index: number, depth: number): void {
    this.#copyUntil(code.offsets[index] as number)
    this.#out.u8(Op.br)
    this.#out.u32(depth)
    this.#copied = code.offsets[index + 1] as number
  }

  #writeCharge(code: FunctionCode, index: number, { site, units, isChecked }: Charge): void {
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

/** How many bytes the LEB128 number at `offset` takes; it was read before and may be over-long. */
function lebLength(bytes: Uint8Array, offset: number): number {
  let length = 1
  while (((bytes[offset + length - 1] as number) & 0x80) !== 0) length++
  return length
}
