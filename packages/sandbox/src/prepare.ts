import { messageOf } from '@stead/core'
import { FunctionReader } from './binary/function-reader.ts'
import { readModule } from './binary/module-reader.ts'
import type { ModuleView } from './binary/module-view.ts'
import { METER_VERSION } from './cost-table.ts'
import { type GuestInterface, keptExports, readGuestInterface } from './entry-points.ts'
import { SandboxError } from './errors.ts'
import { meterModule } from './meter/meter.ts'
import { type WasmModule, webAssembly } from './webassembly.ts'

/** What the runner must know of a module besides its code; plain data that can be posted between threads. */
export interface ModuleFacts extends GuestInterface {
  readonly meterVersion: number
  readonly originalBytes: number
  readonly meteredBytes: number
  readonly hasMemory: boolean
  readonly memoryPagesMin: number
  /** Fuel that a fresh instance costs before its first instruction. */
  readonly instanceFuel: number
  /** Fuel that each call of an export costs before its first instruction. */
  readonly entryFuel: number
}

/** A module that has been checked and metered, not yet compiled. */
export interface PreparedModule {
  readonly facts: ModuleFacts
  readonly metered: Uint8Array<ArrayBuffer>
}

/** A module that is ready to run. */
export interface CompiledModule {
  readonly facts: ModuleFacts
  readonly module: WasmModule
}

/**
 * Checks a binary against the whitelist, the static limits and the specification, and rewrites it so that it counts its
 * own fuel. Never runs any of it.
 *
 * What is deterministic afterwards: everything but the sign and payload bits of NaN results of float operations, which
 * WebAssembly leaves open and V8's compiler tiers choose differently. A guest that stores or reinterprets a computed NaN
 * can therefore give other bytes elsewhere; canonical NaNs are a mode still to come.
 * @throws SandboxError SANDBOX_MALFORMED, SANDBOX_FORBIDDEN_FEATURE, SANDBOX_FORBIDDEN_IMPORT, SANDBOX_MODULE_LIMIT,
 * SANDBOX_NO_ENTRY
 */
export function prepareModule(bytes: Uint8Array): PreparedModule {
  const view = readModule(bytes)
  // The whitelist looks first at all code when the engine objects, so that a feature is refused by its name.
  if (!webAssembly.validate(bytes)) throw explainInvalid(view)
  const guest = readGuestInterface(view)
  const { bytes: metered, instanceFuel, entryFuel } = meterModule(view, keptExports)
  const facts: ModuleFacts = {
    ...guest,
    meterVersion: METER_VERSION,
    originalBytes: bytes.length,
    meteredBytes: metered.length,
    hasMemory: view.memory !== undefined,
    memoryPagesMin: view.memory?.min ?? 0,
    instanceFuel,
    entryFuel,
  }
  return { facts, metered }
}

/** Prepares and compiles a binary, synchronously. @throws SandboxError as {@link prepareModule} */
export function compileModule(bytes: Uint8Array): CompiledModule {
  const prepared = prepareModule(bytes)
  return { facts: prepared.facts, module: new webAssembly.Module(prepared.metered) }
}

function explainInvalid(view: ModuleView): SandboxError {
  const reader = new FunctionReader(view.bytes)
  for (const body of view.bodies) reader.read(body)
  try {
    new webAssembly.Module(view.bytes)
  } catch (error) {
    return new SandboxError('SANDBOX_MALFORMED', `not a valid module: ${messageOf(error)}`, {
      details: { what: messageOf(error) },
    })
  }
  return new SandboxError('SANDBOX_MALFORMED', 'not a valid module', { details: { what: 'validation' } })
}
