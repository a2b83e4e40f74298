import type { FunctionCode } from '../binary/function-reader.ts'
import { Op } from '../binary/opcodes.ts'
import { EdgeSite, type FlowGraph, type InnermostLoop } from './flow-graph.ts'
import { type Control, LoopReader } from './loop-reader.ts'

/**
 * A loop whose number of passes is known before it begins: each pass but the last adds `step` to a local, in 32-bit
 * arithmetic that wraps, and another pass follows while the local compares with the limit.
 */
export interface CountedLoop extends Control {
  /** Index of the `loop` instruction. */
  readonly start: number
  /** Units of what runs in every pass, and of what runs in every pass but the last; nothing of it pays inside the loop. */
  readonly unitsPerPass: number
  readonly unitsBetween: number
}

const UNITS_PER_PASS_MAX = 65_535

/**
 * Finds the counted loops among a function's innermost ones and takes the price of what runs in every pass out of the
 * graph: who charges for all passes before the loop has charged for it.
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
  const test = testOf(graph, code, loop)
  if (test === undefined) return undefined
  const always = blocksOfEveryPass(graph, code, loop, test.index)
  if (always === undefined) return undefined
  const control = new LoopReader(code, loop).readControl(test.index, (index) => {
    const block = graph.blockAt[index] as number
    return index < test.index && always.has(block) ? 'before' : block === test.between ? 'after' : undefined
  })
  if (control === undefined) return undefined
  let unitsPerPass = 0
  for (const block of always) unitsPerPass += graph.costOf[block] as number
  const unitsBetween = test.between === undefined ? 0 : (graph.costOf[test.between] as number)
  if (unitsPerPass === 0 || unitsPerPass + unitsBetween > UNITS_PER_PASS_MAX) return undefined
  for (const block of always) graph.costOf[block] = 0
  if (test.between !== undefined) graph.costOf[test.between] = 0
  return { start: loop.start, ...control, unitsPerPass, unitsBetween }
}

/** The branch that alone decides whether there is another pass. */
interface Test {
  /** Index of the `br_if` that begins the next pass, or of the `if` that is left by a `br` which does. */
  readonly index: number
  /** The one block of that `if`, which runs between two passes. */
  readonly between: number | undefined
}

function testOf(graph: FlowGraph, code: FunctionCode, loop: InnermostLoop): Test | undefined {
  const [edge] = loop.backEdges
  if (edge === undefined || loop.backEdges.length !== 1) return undefined
  const position = graph.positionOf[edge] as number
  if (graph.siteOf[edge] === EdgeSite.taken) return { index: position, between: undefined }
  const between = graph.fromOf[edge] as number
  const index = (graph.firstOf[between] as number) - 1
  return graph.siteOf[edge] === EdgeSite.before && code.operations[index] === Op.if ? { index, between } : undefined
}

/**
 * The blocks that every pass runs: those of the loop's own level up to the test. Nothing leaves the loop but past its end,
 * and what branches ahead lands on that level again, so each pass comes to the test if that is on that level, too.
 */
function blocksOfEveryPass(
  graph: FlowGraph,
  code: FunctionCode,
  loop: InnermostLoop,
  test: number,
): ReadonlySet<number> | undefined {
  const blocks = new Set<number>()
  let depth = 0
  for (let index = loop.start + 1; index <= test; index++) {
    const operation = code.operations[index] as number
    if (operation === Op.end) depth--
    else if (operation === Op.else) continue
    else {
      if (depth === 0) blocks.add(graph.blockAt[index] as number)
      if (operation === Op.block || operation === Op.if) depth++
    }
  }
  const level = code.operations[test] === Op.if ? 1 : 0
  return depth === level ? blocks : undefined
}
