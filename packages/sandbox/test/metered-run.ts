import { addedExports, memoryImport } from '../src/meter/guest-globals.ts'
import { STACK_BUDGET_BYTES } from '../src/meter/stack-estimate.ts'
import type { CompiledModule, ModuleFacts } from '../src/prepare.ts'
import {
  type WasmExports,
  type WasmFunction,
  type WasmGlobal,
  type WasmImports,
  type WasmMemory,
  webAssembly,
} from '../src/webassembly.ts'
import { innerExports, meteredTwice } from './naive-meter.ts'

/** How a function module's `stead_run` ended, and what it had paid by then: not rounded to any limit. */
export interface BareRun {
  readonly ending: 'ok' | 'trap' | 'out-of-fuel' | 'stack-overflow'
  /** The engine's words for a trap, or the value returned. */
  readonly detail: string
  /** Units charged from entry to end; more than the limit when fuel ran out. */
  readonly units: bigint
  readonly memory: Uint8Array
}

/** The limit on pages that {@link runBare} gives: more than generated programs may have. */
const PAGES_MAX = 16

/**
 * Runs `stead_run` of a metered module with the counter at the limit itself, nothing added: so it ends at the first look
 * that finds more charged, and what is left in the counter is exactly what was charged.
 */
export function runBare({ facts, module }: CompiledModule, limit: bigint): BareRun {
  const { exports } = new webAssembly.Instance(module, memoryImports(facts))
  const fuel = exports[addedExports.fuel] as WasmGlobal
  const stack = exports[addedExports.stack] as WasmGlobal
  fuel.value = limit - BigInt(facts.entryFuel)
  stack.value = STACK_BUDGET_BYTES
  ;(exports[addedExports.pagesMax] as WasmGlobal).value = PAGES_MAX
  const { error, detail } = callRun(exports)
  const left = BigInt(fuel.value)
  const memory = new Uint8Array((exports.memory as WasmMemory).buffer)
  return { ending: endingOf(error, left, Number(stack.value)), detail, units: limit - left, memory }
}

/** What a metered module without any other imports wants. */
export function memoryImports({ memory }: ModuleFacts): WasmImports {
  if (memory === undefined) return {}
  const { min: initial, max: maximum } = memory
  return { [memoryImport.module]: { [memoryImport.name]: new webAssembly.Memory({ initial, maximum }) } }
}

/** Units that a billed module really executes until its limit, or a trap, ends it; above `workMax` it is ended. */
export function workUntil(bytes: Uint8Array, limit: bigint, workMax: bigint): bigint {
  const { module } = meteredTwice(bytes)
  const { exports } = new webAssembly.Instance(module, {})
  const set = (name: string, value: bigint | number): void => {
    ;(exports[name] as WasmGlobal).value = value
  }
  set(addedExports.fuel, workMax)
  set(addedExports.stack, 2 ** 30)
  set(addedExports.pagesMax, PAGES_MAX)
  set(innerExports.fuel, limit)
  set(innerExports.stack, STACK_BUDGET_BYTES)
  set(innerExports.pagesMax, PAGES_MAX)
  callRun(exports)
  return workMax - BigInt((exports[addedExports.fuel] as WasmGlobal).value)
}

function endingOf(error: boolean, fuelLeft: bigint, stackLeft: number): BareRun['ending'] {
  if (fuelLeft < 0n) return 'out-of-fuel'
  if (stackLeft < 0) return 'stack-overflow'
  return error ? 'trap' : 'ok'
}

/** The same for the module as it came, without any meter; only for what is known to end. */
export function runUnmetered(bytes: Uint8Array): { readonly detail: string; readonly memory: Uint8Array } {
  const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes as Uint8Array<ArrayBuffer>), {})
  const { detail } = callRun(exports)
  return { detail, memory: new Uint8Array((exports.memory as WasmMemory).buffer) }
}

function callRun(exports: WasmExports): { readonly error: boolean; readonly detail: string } {
  try {
    return { error: false, detail: String((exports.stead_run as WasmFunction)(1024, 3)) }
  } catch (error) {
    if (!(error instanceof webAssembly.RuntimeError)) throw error
    return { error: true, detail: error.message }
  }
}
