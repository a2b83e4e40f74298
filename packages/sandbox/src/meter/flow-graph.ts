import type { FunctionCode } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { blockTypeOf } from './block-types.ts'

/** Where code can be put so that it runs on one edge of the flow graph and nowhere else. */
export const EdgeSite = {
  /** Nowhere: the branch decides among several targets or carries values. */
  none: 0,
  /** Before the instruction at the edge's position. */
  before: 1,
  /** On the way of a `br_if` that is taken: it becomes an `if` around a `br`. */
  taken: 2,
  /** In the `else` that an `if` lacks; the position is that of its `end`. */
  otherwise: 3,
} as const

/** How often a loop is taken to run, and how much rarer than its body its exits are. */
const LOOP_FREQUENCY = 3
const FREQUENCY_MAX = 1e12

/**
 * The flow of one function as straight blocks and the edges between them. Arrays are parallel and reused from function
 * to function: valid until the next {@link FlowGraph.build}. Code that cannot be reached is in no block.
 */
export class FlowGraph {
  blockCount = 0
  /** First instruction of each block: code before it runs whenever the block does. */
  readonly firstOf: number[] = []
  /** Units that one pass through the block costs. */
  readonly costOf: number[] = []
  /** How often the block is expected to run, relative to the function. */
  readonly frequencyOf: number[] = []
  /** Loops around the block, and the first block of the innermost one; NONE outside of loops. */
  readonly loopDepthOf: number[] = []
  readonly headerOf: number[] = []
  /** The block calls functions, of the module or of the host. */
  readonly callsOf: boolean[] = []

  /** Block of each instruction, or DEAD. */
  blockAt: Int32Array<ArrayBuffer> = new Int32Array(4096)

  edgeCount = 0
  readonly fromOf: number[] = []
  /** Target block, or EXIT. */
  readonly toOf: number[] = []
  readonly siteOf: number[] = []
  readonly positionOf: number[] = []
  readonly edgeFrequencyOf: number[] = []

  /** Loops that contain no other loop, by the index of their `loop` instruction, with the index of their `end`. */
  readonly innermost: InnermostLoop[] = []
  /** Innermost loops that call nothing, in order: what they keep in locals stays there. */
  readonly callFree: { readonly start: number; readonly end: number }[] = []

  #view!: ModuleView
  #code!: FunctionCode
  readonly #frames: Frame[] = []
  #depth = 0
  #current = DEAD
  #loopDepth = 0
  #loopHeader = NONE

  /** Reads the flow of a validated function. @param priceOf units of each instruction, by its index */
  build(view: ModuleView, type: FunctionType, code: FunctionCode, priceOf: Int32Array): void {
    this.#view = view
    this.#code = code
    this.blockCount = 0
    this.edgeCount = 0
    this.innermost.length = 0
    this.callFree.length = 0
    this.#depth = -1
    this.#loopDepth = 0
    this.#loopHeader = NONE
    this.#current = this.#addBlock(0, 1)
    this.#push(Op.block, 0, type.results.length)
    const { operations, count } = code
    if (this.blockAt.length < count) this.blockAt = new Int32Array(operations.length)
    for (let index = 0; index < count; index++) {
      const operation = operations[index] as number
      const current = this.#current
      this.blockAt[index] = current
      if (current !== DEAD) this.costOf[current] = (this.costOf[current] as number) + (priceOf[index] as number)
      if (operation <= Op.callIndirect) this.#follow(operation, index)
    }
  }

