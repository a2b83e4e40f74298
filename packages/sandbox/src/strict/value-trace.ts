import { EMPTY_BLOCK, type FunctionCode } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { functionTypeAt, typeAt } from '../meter/block-types.ts'
import { ValueType } from '../whitelist.ts'
import { type DemandGraph, EXACT, OUTSIDE, TAME } from './demand-graph.ts'
import {
  changesSign,
  Effect,
  effectOf,
  Lane,
  laneOf,
  popsOf,
  pushesOf,
  Shape,
  shapeOf,
  takenAsOf,
} from './float-operations.ts'
import { isTameConstant, type LaneMoves, laneMovesOf } from './immediates.ts'
import { LocalNodes } from './local-nodes.ts'

/** Operations that are treated one by one, besides structure and locals. */
const Special = {
  drop: 0x1a,
  select: 0x1b,
  selectTyped: 0x1c,
  f32Const: 0x43,
  f64Const: 0x44,
  vectorConst: 0x20c,
  vectorShuffle: 0x20d,
} as const

/** A loop is taken to run this many times for each time that what is around it runs. */
const TURNS_OF_LOOP = 8
const LOOP_DEPTH_MAX = 8
/** Block types spell a value type as its byte less this. */
const VALUE_TYPE_OFFSET = 128

interface Frame {
  readonly kind: number
  /** Height of the operand stack below the block's parameters. */
  readonly base: number
  readonly parameters: readonly number[]
  /** Nodes of the block's results, and of what a branch to its label hands on. */
  readonly results: readonly number[]
  readonly labels: readonly number[]
  hasElse: boolean
}

/** Fills a graph with where each value of a function comes from and who sees it. Only for validated modules. */
export class ValueTrace {
  readonly #view: ModuleView
  readonly #graph: DemandGraph
  readonly #locals: LocalNodes
  readonly #stack: number[] = []
  readonly #frames: Frame[] = []
  #loopDepth = 0

  constructor(view: ModuleView, graph: DemandGraph) {
    this.#view = view
    this.#graph = graph
    this.#locals = new LocalNodes(graph)
  }

  /** @param functionIndex imported functions counted first */
  trace(functionIndex: number, code: FunctionCode): void {
    const { parameters, results } = functionTypeAt(this.#view, functionIndex)
    this.#graph.reset()
    this.#locals.reset(parameters, code.localRuns)
    this.#loopDepth = 0
    this.#stack.length = 0
    this.#frames.length = 0
    const seen = results.map(() => OUTSIDE)
    this.#frames.push({ kind: Op.block, base: 0, parameters: [], results: seen, labels: seen, hasElse: false })
    for (let index = 0; index < code.count; index++) {
      const operation = code.operations[index] as number
      if (operation <= Op.callIndirect) this.#structure(code, index)
      else if (operation >= Op.localGet && operation <= Op.localTee)
        this.#local(operation, code.first[index] as number, index)
      else if (!this.#special(code, index)) this.#simple(operation, index)
    }
  }

  #structure(code: FunctionCode, index: number): void {
    const operation = code.operations[index] as number
    const first = code.first[index] as number
    switch (operation) {
      case Op.if:
        this.#pop()
        this.#open(operation, first)
        return
      case Op.block:
      case Op.loop:
        this.#open(operation, first)
        return
      case Op.else:
        this.#else()
        return
      case Op.end:
        this.#end()
        return
      case Op.brIf:
        this.#pop()
        this.#branch(first)
        return
      case Op.br:
        this.#branch(first)
        this.#leave()
        return
      case Op.brTable:
        this.#pop()
        this.#branchTable(code, index)
        this.#leave()
        return
      case Op.return:
        this.#branch(this.#frames.length - 1)
        this.#leave()
        return
      case Op.unreachable:
        this.#leave()
        return
      case Op.call:
        this.#call(functionTypeAt(this.#view, first))
        return
      case Op.callIndirect:
        this.#pop()
        this.#call(typeAt(this.#view, first))
        return
      default:
    }
  }

  #open(kind: number, encoded: number): void {
    const type = this.#blockType(encoded)
    const parameters = this.#popMany(type.parameters.length)
    const base = this.#stack.length
    const results = this.#joins(type.results)
    if (kind !== Op.loop) {
      this.#stack.push(...parameters)
      this.#frames.push({ kind, base, parameters, results, labels: results, hasElse: false })
      return
    }
    const labels = this.#joins(type.parameters)
    this.#linkAll(labels, parameters)
    this.#stack.push(...labels)
    this.#frames.push({ kind, base, parameters, results, labels, hasElse: false })
    this.#loopDepth++
  }

