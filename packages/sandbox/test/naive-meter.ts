import { readModule } from '../src/binary/module-reader.ts'
import { operationCosts } from '../src/cost-table.ts'
import { keptExports } from '../src/entry-points.ts'
import type { ChargePlacement } from '../src/meter/charge-placement.ts'
import { meterModule } from '../src/meter/meter.ts'
import { type CompiledModule, compileModule } from '../src/prepare.ts'
import { webAssembly } from '../src/webassembly.ts'

/** The count by definition: each instruction pays when its turn comes, with a check each time. */
const perInstruction: ChargePlacement = (plan, code) => {
  plan.count = 0
  for (let index = 0; index < code.count; index++) {
    const cost = operationCosts[code.operations[index] as number] as number
    if (cost > 0) plan.costs[plan.add(index, true)] = cost
  }
}

/** The same module, counting each instruction as it comes. */
export function meteredPerInstruction(bytes: Uint8Array): CompiledModule {
  const { bytes: metered } = meterModule(readModule(bytes), keptExports, perInstruction)
  return { facts: compileModule(bytes).facts, module: new webAssembly.Module(metered) }
}
