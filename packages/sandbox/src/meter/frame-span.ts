import type { FunctionCode } from '../binary/function-reader.ts'
import { Op } from '../binary/opcodes.ts'

/** Blocks around a function's calls that are tried, from the innermost outwards. */
const CANDIDATES_MAX = 3

/** The part of a function that makes its calls: before and behind it, no frame need be taken from the stack budget. */
export interface FrameSpan {
  /** Instruction before which the frame is taken. */
  readonly enter: number
  /** The `end` or `else` before which it is put back. */
  readonly leave: number
  /** Each `br` and `return` on the way that leaves the part: the frame is put back before it, too. */
  readonly exits: ReadonlySet<number>
}

/** A block, an arm, or the whole function, that contains all calls and is in no loop. */
interface Candidate {
  /** First instruction on the block's own level that calls, or that opens what does. */
  enter: number
  /** Index of its `end` or `else`. */
  leave: number
}

/**
 * Finds the innermost part of a function that contains all its calls, runs at most once, and is left by what can first put
 * something back: not by a `br_if` or a table. Functions often return early without a call, recursive ones above all.
 * @param calls says whether an instruction calls a function of the module; at least one does
 */
export function findFrameSpan(code: FunctionCode, calls: (index: number) => boolean): FrameSpan | undefined {
  for (const candidate of candidatesOf(code, calls)) {
    const exits = exitsOf(code, candidate)
    if (exits !== undefined) return { ...candidate, exits }
  }
  return undefined
}

function candidatesOf(code: FunctionCode, calls: (index: number) => boolean): readonly Candidate[] {
  const last = code.count - 1
  const open: Level[] = [{ calls: 0, enter: last, isLoop: false }]
  const found: (Candidate & { readonly calls: number })[] = []
  let loops = 0
  const close = (leave: number): void => {
    const level = open.pop() as Level
    if (level.isLoop) loops--
    else if (level.calls > 0 && loops === 0) found.push({ enter: level.enter, leave, calls: level.calls })
    const outer = open.at(-1)
    if (outer === undefined || level.calls === 0) return
    if (outer.calls === 0) outer.enter = level.opened ?? 0
    outer.calls += level.calls
  }
  for (let index = 0; index < code.count; index++) {
    const operation = code.operations[index] as number
    if (operation === Op.block || operation === Op.loop || operation === Op.if) {
      const isLoop = operation === Op.loop
      if (isLoop) loops++
      open.push({ calls: 0, enter: last, isLoop, opened: index })
    } else if (operation === Op.else) {
      const opened = open.at(-1)?.opened
      close(index)
      open.push({ calls: 0, enter: last, isLoop: false, opened })
    } else if (operation === Op.end) close(index)
    else if (calls(index)) {
      const level = open.at(-1) as Level
      if (level.calls === 0) level.enter = index
      level.calls++
    }
  }
  const all = found.at(-1)?.calls
  return found.filter((candidate) => candidate.calls === all).slice(0, CANDIDATES_MAX)
}

interface Level {
  /** Calls so far, those inside included. */
  calls: number
  enter: number
  readonly isLoop: boolean
  /** Index of the `block`, `loop` or `if`; undefined for the function. */
  readonly opened?: number | undefined
}

/** What leaves the part unconditionally; undefined when something leaves it that may also stay. */
function exitsOf(code: FunctionCode, { enter, leave }: Candidate): ReadonlySet<number> | undefined {
  const exits = new Set<number>()
  let depth = 0
  for (let index = enter; index < leave; index++) {
    const operation = code.operations[index] as number
    const label = code.first[index] as number
    if (operation === Op.block || operation === Op.loop || operation === Op.if) depth++
    else if (operation === Op.end) depth--
    else if (operation === Op.return || (operation === Op.br && label >= depth)) exits.add(index)
    else if (operation === Op.brIf && label >= depth) return undefined
    else if (operation === Op.brTable) {
      const count = code.second[index] as number
      for (let target = label; target < label + count; target++)
        if ((code.labels[target] as number) >= depth) return undefined
    }
  }
  return exits
}
