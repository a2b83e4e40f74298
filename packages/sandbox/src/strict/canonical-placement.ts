import type { FunctionCode } from '../binary/function-reader.ts'
import type { ModuleView } from '../binary/module-view.ts'
import { DemandGraph } from './demand-graph.ts'
import { Effect, effectOf, shapeOf } from './float-operations.ts'
import { ValueTrace } from './value-trace.ts'

/** What is made canonical in one function: by instruction, the shape of the value that it leaves on the stack. */
export type CanonicalPlan = Uint8Array

/**
 * Makes the plan of one function after the other; undefined where nothing needs a change.
 * @param functionIndex imported functions counted first
 */
export type CanonicalPlacement = (code: FunctionCode, functionIndex: number) => CanonicalPlan | undefined

/**
 * Makes results of arithmetic canonical only where the program can see their bits: in memory, in integers, in calls and
 * globals; not where more arithmetic, comparisons and conversions follow.
 */
export function placeCanonicals(view: ModuleView): CanonicalPlacement {
  const graph = new DemandGraph()
  const trace = new ValueTrace(view, graph)
  let plan: CanonicalPlan = new Uint8Array(4096)
  return (code, functionIndex) => {
    if (!hasFloatArithmetic(code)) return undefined
    trace.trace(functionIndex, code)
    if (graph.isTooLarge) return placeEverywhere(code, functionIndex)
    if (plan.length < code.count) plan = new Uint8Array(code.count * 2)
    else plan.fill(0, 0, code.count)
    return graph.place(plan) ? plan : undefined
  }
}

/** Strict floats by definition: makes the result of every arithmetic operation canonical. */
export const placeEverywhere: CanonicalPlacement = (code) => {
  const plan: CanonicalPlan = new Uint8Array(code.count)
  for (let index = 0; index < code.count; index++) {
    const operation = code.operations[index] as number
    if (effectOf[operation] === Effect.compute) plan[index] = shapeOf[operation] as number
  }
  return plan
}

/** True when the function has an operation whose result may be NaN with bits that the engine chooses. */
export function hasFloatArithmetic(code: FunctionCode): boolean {
  for (let index = 0; index < code.count; index++)
    if (effectOf[code.operations[index] as number] === Effect.compute) return true
  return false
}