  #else(): void {
    const frame = this.#top()
    this.#linkAll(frame.results, this.#popMany(frame.results.length))
    frame.hasElse = true
    this.#stack.length = frame.base
    this.#stack.push(...frame.parameters)
  }

  #end(): void {
    const frame = this.#top()
    this.#linkAll(frame.results, this.#popMany(frame.results.length))
    if (frame.kind === Op.if && !frame.hasElse) this.#linkAll(frame.results, frame.parameters)
    if (frame.kind === Op.loop) this.#loopDepth--
    this.#frames.pop()
    this.#stack.length = frame.base
    this.#stack.push(...frame.results)
  }

  /** What a taken branch hands on; on the stack it stays. */
  #branch(label: number): void {
    const { labels } = this.#frames[this.#frames.length - 1 - label] as Frame
    const { base } = this.#top()
    for (let position = 0; position < labels.length; position++) {
      const at = this.#stack.length - labels.length + position
      this.#link(labels[position] as number, at < base ? TAME : (this.#stack[at] as number))
    }
  }

  #branchTable(code: FunctionCode, index: number): void {
    const from = code.first[index] as number
    const labels = new Set(code.labels.slice(from, from + (code.second[index] as number)))
    for (const label of labels) this.#branch(label)
  }

  /** What follows up to the end of the block is never reached: its operands may come from nowhere. */
  #leave(): void {
    this.#stack.length = this.#top().base
  }

  #call(type: FunctionType): void {
    for (const node of this.#popMany(type.parameters.length)) this.#graph.observe(node)
    for (let result = 0; result < type.results.length; result++) this.#stack.push(EXACT)
  }

  #local(operation: number, index: number, position: number): void {
    const local = this.#locals.of(index >>> 0)
    if (operation === Op.localGet) {
      const place = { position, weight: this.#weight() }
      this.#stack.push(local === undefined ? EXACT : this.#graph.reading(local.node, local.shape, place))
      return
    }
    const value = this.#pop()
    if (local !== undefined) this.#link(local.node, value)
    if (operation === Op.localTee) this.#stack.push(value)
  }

  /** True when the operation was one of those without a general rule. */
  #special(code: FunctionCode, index: number): boolean {
    const end = code.offsets[index + 1] as number
    switch (code.operations[index]) {
      case Special.drop:
        this.#pop()
        return true
      case Special.select:
      case Special.selectTyped: {
        this.#pop()
        const [one = EXACT, other = EXACT] = this.#popMany(2)
        this.#stack.push(this.#merged(0, [one, other]))
        return true
      }
      case Special.f32Const:
        this.#stack.push(isTameConstant(this.#view.bytes, end, 4) ? TAME : EXACT)
        return true
      case Special.f64Const:
        this.#stack.push(isTameConstant(this.#view.bytes, end, 8) ? TAME : EXACT)
        return true
      case Special.vectorConst:
        this.#stack.push(isTameConstant(this.#view.bytes, end, 16) ? TAME : EXACT)
        return true
      case Special.vectorShuffle:
        this.#shuffle(laneMovesOf(this.#view.bytes, end))
        return true
      default:
        return false
    }
  }

  #shuffle(moves: LaneMoves): void {
    const operands = this.#popMany(2)
    if (moves === 'none') {
      for (const node of operands) this.#graph.observe(node)
      this.#stack.push(EXACT)
      return
    }
    if (moves === 'f64') {
      this.#stack.push(this.#merged(0, operands))
      return
    }
    for (const node of operands) this.#graph.take(node, Lane.f32)
    this.#stack.push(this.#merged(Lane.f32, operands))
  }

  #simple(operation: number, position: number): void {
    const operands = this.#popMany(popsOf(operation))
    const shape = shapeOf[operation] as number
    const isVector = shape === Shape.f32x4 || shape === Shape.f64x2
    const takenAs = takenAsOf[operation] as number
    if (takenAs !== 0) for (const node of operands) this.#graph.take(node, takenAs)
    switch (effectOf[operation]) {
      case Effect.compute:
        this.#stack.push(this.#graph.arithmetic(shape, position, this.#weight()))
        return
      case Effect.read:
        this.#stack.push(EXACT)
        return
      case Effect.carry: {
        const node = this.#merged(isVector ? takenAs : 0, operands)
        if (changesSign[operation] === 1) this.#graph.keepBits(node)
        this.#stack.push(node)
        return
      }
      case Effect.copySign: {
        const [magnitude = EXACT, sign = EXACT] = operands
        // The sign of a NaN becomes the sign of a number: that is seeing it.
        this.#graph.observe(sign)
        const node = this.#merged(0, [magnitude])
        this.#graph.keepBits(node)
        this.#stack.push(node)
        return
      }
      case Effect.tame:
        for (const node of operands) this.#graph.observe(node)
        this.#stack.push(isVector ? this.#graph.carried(laneOf(shape)) : TAME)
        return
      default:
        for (const node of operands) this.#graph.observe(node)
        if ((pushesOf[operation] as number) > 0) this.#stack.push(EXACT)
    }
  }

  /** A value that is one of the sources or made of them. @param lanes what vectors are taken for on the way */
  #merged(lanes: number, sources: readonly number[]): number {
    if (sources.every((node) => node === EXACT || node === TAME)) {
      if (sources.includes(EXACT)) return EXACT
      if (lanes === 0) return TAME
    }
    const node = this.#graph.carried(lanes)
    for (const source of sources) this.#graph.link(node, source)
    return node
  }

  /** A node for each value that can hold a NaN. */
  #joins(types: readonly number[]): number[] {
    return types.map((type) => {
      const isFloat = type === ValueType.f32 || type === ValueType.f64 || type === ValueType.v128
      return isFloat ? this.#graph.carried(0) : EXACT
    })
  }

  #blockType(encoded: number): FunctionType {
    if (encoded >= 0) return typeAt(this.#view, encoded)
    return { parameters: [], results: encoded === EMPTY_BLOCK ? [] : [encoded + VALUE_TYPE_OFFSET] }
  }

  #link(user: number, source: number): void {
    if (user !== EXACT) this.#graph.link(user, source)
  }

  #linkAll(users: readonly number[], sources: readonly number[]): void {
    for (const [index, user] of users.entries()) this.#link(user, sources[index] ?? TAME)
  }

  #pop(): number {
    if (this.#stack.length > this.#top().base) return this.#stack.pop() as number
    // Only in code that is never reached: there is no such value.
    return TAME
  }

  /** Popped values in the order in which they were pushed. */
  #popMany(count: number): number[] {
    const values: number[] = []
    for (let left = count; left > 0; left--) values.push(this.#pop())
    return values.reverse()
  }

  #top(): Frame {
    return this.#frames[this.#frames.length - 1] as Frame
  }

  #weight(): number {
    return TURNS_OF_LOOP ** Math.min(this.#loopDepth, LOOP_DEPTH_MAX)
  }
}
