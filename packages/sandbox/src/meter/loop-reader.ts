import type { FunctionCode } from '../binary/function-reader.ts'
import { Op } from '../binary/opcodes.ts'
import type { InnermostLoop } from './flow-graph.ts'

/** A value that does not change while a loop runs. */
export type Invariant =
  | { readonly kind: 'local'; readonly local: number }
  | { readonly kind: 'constant'; readonly value: number }

/** How the counting local stands to the limit while there is another pass. */
export type Comparison = 'not-equal' | 'less' | 'greater'

/** What a counted loop counts. Adding the step never leads past the limit and round again. */
export interface Control {
  readonly local: number
  /** -2^31 + 1 .. 2^31 - 1, not 0; above 0 for `less`, below 0 for `greater`. */
  readonly step: number
  readonly limit: Invariant
  readonly comparison: Comparison
  /** The comparison of `less` and `greater` is that of signed numbers. */
  readonly isSigned: boolean
  /** The step of each pass comes before its comparison; or else after it, and the last pass makes none. */
  readonly stepsFirst: boolean
}

/** Whether an instruction of a loop runs once in each pass before its test, once in each after it, or otherwise. */
type Place = 'before' | 'after' | undefined

const I32_NOT_EQUAL = 0x47
const I32_ADD = 0x6a
const I32_SUBTRACT = 0x6b
/** `i32.lt_s`, and the seven that follow it: lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u. */
const I32_LESS_SIGNED = 0x48
const I32_GREATER_OR_EQUAL_UNSIGNED = 0x4f

/** Reads how a loop counts from the instructions of its test and of its step. */
export class LoopReader {
  readonly #code: FunctionCode
  readonly #loop: InnermostLoop

  constructor(code: FunctionCode, loop: InnermostLoop) {
    this.#code = code
    this.#loop = loop
  }

  /** @param test index of the branch that decides  @param placeOf where in a pass an instruction runs */
  readControl(test: number, placeOf: (index: number) => Place): Control | undefined {
    const condition = test - 1
    const operation = this.#operation(condition)
    if (operation < I32_NOT_EQUAL || operation > I32_GREATER_OR_EQUAL_UNSIGNED)
      return this.#control(this.#counter(condition, placeOf), { kind: 'constant', value: 0 }, I32_NOT_EQUAL)
    // <counter> <limit> compare, where the counter ends before a limit of one instruction
    const right = this.#invariant(condition - 1)
    const left = right === undefined ? undefined : this.#counter(condition - 2, placeOf)
    if (right !== undefined && left !== undefined) {
      const control = this.#control(left, right, operation)
      if (control !== undefined) return control
    }
    // <limit> <counter> compare
    const counter = this.#counter(condition - 1, placeOf)
    const limit = counter === undefined ? undefined : this.#invariant(condition - 1 - counter.length)
    return limit === undefined ? undefined : this.#control(counter, limit, mirrored(operation))
  }