  #follow(operation: number, index: number): void {
    switch (operation) {
      case Op.unreachable:
        this.#current = DEAD
        return
      case Op.block:
        this.#push(operation, index, blockTypeOf(this.#view, this.#code.first[index] as number).results.length)
        return
      case Op.loop:
        this.#openLoop(index)
        return
      case Op.if:
        this.#openIf(index)
        return
      case Op.else:
        this.#otherArm(index)
        return
      case Op.end:
        this.#close(index)
        return
      case Op.br:
        this.#branch(this.#code.first[index] as number, index, EdgeSite.before)
        this.#current = DEAD
        return
      case Op.return:
        this.#branch(this.#depth, index, EdgeSite.before)
        this.#current = DEAD
        return
      case Op.brIf:
        this.#branchIf(index)
        return
      case Op.brTable:
        this.#branchTable(index)
        return
      case Op.call:
      case Op.callIndirect:
        this.#noteCall()
        return
      default:
    }
  }

  #noteCall(): void {
    if (this.#current !== DEAD) this.callsOf[this.#current] = true
    this.#top().calls = true
  }

  #openLoop(index: number): void {
    this.#top().hasLoops = true
    const before = this.#current
    this.#loopDepth++
    this.#push(Op.loop, index, blockTypeOf(this.#view, this.#code.first[index] as number).parameters.length)
    if (before === DEAD) return
    const frequency = this.frequencyOf[before] as number
    this.#loopHeader = this.blockCount
    this.#current = this.#addBlock(index + 1, Math.min(frequency * LOOP_FREQUENCY, FREQUENCY_MAX))
    this.#top().header = this.#current
    this.#addEdge(before, this.#current, index, EdgeSite.before, frequency)
  }

  #openIf(index: number): void {
    const before = this.#current
    this.#push(Op.if, index, blockTypeOf(this.#view, this.#code.first[index] as number).results.length)
    if (before === DEAD) return
    const frame = this.#top()
    frame.header = before
    const half = (this.frequencyOf[before] as number) / 2
    this.#current = this.#addBlock(index + 1, half)
    this.#addEdge(before, this.#current, index, EdgeSite.none, half)
  }

  #otherArm(index: number): void {
    const frame = this.#top()
    this.#fallInto(frame, index)
    frame.operation = Op.else
    const before = frame.header
    this.#current = before
    if (before === DEAD) return
    const half = (this.frequencyOf[before] as number) / 2
    this.#current = this.#addBlock(index + 1, half)
    this.#addEdge(before, this.#current, index, EdgeSite.none, half)
  }

  /** The current block, if there is one, runs on into what follows the frame. */
  #fallInto(frame: Frame, index: number): void {
    if (this.#current === DEAD) return
    const frequency = this.frequencyOf[this.#current] as number
    this.#pend(frame, this.#addEdge(this.#current, DEAD, index, EdgeSite.before, frequency), frequency)
  }

  #pend(frame: Frame, edge: number, frequency: number): void {
    frame.pending.push(edge)
    frame.frequency += frequency
  }

  #close(index: number): void {
    const frame = this.#top()
    if (frame.operation === Op.loop) {
      const isPlain = !frame.calls && !frame.hasLoops && frame.outermost >= this.#depth
      this.#pop(frame)
      this.#loopDepth--
      if (frame.header === DEAD) return
      this.#loopHeader = frame.outerHeader
      if (!frame.calls && !frame.hasLoops) this.callFree.push({ start: frame.index, end: index })
      if (isPlain)
        this.innermost.push({ start: frame.index, end: index, header: frame.header, backEdges: frame.backEdges })
      return
    }
    if (frame.operation === Op.if && frame.header !== DEAD) {
      const half = (this.frequencyOf[frame.header] as number) / 2
      this.#pend(frame, this.#addEdge(frame.header, DEAD, index, EdgeSite.otherwise, half), half)
    }
    const isFunction = this.#depth === 0
    // A block that is only left through its end needs no edge: what follows is still the same block.
    if (!isFunction && frame.pending.length === 0) {
      this.#pop(frame)
      return
    }
    this.#fallInto(frame, index)
    this.#pop(frame)
    if (isFunction) {
      for (const edge of frame.pending) this.toOf[edge] = EXIT
      return
    }
    this.#current = this.#addBlock(index + 1, frame.frequency)
    for (const edge of frame.pending) this.toOf[edge] = this.#current
  }

  #branch(label: number, index: number, site: number, share = 1): void {
    if (this.#current === DEAD) return
    const frame = this.#frames[this.#depth - label] as Frame
    const frequency = (this.frequencyOf[this.#current] as number) * share
    const isBack = frame.operation === Op.loop
    const edge = this.#addEdge(this.#current, isBack ? frame.header : DEAD, index, site, frequency)
    if (isBack) frame.backEdges.push(edge)
    else this.#pend(frame, edge, frequency)
    const top = this.#top()
    top.outermost = Math.min(top.outermost, this.#depth - label)
  }

  #branchIf(index: number): void {
    if (this.#current === DEAD) return
    const label = this.#code.first[index] as number
    const frame = this.#frames[this.#depth - label] as Frame
    const before = this.#current
    const share = this.#takenShare(frame)
    this.#branch(label, index, frame.arity === 0 ? EdgeSite.taken : EdgeSite.none, share)
    const rest = (this.frequencyOf[before] as number) * (1 - share)
    this.#current = this.#addBlock(index + 1, rest)
    this.#addEdge(before, this.#current, index, EdgeSite.none, rest)
  }

  #takenShare(frame: Frame): number {
    if (frame.operation === Op.loop) return 1 - 1 / LOOP_FREQUENCY
    return frame.loopDepth < this.#loopDepth ? 1 / LOOP_FREQUENCY : 0.5
  }

  #branchTable(index: number): void {
    const from = this.#code.first[index] as number
    const count = this.#code.second[index] as number
    // However often a table names a label, one edge leads there.
    const times = new Map<number, number>()
    for (let position = from; position < from + count; position++) {
      const label = this.#code.labels[position] as number
      times.set(label, (times.get(label) ?? 0) + 1)
    }
    for (const [label, share] of times) this.#branch(label, index, EdgeSite.none, share / count)
    this.#current = DEAD
  }

  #addBlock(first: number, frequency: number): number {
    const block = this.blockCount++
    this.firstOf[block] = first
    this.costOf[block] = 0
    this.frequencyOf[block] = frequency
    this.loopDepthOf[block] = this.#loopDepth
    this.headerOf[block] = this.#loopHeader
    this.callsOf[block] = false
    return block
  }

  #addEdge(from: number, to: number, position: number, site: number, frequency: number): number {
    const edge = this.edgeCount++
    this.fromOf[edge] = from
    this.toOf[edge] = to
    this.positionOf[edge] = position
    this.siteOf[edge] = site
    this.edgeFrequencyOf[edge] = frequency
    return edge
  }

  #push(operation: number, index: number, arity: number): void {
    this.#depth++
    const frame = this.#frames[this.#depth] ?? newFrame()
    this.#frames[this.#depth] = frame
    frame.operation = operation
    frame.index = index
    frame.arity = arity
    frame.loopDepth = this.#loopDepth
    frame.outerHeader = this.#loopHeader
    frame.header = DEAD
    frame.frequency = 0
    frame.hasLoops = false
    frame.calls = false
    frame.outermost = this.#depth
    frame.pending.length = 0
    frame.backEdges = []
  }

  /** Ends the frame on top; what it contains is contained in the next one out. */
  #pop(frame: Frame): void {
    this.#depth--
    if (this.#depth < 0) return
    const outer = this.#top()
    outer.calls ||= frame.calls
    outer.hasLoops ||= frame.hasLoops
    outer.outermost = Math.min(outer.outermost, frame.outermost)
  }

  #top(): Frame {
    return this.#frames[this.#depth] as Frame
  }
}

