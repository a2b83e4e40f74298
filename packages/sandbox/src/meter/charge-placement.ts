import type { FunctionCode } from '../binary/function-reader.ts'
import { Op } from '../binary/opcodes.ts'
import { operationCosts } from '../cost-table.ts'

/**
 * Where a function pays: before instruction `positions[i]` it is charged `costs[i]`, and when `checked[i]` it must then
 * have fuel left. Reused from function to function: valid until the next {@link placeCharges}.
 */
export class ChargePlan {
  count = 0
  positions: number[] = []
  costs: number[] = []
  checked: boolean[] = []

  add(position: number, checked: boolean): number {
    const slot = this.count++
    this.positions[slot] = position
    this.costs[slot] = 0
    this.checked[slot] = checked
    return slot
  }
}

interface Frame {
  /** Slot that pays for what comes next at this level. */
  slot: number
  /** A branch inside leaves through this frame's end without passing it: code after it is conditional. */
  escaped: boolean
  /** What comes next at this level cannot be reached. */
  dead: boolean
}

/** Fills a plan for one function. */
export type ChargePlacement = (plan: ChargePlan, code: FunctionCode, hasGuestCalls: boolean) => void

/**
 * Places the charges of one function: each straight run of instructions pays before it begins. Code after a block that
 * no branch jumps over joins the charge before the block. So a function that returns has paid exactly the sum of what
 * it executed; one that traps has paid for the whole run it was in. Fuel is checked on entry to a function that calls
 * others and in each pass of a loop: what runs between two checks is at most one pass over one function's code.
 */
export function placeCharges(plan: ChargePlan, code: FunctionCode, hasGuestCalls: boolean): void {
  plan.count = 0
  const frames: Frame[] = [{ slot: plan.add(0, hasGuestCalls), escaped: false, dead: false }]
  let top = frames[0] as Frame
  const open = (slot: number): void => {
    top = { slot, escaped: false, dead: top.dead }
    frames.push(top)
  }
  const branch = (label: number): void => {
    const target = frames.length - 1 - label
    for (let depth = frames.length - 1; depth > target; depth--) (frames[depth] as Frame).escaped = true
  }
  for (let index = 0; index < code.count; index++) {
    const operation = code.operations[index] as number
    if (!top.dead) plan.costs[top.slot] = (plan.costs[top.slot] as number) + (operationCosts[operation] as number)
    switch (operation) {
      case Op.block:
        open(top.slot)
        break
      case Op.loop:
        open(plan.add(index + 1, true))
        break
      case Op.if:
        open(plan.add(index + 1, false))
        break
      case Op.else:
        top.slot = plan.add(index + 1, false)
        top.dead = frames[frames.length - 2]?.dead ?? false
        break
      case Op.end:
        if (frames.length > 1) {
          const { escaped } = top
          frames.pop()
          top = frames[frames.length - 1] as Frame
          if (escaped && !top.dead) top.slot = plan.add(index + 1, false)
        }
        break
      case Op.brIf:
        if (!top.dead) {
          branch(code.first[index] as number)
          top.slot = plan.add(index + 1, false)
        }
        break
      case Op.br:
        if (!top.dead) branch(code.first[index] as number)
        top.dead = true
        break
      case Op.brTable:
        if (!top.dead) branchTable(code, index, branch)
        top.dead = true
        break
      case Op.return:
        if (!top.dead) branch(frames.length - 1)
        top.dead = true
        break
      case Op.unreachable:
        top.dead = true
        break
      default:
    }
  }
}

function branchTable(code: FunctionCode, index: number, branch: (label: number) => void): void {
  const from = code.first[index] as number
  const count = code.second[index] as number
  for (let position = from; position < from + count; position++) branch(code.labels[position] as number)
}
