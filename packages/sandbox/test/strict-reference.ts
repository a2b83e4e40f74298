import { readModule } from '../src/binary/module-reader.ts'
import type { CanonicalPlacement } from '../src/strict/canonical-placement.ts'
import { canonicalizeFloats } from '../src/strict/canonicalize-floats.ts'
import { Effect, effectOf, shapeOf } from '../src/strict/float-operations.ts'

/** Strict floats by definition: the result of every single arithmetic operation is made canonical. */
export function strictByDefinition(bytes: Uint8Array): Uint8Array {
  return canonicalizeFloats(readModule(bytes), () => afterEveryOperation)
}

/** The module as strict mode makes it, not metered. */
export function strictModule(bytes: Uint8Array): Uint8Array {
  return canonicalizeFloats(readModule(bytes))
}

const afterEveryOperation: CanonicalPlacement = (code) => {
  const plan = new Uint8Array(code.count)
  for (let index = 0; index < code.count; index++) {
    const operation = code.operations[index] as number
    if (effectOf[operation] === Effect.compute) plan[index] = shapeOf[operation] as number
  }
  return plan
}
