import { type FunctionCode, FunctionReader } from '../binary/function-reader.ts'
import type { ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { ModuleWork } from '../compile-work.ts'
import { functionTypeAt } from './block-types.ts'
import { InstructionUnits } from './instruction-units.ts'
import { estimateStack } from './stack-estimate.ts'

/** Machine stack of a chain of functions that is not counted: it runs in the reserve above the budget. */
const UNCOUNTED_CHAIN_BYTES = 2 * 1024
/** Such a chain that leads on to a counted function, which then pays for it at its longest. */
const UNCOUNTED_LINK_BYTES = 256
/** Work of a call, callees included, that is done without a look at the fuel. */
export const UNCHECKED_UNITS = 1024

/**
 * Who calls whom, and what follows for each function: whether it takes its frame from the stack budget, and whether it
 * looks at the fuel when it is entered. Frames are counted where a chain of calls can come round again (so that no
 * recursion is without a counted function) or is long; the count of a function covers the short chains to the next one.
 *
 * Nodes are the module's own functions by their order, and one more: the table, which stands for whatever an indirect
 * call may reach. Only functions that element segments, globals or `ref.func` name can be there.
 */
export class CallGraph {
  readonly #view: ModuleView
  readonly #count: number
  readonly #table: number
  /** Callees of all nodes, one after the other, a call site each; `#firstOf` says where each node's begin. */
  readonly #callees: number[] = []
  readonly #firstOf: number[] = []
  readonly #frameBytes: number[] = []
  readonly #units: number[] = []
  readonly #isCounted: Uint8Array
  readonly #checksFuel: Uint8Array
  readonly #reachesCounted: Uint8Array
  /** Frames of the longest uncounted chain that begins here; and of the longest that leads on to a counted function. */
  readonly #chainBytes: Float64Array
  readonly #linkBytes: Float64Array
  readonly #callUnits: Float64Array
  /** Functions, each behind those that it calls, unless they call each other. */
  readonly order: readonly number[]

  /** @throws SandboxError SANDBOX_FORBIDDEN_FEATURE, SANDBOX_MALFORMED, SANDBOX_MODULE_LIMIT */
  constructor(view: ModuleView) {
    this.#view = view
    this.#count = view.bodies.length
    this.#table = this.#count
    const nodes = this.#count + 1
    this.#isCounted = new Uint8Array(nodes)
    this.#checksFuel = new Uint8Array(nodes)
    this.#reachesCounted = new Uint8Array(nodes)
    this.#chainBytes = new Float64Array(nodes)
    this.#linkBytes = new Float64Array(nodes)
    this.#callUnits = new Float64Array(nodes)
    this.#readCalls()
    this.#countCycles()
    this.#sumUp()
    this.order = this.#calleesFirst()
  }

  /** Functions that can be called through the table. */
  get tableFunctions(): readonly number[] {
    return this.#calleesOf(this.#table)
  }

  /** Bytes that a function takes from the stack budget when it is entered; 0 when it takes none. */
  stackBytes(body: number): number {
    return this.#isCounted[body] === 1 ? (this.#linkBytes[body] as number) : 0
  }

  /** True when the function must look at the fuel before it does much. */
  checksFuel(body: number): boolean {
    return this.#checksFuel[body] === 1
  }

  /** Units that the call at an instruction may cost in functions that do not look at the fuel; 0 when it is none. */
  uncheckedUnits(code: FunctionCode, index: number): number {
    const operation = code.operations[index]
    if (operation === Op.callIndirect) return this.#callUnits[this.#table] as number
    const callee = operation === Op.call ? (code.first[index] as number) - this.#view.imports.length : -1
    return callee < 0 || this.#checksFuel[callee] === 1 ? 0 : (this.#callUnits[callee] as number)
  }

  #readCalls(): void {
    const view = this.#view
    const reader = new FunctionReader(view.bytes)
    const prices = new InstructionUnits()
    const importCount = view.imports.length
    const work = new ModuleWork()
    const referenced = new Set(view.referencedFunctions)
    view.bodies.forEach((range, body) => {
      const code = reader.read(range)
      this.#firstOf[body] = this.#callees.length
      const type = functionTypeAt(view, importCount + body)
      const { frameBytes, slots } = estimateStack(view, type, code)
      work.add(code, slots, range.start)
      this.#frameBytes[body] = frameBytes
      this.#units[body] = this.#readBody(code, prices.read(view, type, code), referenced)
    })
    this.#firstOf[this.#table] = this.#callees.length
    this.#frameBytes[this.#table] = 0
    this.#units[this.#table] = 0
    for (const index of referenced) if (index >= importCount) this.#callees.push(index - importCount)
    this.#firstOf[this.#table + 1] = this.#callees.length
  }

  /** Notes a function's calls and what it refers to; returns what its instructions cost, each once. */
  #readBody(code: FunctionCode, prices: Int32Array, referenced: Set<number>): number {
    const importCount = this.#view.imports.length
    let units = 0
    for (let index = 0; index < code.count; index++) {
      const operation = code.operations[index] as number
      units += prices[index] as number
      if (operation === Op.call) {
        const callee = (code.first[index] as number) - importCount
        if (callee >= 0) this.#callees.push(callee)
      } else if (operation === Op.callIndirect) this.#callees.push(this.#table)
      else if (operation === Op.refFunc) referenced.add(code.first[index] as number)
    }
    return units
  }

  /** Counts functions so that each cycle of calls has one; these look at the fuel as well. */
  #countCycles(): void {
    const count = (body: number): void => {
      this.#isCounted[body] = 1
      this.#checksFuel[body] = 1
    }
    for (const body of this.#reachTable()) count(body)
    this.#search({
      follows: (to) => to !== this.#table && this.#isCounted[to] === 0,
      meetsOpen: count,
      leaves: () => undefined,
    })
  }

  /** The functions in the table that can reach an indirect call. */
  #reachTable(): number[] {
    const callers: number[][] = Array.from({ length: this.#count + 1 }, () => [])
    for (let node = 0; node < this.#count; node++)
      for (const callee of this.#calleesOf(node)) (callers[callee] as number[]).push(node)
    const reaches = new Uint8Array(this.#count + 1)
    const open = [this.#table]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const caller of callers[node] as number[]) {
        if (reaches[caller] === 1) continue
        reaches[caller] = 1
        open.push(caller)
      }
    }
    return this.#calleesOf(this.#table).filter((body) => reaches[body] === 1)
  }

  #calleesOf(node: number): number[] {
    return this.#callees.slice(this.#firstOf[node] as number, this.#firstOf[node + 1] as number)
  }

  #calleesFirst(): readonly number[] {
    const order: number[] = []
    this.#search({
      follows: (to) => to !== this.#table,
      meetsOpen: () => undefined,
      leaves: (node) => {
        if (node !== this.#table) order.push(node)
      },
    })
    return order
  }

  /** Adds up frames and work from the callees to the callers. What counts or checks for itself adds nothing. */
  #sumUp(): void {
    this.#search({
      follows: (to) => this.#isCounted[to] === 0,
      meetsOpen: () => undefined,
      leaves: (node) => this.#addCallees(node),
    })
  }

  #addCallees(node: number): void {
    const isTable = node === this.#table
    let chainBytes = 0
    let linkBytes = 0
    let units = this.#units[node] as number
    const end = this.#firstOf[node + 1] as number
    for (let site = this.#firstOf[node] as number; site < end; site++) {
      const callee = this.#callees[site] as number
      const isCounted = this.#isCounted[callee] === 1
      const leadsOn = this.#reachesCounted[callee] === 1
      if (isCounted || leadsOn) this.#reachesCounted[node] = 1
      // A chain that leads nowhere is only ever the end of the stack, and runs in the reserve.
      if (!isCounted && leadsOn) linkBytes = Math.max(linkBytes, this.#linkBytes[callee] as number)
      if (!isCounted) chainBytes = Math.max(chainBytes, this.#chainBytes[callee] as number)
      const work = this.#checksFuel[callee] === 1 ? 0 : (this.#callUnits[callee] as number)
      units = isTable ? Math.max(units, work) : units + work
    }
    chainBytes += this.#frameBytes[node] as number
    linkBytes += this.#frameBytes[node] as number
    this.#chainBytes[node] = chainBytes
    this.#linkBytes[node] = linkBytes
    this.#callUnits[node] = units
    if (isTable) return
    const isLongLink = this.#reachesCounted[node] === 1 && linkBytes > UNCOUNTED_LINK_BYTES
    if (isLongLink || chainBytes > UNCOUNTED_CHAIN_BYTES) this.#isCounted[node] = 1
    if (units > UNCHECKED_UNITS) this.#checksFuel[node] = 1
  }

  /** Depth-first search from every node, without recursion. */
  #search(visitor: Visitor): void {
    const state = new Uint8Array(this.#count + 1)
    const path: number[] = []
    const next: number[] = []
    const enter = (node: number): void => {
      state[node] = OPEN
      path.push(node)
      next.push(this.#firstOf[node] as number)
    }
    for (let root = 0; root <= this.#count; root++) {
      if (state[root] === NEW) enter(root)
      while (path.length > 0) {
        const node = path[path.length - 1] as number
        const site = next[next.length - 1] as number
        if (site === this.#firstOf[node + 1]) {
          visitor.leaves(node)
          state[node] = DONE
          path.pop()
          next.pop()
          continue
        }
        next[next.length - 1] = site + 1
        const callee = this.#callees[site] as number
        if (!visitor.follows(callee)) continue
        if (state[callee] === OPEN) visitor.meetsOpen(callee)
        else if (state[callee] === NEW) enter(callee)
      }
    }
  }
}

const NEW = 0
const OPEN = 1
const DONE = 2

interface Visitor {
  /** Whether edges to this node are followed. */
  follows(to: number): boolean
  /** An edge leads back to a node on the path: the end of a cycle. */
  meetsOpen(to: number): void
  /** All that the node calls has been left. */
  leaves(node: number): void
}
