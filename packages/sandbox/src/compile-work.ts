import type { FunctionCode } from './binary/function-reader.ts'
import { OPERATION_COUNT, Op } from './binary/opcodes.ts'
import { checkStaticLimit } from './static-limits.ts'
import { Effect, effectOf } from './strict/float-operations.ts'

/** {@link compileWeights} are 32nds of a unit. */
const WEIGHTS_PER_UNIT = 32

/**
 * V8's baseline compiler keeps a list of where each local and operand lives, and copies, merges or walks the whole list
 * at these operations. Measured (V8 14, x86-64) for each entry of the list: a branch 7 ns and 14 bytes that stay until
 * the function is compiled, `if` (which a conditional branch can become once it is metered) 13 ns and 27 bytes, a loop
 * with its check 16 ns and 40 bytes, a call 0.6 ns (and 230 ns once), a set that evicts a register 0.3 ns. Without a
 * limit, a function of 500 kB with 20,000 locals took 63 s, or all memory of a machine of 24 GB.
 */
const compileWeights: ReadonlyMap<number, number> = new Map([
  [Op.if, 64],
  [Op.loop, 96],
  [Op.else, 32],
  [Op.br, 32],
  [Op.brIf, 64],
  [Op.return, 32],
  [Op.call, 8],
  [Op.callIndirect, 8],
  [Op.localSet, 1],
  [Op.localTee, 1],
])

/** What one of these operations costs besides, in entries of that list: a metered branch takes 1.2 us in a list of 3. */
const FIXED_SLOTS = 64

/** Weight of operations that become calls of helper functions. */
const BULK_WEIGHT = 8
const weightOf: Uint8Array = Uint8Array.from({ length: 0x200 }, (_, operation) =>
  operation >= Op.memoryInit ? BULK_WEIGHT : (compileWeights.get(operation) ?? 0),
)

/**
 * What it costs to read and rewrite an operation besides the unit that each costs, in units of about 60 ns (the meter
 * places charges by the flow of a function: what branches costs more). Measured on modules of nothing but one pattern.
 */
const rewriteWeights: ReadonlyMap<number, number> = new Map([
  [Op.block, 1],
  [Op.loop, 6],
  [Op.if, 12],
  [Op.else, 6],
  [Op.br, 6],
  [Op.brIf, 12],
  [Op.brTable, 12],
  [Op.return, 6],
  [Op.call, 2],
  [Op.callIndirect, 2],
])

/** Float arithmetic is followed to where its bits are seen when floats are to be strict. */
const FLOAT_WEIGHT = 4
/** What a function costs besides its instructions, and a label of a table. */
const FUNCTION_WEIGHT = 32
const LABEL_WEIGHT = 1

const rewriteWeightOf: Uint8Array = Uint8Array.from(
  { length: OPERATION_COUNT },
  (_, operation) =>
    1 + (rewriteWeights.get(operation) ?? 0) + (effectOf[operation] === Effect.compute ? FLOAT_WEIGHT : 0),
)

/**
 * Adds up what a module's functions cost this machine before the first instruction runs, in units that are the same on
 * all machines: whether a module is accepted must not depend on how fast one is.
 */
export class ModuleWork {
  #compile = 0
  #rewrite = 0

  /**
   * Adds a function.
   * @param slots parameters, locals and the most operands that wait at once
   * @throws SandboxError SANDBOX_MODULE_LIMIT when V8 would need very long or very much memory to compile the function,
   * where nobody can interrupt it, or when all functions together are too much
   */
  add(code: FunctionCode, slots: number, offset: number): void {
    let weight = 0
    let labels = 1
    let rewrite = FUNCTION_WEIGHT
    for (let index = 0; index < code.count; index++) {
      const operation = code.operations[index] as number
      rewrite += rewriteWeightOf[operation] as number
      if (operation === Op.block || operation === Op.loop || operation === Op.if) labels++
      else if (operation === Op.end) labels--
      else if (operation === Op.brTable) {
        const targets = code.second[index] as number
        rewrite += LABEL_WEIGHT * targets
        // Of all branches of a table, those to one label are compiled once.
        weight += WEIGHTS_PER_UNIT * Math.min(targets, labels)
      }
      if (operation < weightOf.length) weight += weightOf[operation] as number
    }
    const compile = Math.ceil((weight * (slots + FIXED_SLOTS)) / WEIGHTS_PER_UNIT)
    checkStaticLimit('compileWork', compile, offset)
    this.#compile += compile
    this.#rewrite += rewrite
    checkStaticLimit('moduleCompileWork', this.#compile, offset)
    checkStaticLimit('rewriteWork', this.#rewrite, offset)
  }
}
