import { silentLogger, silentMetrics } from '@stead/core'
import type { Executor, LoadedModule, Outcome } from '@stead/sandbox'
import asc from 'assemblyscript/asc'
import { ComputeProvider } from '../../src/index.ts'
import type { ServiceFactory } from './world.ts'

const SOURCE = `
export function stead_alloc(len: i32): i32 { return heap.alloc(len) as i32 }
export function stead_run(ptr: i32, len: i32): i64 {
  let sum: f64 = 0
  for (let i = 0; i < len; i++) sum += (load<u8>(ptr + i) as f64) * 0.5
  const out = heap.alloc(16)
  store<f64>(out, (sum - sum) / (sum - sum))
  store<f64>(out + 8, sum)
  return ((out as i64) << 32) | 16
}
`

/** A function module that answers with a computed NaN, and with half the sum of its input's bytes. */
export async function compileFloatGuest(): Promise<Uint8Array> {
  const { binary, error, stderr } = await asc.compileString(SOURCE, { runtime: 'stub', optimizeLevel: 3 })
  if (error !== null || binary === null) throw error ?? new Error(String(stderr))
  return binary
}

/** What that module answers with strict floats. */
export function expectedFloats(input: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, 0x7ff8_0000_0000_0000n, true)
  view.setFloat64(
    8,
    input.reduce((sum, byte) => sum + byte * 0.5, 0),
    true,
  )
  return bytes
}

/** An executor on a machine whose engine chooses this payload for the NaNs of raw floats. */
function withNanPayload(executor: Executor, payload: number): Executor {
  const changed = (module: LoadedModule, outcome: Outcome): Outcome => {
    if (module.floats === 'strict' || outcome.status !== 'ok') return outcome
    const output = outcome.output.slice()
    const view = new DataView(output.buffer)
    for (let at = 0; at + 8 <= output.length; at += 8)
      if (Number.isNaN(view.getFloat64(at, true))) view.setUint8(at, payload)
    return { ...outcome, output }
  }
  return {
    meterVersion: executor.meterVersion,
    start: () => executor.start(),
    stop: () => executor.stop(),
    isolation: () => executor.isolation(),
    load: (bytes, options) => executor.load(bytes, options),
    run: async (module, call, limits, options) => changed(module, await executor.run(module, call, limits, options)),
  }
}

/** An honest provider on such a machine. */
export function honestWithNanPayload(payload: number): ServiceFactory {
  return (parts) => {
    const executor = withNanPayload(parts.executor, payload)
    return new ComputeProvider({ ...parts, executor, logger: silentLogger, metrics: silentMetrics }, parts.options)
  }
}
