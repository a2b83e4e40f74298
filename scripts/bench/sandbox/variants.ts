import { type CompiledModule, compileModule, prepareModule, runCall } from '@stead/sandbox'
import { readModule } from '../../../packages/sandbox/src/binary/module-reader.ts'
import { keptExports, readGuestInterface, WASI_MODULE } from '../../../packages/sandbox/src/entry-points.ts'
import { FuelGauge } from '../../../packages/sandbox/src/fuel-gauge.ts'
import { GuestStop } from '../../../packages/sandbox/src/guest-stop.ts'
import { type ChargePlacement, exactPlacement } from '../../../packages/sandbox/src/meter/charge-placement.ts'
import { meterModule } from '../../../packages/sandbox/src/meter/meter.ts'
import { GuestMemory } from '../../../packages/sandbox/src/wasi/guest-memory.ts'
import { WasiHost } from '../../../packages/sandbox/src/wasi/host.ts'
import { wasiImports } from '../../../packages/sandbox/src/wasi/imports.ts'
import { type WasmFunction, type WasmMemory, webAssembly } from '../../../packages/sandbox/src/webassembly.ts'
import { commandCall, limitsOf } from './guest-calls.ts'

const limits = limitsOf()

/** What one run gave. */
export interface RunResult {
  readonly output: Uint8Array
  /** Units that the program's own work cost; 0 where nothing counts. */
  readonly fuel: bigint
}

/** A module made ready in one way; each call runs it in a fresh instance. */
export type Runner = (args: readonly string[]) => RunResult

/** The module as the compiler made it, over the same host functions, whose charges go nowhere. */
function unmetered(bytes: Uint8Array): Runner {
  const { wasiImports: names } = readGuestInterface(readModule(bytes))
  const module = new webAssembly.Module(bytes)
  return (args) => {
    const hosts: WasiHost[] = []
    const imports = wasiImports(names, () => hosts[0] as WasiHost)
    const { exports } = new webAssembly.Instance(module, { [WASI_MODULE]: imports })
    const memory = new GuestMemory(exports.memory as WasmMemory)
    const host = new WasiHost(
      { memory, gauge: new FuelGauge({ value: 0n }, limits.fuel) },
      commandCall(args),
      1_000_000,
    )
    hosts.push(host)
    try {
      ;(exports._start as WasmFunction)()
    } catch (error) {
      if (!(error instanceof GuestStop)) throw error
      if (error.reason.kind !== 'exit' || error.reason.exitCode !== 0) throw new Error(JSON.stringify(error.reason))
    }
    return { output: host.stdout.view().slice(), fuel: 0n }
  }
}

/** The same module with its charges placed in another way than that of bills. */
export function meteredWith(bytes: Uint8Array, placement: ChargePlacement): CompiledModule {
  const { bytes: metered, ...fuel } = meterModule(readModule(bytes), keptExports, { placement })
  return { facts: { ...prepareModule(bytes).facts, ...fuel }, module: new webAssembly.Module(metered) }
}

/** Runs a metered module as every guest is run. */
export function runnerOf(compiled: CompiledModule): Runner {
  return (args) => {
    const outcome = runCall(compiled, commandCall(args), limits)
    if (outcome.status !== 'ok' || outcome.exitCode !== 0)
      throw new Error(JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? String(value) : value)))
    return { output: outcome.output, fuel: outcome.fuel - BigInt(compiled.facts.instanceFuel) }
  }
}

/** The ways of running a module that are compared. */
export type VariantName = 'unmetered' | 'metered' | 'exact' | 'strict'

/** Makes a module ready, in each way; the first is what the others are measured against. */
export const variants: Readonly<Record<VariantName, (bytes: Uint8Array) => Runner>> = {
  unmetered,
  metered: (bytes) => runnerOf(compileModule(bytes)),
  exact: (bytes) => runnerOf(meteredWith(bytes, exactPlacement())),
  strict: (bytes) => runnerOf(compileModule(bytes, 'strict')),
}
