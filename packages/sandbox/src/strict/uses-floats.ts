import { FunctionReader } from '../binary/function-reader.ts'
import { readModule } from '../binary/module-reader.ts'
import { hasFloatArithmetic } from './canonical-placement.ts'

/**
 * True when a module has float arithmetic, so that its raw results may differ between honest machines.
 * @throws SandboxError SANDBOX_MALFORMED, SANDBOX_FORBIDDEN_FEATURE, SANDBOX_FORBIDDEN_IMPORT, SANDBOX_MODULE_LIMIT
 */
export function usesFloats(bytes: Uint8Array): boolean {
  const view = readModule(bytes)
  const reader = new FunctionReader(bytes)
  return view.bodies.some((body) => hasFloatArithmetic(reader.read(body)))
}