  #control(counter: Counter | undefined, limit: Invariant, operation: number): Control | undefined {
    if (counter === undefined || counter.step === 0 || counter.step === -(2 ** 31)) return undefined
    if (limit.kind === 'local' && (limit.local === counter.local || this.#writes(limit.local) > 0)) return undefined
    if (this.#writes(counter.local) !== 1) return undefined
    const { local, step, stepsFirst } = counter
    if (operation === I32_NOT_EQUAL) return { local, step, limit, comparison: 'not-equal', isSigned: false, stepsFirst }
    const order = orderOf(operation, limit)
    if (order === undefined || order.isLess !== step > 0 || !staysInRange(order, step)) return undefined
    const comparison = order.isLess ? 'less' : 'greater'
    return { local, step, limit: order.limit, comparison, isSigned: order.isSigned, stepsFirst }
  }

  /** The compared value, ending at `last`: computed there, or read before or after it was computed in the pass. */
  #counter(last: number, placeOf: (index: number) => Place): Counter | undefined {
    const operation = this.#operation(last)
    if (operation === Op.localTee) return this.#step(last, 4, true)
    if (operation !== Op.localGet) return undefined
    const local = this.#first(last)
    for (let index = this.#loop.start + 1; index < this.#loop.end; index++) {
      const writes = this.#operation(index) === Op.localSet || this.#operation(index) === Op.localTee
      if (!writes || this.#first(index) !== local) continue
      const place = placeOf(index)
      if (place === undefined) return undefined
      return this.#step(index, 1, place === 'before')
    }
    return undefined
  }

  /** `local.get x; i32.const c; i32.add or sub; local.set or tee x`, ending at `last`. */
  #step(last: number, length: number, stepsFirst: boolean): Counter | undefined {
    const local = this.#first(last)
    if (last - 3 <= this.#loop.start || this.#operation(last - 2) !== Op.i32Const) return undefined
    if (this.#operation(last - 3) !== Op.localGet || this.#first(last - 3) !== local) return undefined
    const amount = this.#first(last - 2)
    if (this.#operation(last - 1) === I32_ADD) return { local, step: amount, length, stepsFirst }
    if (this.#operation(last - 1) !== I32_SUBTRACT) return undefined
    return { local, step: -amount, length, stepsFirst }
  }

  #invariant(index: number): Invariant | undefined {
    if (index <= this.#loop.start) return undefined
    const operation = this.#operation(index)
    if (operation === Op.localGet) return { kind: 'local', local: this.#first(index) }
    return operation === Op.i32Const ? { kind: 'constant', value: this.#first(index) } : undefined
  }

  #writes(local: number): number {
    let writes = 0
    for (let index = this.#loop.start; index < this.#loop.end; index++) {
      const operation = this.#operation(index)
      if ((operation === Op.localSet || operation === Op.localTee) && this.#first(index) === local) writes++
    }
    return writes
  }

  #operation(index: number): number {
    return this.#code.operations[index] as number
  }

  #first(index: number): number {
    return this.#code.first[index] as number
  }
}

interface Counter {
  readonly local: number
  readonly step: number
  /** Instructions that put its value on the stack. */
  readonly length: number
  readonly stepsFirst: boolean
}

/** `counter < limit` or `counter > limit`. */
interface Order {
  readonly isLess: boolean
  readonly isSigned: boolean
  readonly limit: Invariant
}

/** The same comparison with its operands in the other order. */
function mirrored(operation: number): number {
  if (operation === I32_NOT_EQUAL) return operation
  return I32_LESS_SIGNED + ((operation - I32_LESS_SIGNED) ^ 2)
}

/** Reads an ordered comparison; one that includes its limit only where the next number is known to exist. */
function orderOf(operation: number, limit: Invariant): Order | undefined {
  const kind = operation - I32_LESS_SIGNED
  const isSigned = (kind & 1) === 0
  const isLess = (kind & 2) === 0
  if ((kind & 4) === 0) return { isLess, isSigned, limit }
  if (limit.kind === 'local') return undefined
  const value = limit.value + (isLess ? 1 : -1)
  const { least, most } = rangeOf(isSigned)
  const from = isSigned ? limit.value : limit.value >>> 0
  if (from === (isLess ? most : least)) return undefined
  return { isLess, isSigned, limit: { kind: 'constant', value: value | 0 } }
}

function rangeOf(isSigned: boolean): { readonly least: number; readonly most: number } {
  return isSigned ? { least: -(2 ** 31), most: 2 ** 31 - 1 } : { least: 0, most: 2 ** 32 - 1 }
}

/** No value on this side of the limit is led past the end of the numbers by a step. */
function staysInRange({ isLess, isSigned, limit }: Order, step: number): boolean {
  if (limit.kind === 'local') return Math.abs(step) === 1
  const { least, most } = rangeOf(isSigned)
  const value = isSigned ? limit.value : limit.value >>> 0
  return isLess ? value - 1 + step <= most : value + 1 + step >= least
}
