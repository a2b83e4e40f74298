import { readModule } from '../src/binary/module-reader.ts'
import { keptExports } from '../src/entry-points.ts'
import { billingPlacement, type ChargePlacement, exactPlacement, isGuestCall } from '../src/meter/charge-placement.ts'
import { ChargePlan, ChargeSite } from '../src/meter/charge-plan.ts'
import { addedExports } from '../src/meter/guest-globals.ts'
import { InstructionUnits } from '../src/meter/instruction-units.ts'
import { meterModule } from '../src/meter/meter.ts'
import { type CompiledModule, type ModuleFacts, prepareModule } from '../src/prepare.ts'
import { webAssembly } from '../src/webassembly.ts'

/**
 * The count by definition: each instruction pays when its turn comes, with a check each time.
 * @param withLumps also what bills are made with: the prepayment of calls, and each refund that is not given
 */
function perInstruction(withLumps: boolean): ChargePlacement {
  const billing = billingPlacement()
  const lumps = new ChargePlan()
  const prices = new InstructionUnits()
  return {
    prepayUnits: withLumps ? billing.prepayUnits : 0,
    place(plan, target) {
      plan.clear()
      const { view, type, code, prepaidUnits } = target
      const entryUnits = withLumps ? billing.place(lumps, target) : 0
      const instructions = prices.read(view, type, code)
      for (let index = 0; index < code.count; index++) {
        const units = (instructions[index] as number) + (isGuestCall(view, code, index) ? prepaidUnits(index) : 0)
        if (units > 0) plan.charge(ChargeSite.before, index, units, true)
      }
      // What the caller prepaid is given back where the callee begins.
      if (entryUnits > 0) plan.charge(ChargeSite.before, 0, -entryUnits, false)
      if (withLumps)
        for (const { site, position, units } of lumps.keptRefunds) plan.charge(site, position, units, false)
      plan.sort()
      return entryUnits
    },
  }
}

/** What is known of modules that are metered more than once. */
const factsOf = new WeakMap<Uint8Array, ModuleFacts>()

function meteredWith(bytes: Uint8Array, placement: ChargePlacement): CompiledModule {
  const { bytes: metered, entryFuel } = meterModule(readModule(bytes), keptExports, { placement })
  const facts = factsOf.get(bytes) ?? prepareModule(bytes).facts
  factsOf.set(bytes, facts)
  return { facts: { ...facts, entryFuel }, module: new webAssembly.Module(metered) }
}

/** The same module, counting each instruction as it comes. */
export function meteredPerInstruction(bytes: Uint8Array, withLumps = false): CompiledModule {
  return meteredWith(bytes, perInstruction(withLumps))
}

/** The same module, metered so that every path pays exactly what it executes. */
export function meteredExactly(bytes: Uint8Array): CompiledModule {
  return meteredWith(bytes, exactPlacement())
}

/** Export names of the meter in a module that is metered again; as long as the meter's own, so that they can be swapped. */
export const innerExports: Readonly<Record<keyof typeof addedExports, string>> = {
  fuel: 'inner:fuel',
  stack: 'inner:stack',
  pagesMax: 'inner:pages-max',
  growth: 'inner:growth',
  start: 'inner:start',
}

/** The metered module, metered again: the outer count is all that was really executed, what the inner one adds included. */
export function meteredTwice(bytes: Uint8Array): CompiledModule {
  const inner = Buffer.from(meterModule(readModule(bytes), keptExports, { memory: 'own' }).bytes)
  for (const name of ['fuel', 'stack', 'pagesMax', 'growth', 'start'] as const) {
    const at = inner.indexOf(addedExports[name])
    if (at >= 0) inner.write(innerExports[name], at)
  }
  const kept = new Set([...keptExports, ...Object.values(innerExports)])
  const { bytes: outer, entryFuel } = meterModule(readModule(new Uint8Array(inner)), kept, {
    placement: perInstruction(false),
    memory: 'own',
  })
  return { facts: { ...prepareModule(bytes).facts, entryFuel }, module: new webAssembly.Module(outer) }
}
