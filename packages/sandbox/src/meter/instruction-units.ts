import type { FunctionCode } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { amountCosts, operationCosts } from '../cost-table.ts'
import { blockTypeOf } from './block-types.ts'

/**
 * What each instruction of a function costs when its turn comes: the price of its operation, of the values that a branch
 * carries, and, for the first one, of entering the function. The one definition that placements and the count by
 * definition share. Reused from function to function: valid until the next {@link InstructionUnits.read}.
 */
export class InstructionUnits {
  #units = new Int32Array(4096)
  /** Values that a branch to each open label carries, from the function's own inwards. */
  readonly #arities: number[] = []

  /** Units of each instruction, by its index. Only for modules that have been validated. */
  read(view: ModuleView, type: FunctionType, code: FunctionCode): Int32Array {
    if (this.#units.length < code.count) this.#units = new Int32Array(code.operations.length)
    const units = this.#units
    const arities = this.#arities
    arities.length = 0
    arities.push(type.results.length)
    for (let index = 0; index < code.count; index++) {
      const operation = code.operations[index] as number
      units[index] = operationCosts[operation] as number
      if (operation > Op.return) continue
      if (operation === Op.block || operation === Op.if)
        arities.push(blockTypeOf(view, code.first[index] as number).results.length)
      else if (operation === Op.loop) arities.push(blockTypeOf(view, code.first[index] as number).parameters.length)
      else if (operation === Op.end) arities.pop()
      else if (operation >= Op.br) units[index] = (units[index] as number) + this.#carried(code, index)
    }
    const locals = Math.max(0, code.localCount - amountCosts.localsFree)
    units[0] = (units[0] as number) + locals * amountCosts.perLocal
    return units
  }

  /** What the values cost that a branch or `return` carries. */
  #carried(code: FunctionCode, index: number): number {
    const operation = code.operations[index] as number
    const first = code.first[index] as number
    // All targets of a table carry the same.
    const label = operation === Op.brTable ? (code.labels[first] as number) : first
    const depth = operation === Op.return ? 0 : this.#arities.length - 1 - label
    return Math.max(0, (this.#arities[depth] as number) - 1) * amountCosts.perBranchValue
  }
}
