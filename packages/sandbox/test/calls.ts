import type { Fuel } from '@stead/core'
import type { CallInput, Limits } from '../src/call.ts'

const NO_BYTES = new Uint8Array(0)

/** A call of a function module. */
export function functionCall(input: Uint8Array = NO_BYTES, changes: Partial<CallInput> = {}): CallInput {
  return {
    kind: 'function',
    args: [],
    stdin: NO_BYTES,
    files: new Map(),
    input,
    seed: new Uint8Array(32),
    declaredTimeMs: 1_700_000_000_000,
    ...changes,
  }
}

/** A call of a command module. */
export function commandCall(changes: Partial<CallInput> = {}): CallInput {
  return functionCall(NO_BYTES, { kind: 'command', ...changes })
}

/** Limits that nothing in the tests should reach by accident. */
export function limits(changes: Partial<Omit<Limits, 'fuel'>> & { readonly fuel?: bigint } = {}): Limits {
  const { fuel = 1_000_000_000n, ...others } = changes
  return { memoryPages: 256, outputBytes: 1_000_000, timeMs: 10_000, ...others, fuel: fuel as Fuel }
}

/** The i64 that `stead_run` returns for an output range. */
export function packed(pointer: number, length: number): bigint {
  return (BigInt(pointer) << 32n) | BigInt(length)
}
