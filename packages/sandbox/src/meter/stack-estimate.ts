import type { FunctionCode } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'
import { isVectorOperation, Op, stackDeltaOf } from '../binary/opcodes.ts'
import { ValueType } from '../whitelist.ts'
import { blockTypeOf, functionTypeAt, typeAt } from './block-types.ts'

/**
 * How deep a guest may recurse, in estimated bytes of machine stack. V8's own limit differs by compiler tier and thread;
 * this one is counted inside the module and lies below all of them (508 KB in a Chromium worker). Part of METER_VERSION.
 */
export const STACK_BUDGET_BYTES: number = 448 * 1024

/**
 * Machine stack that a thread for strangers' guests must have. The optimising compiler may keep a value that the guest
 * computes twice alive in between, so a hostile function can have a frame of half its instructions, 4 bytes for each.
 * {@link SHARE_OF_INSTRUCTIONS} puts a 64th of that into the estimate; this stack is over 64 times the budget.
 */
export const MACHINE_STACK_MIB: number = 64

/** Return address, frame pointer, frame markers, instance, feedback: measured 56 bytes on x86-64, V8 13.6 and 14. */
const FRAME_BASE_BYTES = 72
const SLOT_BYTES = 8
/** From i32.eqz on, operations compute; constants, locals, memory and structure come before. */
const FIRST_COMPUTING_OPERATION = 0x45
/** Bytes of the estimate for each instruction that computes something: 4 / 64. */
const SHARE_OF_INSTRUCTIONS = 1 / 16

/** What the transformer knows of one function's use of the machine stack. */
export interface StackEstimate {
  readonly frameBytes: number
  /** Parameters, locals and the most operands that wait at once, in stack slots. */
  readonly slots: number
}

/** An upper bound of a function's machine frame in every compiler tier. Only for modules that have been validated. */
export function estimateStack(view: ModuleView, type: FunctionType, code: FunctionCode): StackEstimate {
  const walk = walkHeights(view, code)
  let slots = slotsOf(type.parameters) + walk.outgoing + (walk.hasVectors ? 2 : 1) * walk.heightMax
  for (const run of code.localRuns) slots += run.type === ValueType.v128 ? 2 * run.count : run.count
  const shared = Math.ceil((walk.hasVectors ? 2 : 1) * walk.computing * SHARE_OF_INSTRUCTIONS)
  return { slots, frameBytes: FRAME_BASE_BYTES + SLOT_BYTES * slots + shared }
}

interface HeightWalk {
  heightMax: number
  /** Instructions whose value the compiler could keep: all but constants, locals and structure. */
  computing: number
  outgoing: number
  hasVectors: boolean
}

/** Follows the operand stack's height through the validated instructions. */
function walkHeights(view: ModuleView, code: FunctionCode): HeightWalk {
  const walk: HeightWalk = { heightMax: 0, computing: 0, outgoing: 0, hasVectors: false }
  const bases: number[] = [0]
  const types: FunctionType[] = []
  let height = 0
  const call = (type: FunctionType): void => {
    height += type.results.length - type.parameters.length
    walk.outgoing = Math.max(walk.outgoing, slotsOf(type.parameters) + slotsOf(type.results))
  }
  for (let index = 0; index < code.count; index++) {
    const operation = code.operations[index] as number
    const first = code.first[index] as number
    height += stackDeltaOf[operation] as number
    if (isVectorOperation(operation)) walk.hasVectors = true
    if (operation >= FIRST_COMPUTING_OPERATION) walk.computing++
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
        call(functionTypeAt(view, first))
        break
      case Op.callIndirect:
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

function slotsOf(types: readonly number[]): number {
  let slots = 0
  for (const type of types) slots += type === ValueType.v128 ? 2 : 1
  return slots
}

function lastOf(bases: readonly number[]): number {
  return bases[bases.length - 1] ?? 0
}
