import type { FunctionCode } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'
import { isVectorOperation, Op, stackDeltaOf } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'
import { blockTypeOf, functionTypeAt, typeAt } from './block-types.ts'

/**
 * How deep a guest may recurse, in estimated bytes of machine stack. V8's own limit differs by compiler tier and thread;
 * this one is counted inside the module and lies below all of them (984 KB on a main thread). Part of METER_VERSION.
 */
export const STACK_BUDGET_BYTES: number = 512 * 1024

/** A function without calls and with a frame below this is not counted: it runs in the reserve above the budget. */
export const UNCOUNTED_FRAME_BYTES: number = 2 * 1024

/** Return address, frame pointer, frame markers, instance, spilled registers: measured 48 .. 112 bytes on x86-64. */
const FRAME_BASE_BYTES = 112
const SLOT_BYTES = 8

/** What the transformer knows of one function's use of the machine stack. */
export interface StackEstimate {
  readonly frameBytes: number
  /** Calls another guest function, directly or through a table. */
  readonly hasGuestCalls: boolean
}

/** An upper bound of a function's machine frame in every compiler tier. Only for modules that have been validated. */
export function estimateStack(view: ModuleView, type: FunctionType, code: FunctionCode): StackEstimate {
  const walk = walkHeights(view, code)
  let slots = 2 * type.parameters.length + type.results.length + walk.outgoing
  for (const run of code.localRuns) slots += run.type === ValueType.v128 ? 2 * run.count : run.count
  slots += walk.hasVectors ? 2 * (walk.heightMax + type.parameters.length) : walk.heightMax
  return { frameBytes: FRAME_BASE_BYTES + SLOT_BYTES * slots, hasGuestCalls: walk.hasGuestCalls }
}

interface HeightWalk {
  heightMax: number
  outgoing: number
  hasVectors: boolean
  hasGuestCalls: boolean
}

/** Follows the operand stack's height through the validated instructions. */
function walkHeights(view: ModuleView, code: FunctionCode): HeightWalk {
  const walk: HeightWalk = { heightMax: 0, outgoing: 0, hasVectors: false, hasGuestCalls: false }
  const bases: number[] = [0]
  const types: FunctionType[] = []
  const importCount = view.imports.length
  let height = 0
  const call = (type: FunctionType): void => {
    height += type.results.length - type.parameters.length
    walk.outgoing = Math.max(walk.outgoing, 2 * type.parameters.length + 2 * type.results.length)
  }
  for (let index = 0; index < code.count; index++) {
    const operation = code.operations[index] as number
    const first = code.first[index] as number
    height += stackDeltaOf[operation] as number
    if (isVectorOperation(operation)) walk.hasVectors = true
    switch (operation) {
      case Op.block:
      case Op.loop:
      case Op.if: {
        const type = blockTypeOf(view, first)
        types.push(type)
        bases.push(height - type.parameters.length)
        break
      }
      case Op.else:
        height = lastOf(bases) + (types[types.length - 1]?.parameters.length ?? 0)
        break
      case Op.end:
        height = (bases.pop() ?? 0) + (types.pop()?.results.length ?? 0)
        break
      case Op.call:
        if (first >= importCount) walk.hasGuestCalls = true
        call(functionTypeAt(view, first))
        break
      case Op.callIndirect:
        walk.hasGuestCalls = true
        call(typeAt(view, first))
        break
      case Op.unreachable:
      case Op.br:
      case Op.brTable:
      case Op.return:
        height = lastOf(bases)
        break
      default:
    }
    // Code that cannot be reached may pop what is not there.
    if (height < lastOf(bases)) height = lastOf(bases)
    if (height > walk.heightMax) walk.heightMax = height
  }
  return walk
}

function lastOf(bases: readonly number[]): number {
  return bases[bases.length - 1] ?? 0
}
