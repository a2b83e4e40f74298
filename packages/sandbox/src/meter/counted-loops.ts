import type { FunctionCode } from '../binary/function-reader.ts'
import { Op } from '../binary/opcodes.ts'
import { EdgeSite, type FlowGraph, type InnermostLoop } from './flow-graph.ts'

/** A value that does not change while a loop runs. */
export type Invariant =
  | { readonly kind: 'local'; readonly local: number }
  | { readonly kind: 'constant'; readonly value: number }

/**
 * A loop whose number of passes is known before it begins: each pass adds `step` to a local and the loop goes on while
 * that is not `limit`, in 32-bit arithmetic that wraps.
 */
export interface CountedLoop {
  /** Index of the `loop` instruction. */
  readonly start: number
  readonly local: number
  /** -2^31 + 1 .. 2^31 - 1, not 0. */
  readonly step: number
  readonly limit: Invariant
  /** Units of the blocks that run in every pass; they pay nothing inside the loop. */
  readonly unitsPerPass: number
}

const I32_NOT_EQUAL = 0x47
const I32_ADD = 0x6a
const I32_SUBTRACT = 0x6b
const UNITS_PER_PASS_MAX = 65_535

/**
 * Finds the counted loops among a function's innermost ones and takes the price of the blocks that run in every pass
 * out of the graph: who charges `unitsPerPass` times the passes before the loop has charged for them.
 */
export function takeCountedLoops(graph: FlowGraph, code: FunctionCode): CountedLoop[] {
  const counted: CountedLoop[] = []
  for (const loop of graph.innermost) {
    const found = countedLoop(graph, code, loop)
    if (found !== undefined) counted.push(found)
  }
  return counted
}

function countedLoop(graph: FlowGraph, code: FunctionCode, loop: InnermostLoop): CountedLoop | undefined {
  const [edge] = loop.backEdges
  const branch = loop.end - 1
  if (edge === undefined || loop.backEdges.length !== 1) return undefined
  if (graph.siteOf[edge] !== EdgeSite.taken || graph.positionOf[edge] !== branch) return undefined
  const { header } = loop
  const latch = graph.fromOf[edge] as number
  const always = (index: number): boolean => graph.blockAt[index] === header || graph.blockAt[index] === latch
  const control = new LoopReader(code, loop).readControl(branch, always)
  if (control === undefined) return undefined
  const headerUnits = graph.costOf[header] as number
  const unitsPerPass = headerUnits + (latch === header ? 0 : (graph.costOf[latch] as number))
  if (unitsPerPass === 0 || unitsPerPass > UNITS_PER_PASS_MAX) return undefined
  graph.costOf[header] = 0
  graph.costOf[latch] = 0
  return { start: loop.start, ...control, unitsPerPass }
}

interface Control {
  readonly local: number
  readonly step: number
  readonly limit: Invariant
}

/** Reads how a loop counts from its last instructions. */
class LoopReader {
  readonly #code: FunctionCode
  readonly #loop: InnermostLoop

  constructor(code: FunctionCode, loop: InnermostLoop) {
    this.#code = code
    this.#loop = loop
  }

  /** @param always says whether an instruction runs in every pass */
  readControl(branch: number, always: (index: number) => boolean): Control | undefined {
    const condition = branch - 1
    const zero: Invariant = { kind: 'constant', value: 0 }
    if (this.#operation(condition) !== I32_NOT_EQUAL) return this.#checked(this.#counter(condition, always), zero)
    // <counter> <limit> ne, where the counter ends before a limit of one instruction
    const right = this.#invariant(condition - 1)
    const left = this.#counter(condition - 2, always)
    if (right !== undefined && left !== undefined) {
      const control = this.#checked(left, right)
      if (control !== undefined) return control
    }
    // <limit> <counter> ne
    const counter = this.#counter(condition - 1, always)
    if (counter === undefined) return undefined
    const limit = this.#invariant(condition - 1 - counter.length)
    return limit === undefined ? undefined : this.#checked(counter, limit)
  }

  #checked(counter: Counter | undefined, limit: Invariant): Control | undefined {
    if (counter === undefined || counter.step === 0 || counter.step === -(2 ** 31)) return undefined
    if (limit.kind === 'local' && (limit.local === counter.local || this.#writes(limit.local) > 0)) return undefined
    if (this.#writes(counter.local) !== 1) return undefined
    return { local: counter.local, step: counter.step, limit }
  }

  /** The counter's new value, ending at `last`: computed there, or read after it was computed earlier in the pass. */
  #counter(last: number, always: (index: number) => boolean): Counter | undefined {
    const operation = this.#operation(last)
    if (operation === Op.localTee) return this.#step(last, 4)
    if (operation !== Op.localGet) return undefined
    const local = this.#first(last)
    for (let index = this.#loop.start + 1; index < last; index++) {
      const writes = this.#operation(index) === Op.localSet || this.#operation(index) === Op.localTee
      if (writes && this.#first(index) === local) return always(index) ? this.#step(index, 1) : undefined
    }
    return undefined
  }

  /** `local.get x; i32.const c; i32.add or sub; local.set or tee x`, ending at `last`. */
  #step(last: number, length: number): Counter | undefined {
    const local = this.#first(last)
    if (last - 3 <= this.#loop.start || this.#operation(last - 2) !== Op.i32Const) return undefined
    if (this.#operation(last - 3) !== Op.localGet || this.#first(last - 3) !== local) return undefined
    const amount = this.#first(last - 2)
    if (this.#operation(last - 1) === I32_ADD) return { local, step: amount, length }
    return this.#operation(last - 1) === I32_SUBTRACT ? { local, step: -amount, length } : undefined
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
}