/** Target of edges that leave the function. */
export const EXIT = -2
/** Header of blocks that are in no loop. */
export const NONE = -1
/** Block of instructions that cannot be reached. */
const DEAD = -1

/** A loop without calls, other loops, and branches that leave it other than by its end. */
export interface InnermostLoop {
  /** Index of the `loop` instruction, and of its `end`. */
  readonly start: number
  readonly end: number
  readonly header: number
  /** Edges that begin the next pass. */
  readonly backEdges: readonly number[]
}

interface Frame {
  operation: number
  index: number
  /** Values that a branch to the label carries. */
  arity: number
  /** Loops around what a branch to the label reaches. */
  loopDepth: number
  /** First block of the loop around the frame. */
  outerHeader: number
  /** Loop: its first block. If: the block that decides. */
  header: number
  /** Edges into what follows the frame, and how often they are expected to be taken. */
  pending: number[]
  frequency: number
  backEdges: number[]
  /** Loops are inside. */
  hasLoops: boolean
  /** Functions are called inside. */
  calls: boolean
  /** Depth of the outermost frame that a branch inside goes to, or its own. */
  outermost: number
}

function newFrame(): Frame {
  return {
    operation: 0,
    index: 0,
    arity: 0,
    loopDepth: 0,
    outerHeader: NONE,
    header: DEAD,
    pending: [],
    frequency: 0,
    backEdges: [],
    hasLoops: false,
    calls: false,
    outermost: 0,
  }
}
