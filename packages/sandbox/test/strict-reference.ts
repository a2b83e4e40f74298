import { readModule } from '../src/binary/module-reader.ts'
import { placeEverywhere } from '../src/strict/canonical-placement.ts'
import { canonicalizeFloats } from '../src/strict/canonicalize-floats.ts'

/** Strict floats by definition: the result of every single arithmetic operation is made canonical. */
export function strictByDefinition(bytes: Uint8Array): Uint8Array {
  return canonicalizeFloats(readModule(bytes), () => placeEverywhere)
}

/** The module as strict mode makes it, not metered. */
export function strictModule(bytes: Uint8Array): Uint8Array {
  return canonicalizeFloats(readModule(bytes))
}
