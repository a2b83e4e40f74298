import { computeNeedSchema } from '@stead/compute'
import type { Fuel, UnixMs } from '@stead/core'
import { contentIdOf, type Task, taskSchema } from '@stead/protocol'
import { ECHO_MODULE } from '@stead/sandbox'
import { METER_VERSION } from '@stead/sandbox/facts'

/** So little that a task of an attack costs the least that its provider takes, and many fit into a window. */
export const HAND_FUEL: Fuel = 20_000n as Fuel
const INPUT = Uint8Array.of(1)
const LIMITS: Task['limits'] = { fuel: HAND_FUEL, memoryPages: 4, outputBytes: 64, timeMs: 5000 }

/** The document of a task with a module of one's own, whatever that is. */
export function handTaskOf(module: Uint8Array): Uint8Array {
  const task: Task = {
    version: 1,
    kind: 'function',
    module: contentIdOf('raw', module),
    meterVersion: METER_VERSION,
    args: [],
    input: [contentIdOf('raw', INPUT)],
    files: [],
    limits: LIMITS,
    seed: new Uint8Array(32),
    declaredTime: 0 as UnixMs,
  }
  return taskSchema.encodeDocument(task)
}

/** The document of the task that attacks ask for. */
export const HAND_TASK: Uint8Array = handTaskOf(ECHO_MODULE)
/** What must travel with it. */
export const HAND_BLOBS: readonly Uint8Array[] = [ECHO_MODULE, INPUT]
/** What a quote for it is asked with. */
export const HAND_NEED: Uint8Array = computeNeedSchema.encodeDocument({
  version: 1,
  module: contentIdOf('raw', ECHO_MODULE),
  meterVersion: METER_VERSION,
  fuel: LIMITS.fuel,
  memoryPages: LIMITS.memoryPages,
  outputBytes: LIMITS.outputBytes,
  timeMs: LIMITS.timeMs,
  moduleBytes: ECHO_MODULE.length,
  inputBytes: INPUT.length,
})
