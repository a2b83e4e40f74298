import type { FunctionCode } from '../binary/function-reader.ts'
import type { ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import type { CallGraph } from './call-graph.ts'

const UNKNOWN = -1

/**
 * What each call pays ahead for its callee. A function chooses when its charges are placed, callees before callers; until
 * then, and for whoever may be called through the table or by the host, it is the same amount for all.
 */
export class Prepayments {
  readonly #importCount: number
  readonly #usualUnits: number
  readonly #units: Int32Array

  constructor(view: ModuleView, calls: CallGraph, usualUnits: number) {
    this.#importCount = view.imports.length
    this.#usualUnits = usualUnits
    this.#units = new Int32Array(view.bodies.length).fill(UNKNOWN)
    for (const body of calls.tableFunctions) this.#units[body] = usualUnits
    for (const entry of view.exports) if (entry.kind === 'function') this.#fix(entry.index)
    if (view.startFunction !== undefined) this.#fix(view.startFunction)
  }

  /** Units that a function must find paid; undefined while it may choose. */
  entryUnits(body: number): number | undefined {
    const units = this.#units[body] as number
    return units === UNKNOWN ? undefined : units
  }

  choose(body: number, units: number): void {
    this.#units[body] = units
  }

  /** Functions that call each other cannot all choose first: those that this one calls have chosen now, itself included. */
  settleCallees(code: FunctionCode): void {
    for (let index = 0; index < code.count; index++)
      if (code.operations[index] === Op.call) this.#fix(code.first[index] as number)
  }

  /** Units that the call at an instruction pays ahead; 0 when it is none, or one of the host. */
  ofCall(code: FunctionCode, index: number): number {
    const operation = code.operations[index]
    if (operation === Op.callIndirect) return this.#usualUnits
    const body = operation === Op.call ? (code.first[index] as number) - this.#importCount : -1
    return body < 0 ? 0 : (this.#units[body] as number)
  }

  #fix(functionIndex: number): void {
    const body = functionIndex - this.#importCount
    if (body >= 0 && this.#units[body] === UNKNOWN) this.#units[body] = this.#usualUnits
  }
}
