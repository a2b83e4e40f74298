import { fuel } from '@stead/core'
import type { CallInput, Limits } from '@stead/sandbox'

const NOTHING = new Uint8Array(0)

/** A call of a function module. */
export function functionCall(input: Uint8Array = NOTHING): CallInput {
  const world = { seed: new Uint8Array(32), declaredTimeMs: 0 }
  return { kind: 'function', args: [], stdin: NOTHING, files: new Map(), input, ...world }
}

/** A call of a WASI command. */
export function commandCall(args: readonly string[] = []): CallInput {
  return { ...functionCall(), kind: 'command', args }
}

/** Limits that no bench reaches but by intent: a gibibyte of memory, ten minutes, fuel for a hundred years. */
export function limitsOf(changes: Partial<Limits> = {}): Limits {
  return { fuel: fuel(2n ** 62n), memoryPages: 16_384, outputBytes: 1_000_000, timeMs: 600_000, ...changes }
}
