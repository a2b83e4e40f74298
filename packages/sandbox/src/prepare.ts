import { messageOf } from '@stead/core'
import { FunctionReader } from './binary/function-reader.ts'
import { readModule } from './binary/module-reader.ts'
import type { ModuleView } from './binary/module-view.ts'
import { METER_VERSION } from './cost-table.ts'
import { type GuestInterface, keptExports, readGuestInterface } from './entry-points.ts'
import { SandboxError } from './errors.ts'
import type { MemoryPages } from './memory-shelf.ts'
import { meterModule } from './meter/meter.ts'
import { canonicalizeFloats } from './strict/canonicalize-floats.ts'
import type { FloatMode } from './strict/float-mode.ts'
import { type WasmModule, webAssembly } from './webassembly.ts'

/** What the runner must know of a module besides its code; plain data that can be posted between threads. */
export interface ModuleFacts extends GuestInterface {
  readonly meterVersion: number
  readonly floats: FloatMode
  readonly originalBytes: number
  readonly meteredBytes: number
  readonly memoryPagesMin: number
  /** Pages of the memory that an instance is given; undefined when it wants none. */
  readonly memory: MemoryPages | undefined
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
 * What is deterministic afterwards: in `strict` mode everything; in `raw` mode everything but the sign and payload bits
 * of NaN results of float operations, which WebAssembly leaves open and V8's compiler tiers choose differently, so that a
 * guest that stores or reinterprets a computed NaN can give other bytes elsewhere. Strict code is longer: a module within
 * a hair of the static limits can be refused in that mode alone.
 * @throws SandboxError SANDBOX_MALFORMED, SANDBOX_FORBIDDEN_FEATURE, SANDBOX_FORBIDDEN_IMPORT, SANDBOX_MODULE_LIMIT,
 * SANDBOX_NO_ENTRY
 */
export function prepareModule(bytes: Uint8Array, floats: FloatMode = 'raw'): PreparedModule {
  const view = readModule(bytes)
  // The whitelist looks first at all code when the engine objects, so that a feature is refused by its name.
  if (!webAssembly.validate(bytes)) throw explainInvalid(view)
  const guest = readGuestInterface(view)
  const code = floats === 'strict' ? strictView(view) : view
  const { bytes: metered, instanceFuel, entryFuel, memory } = meterModule(code, keptExports)
  const facts: ModuleFacts = {
    ...guest,
    meterVersion: METER_VERSION,
    floats,
    originalBytes: bytes.length,
    meteredBytes: metered.length,
    memoryPagesMin: view.memory?.min ?? 0,
    memory,
    instanceFuel,
    entryFuel,
  }
  return { facts, metered }
}

/** Prepares and compiles a binary, synchronously. @throws SandboxError as {@link prepareModule} */
export function compileModule(bytes: Uint8Array, floats: FloatMode = 'raw'): CompiledModule {
  const prepared = prepareModule(bytes, floats)
  return { facts: prepared.facts, module: new webAssembly.Module(prepared.metered) }
}

/** The module with canonical NaNs; the same view when nothing in it changes. */
function strictView(view: ModuleView): ModuleView {
  const strict = canonicalizeFloats(view)
  return strict === view.bytes ? view : readModule(strict)
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
