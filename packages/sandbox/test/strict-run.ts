import { type WasmFunction, type WasmMemory, webAssembly } from '../src/webassembly.ts'

/** What an unmetered function module left behind. */
export interface MemoryAfter {
  /** The engine's words for a trap; undefined when the function returned. */
  readonly trap: string | undefined
  /** Bytes of memory from the input to the end of what programs here write. */
  readonly memory: Uint8Array
}

const INPUT_AT = 1024
const SEEN_BYTES = 2048

/** Runs `stead_run` of a module that needs no imports, on input that lies where `stead_alloc` of small modules says. */
export function runUnmetered(bytes: Uint8Array, input: Uint8Array): MemoryAfter {
  const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes))
  const memory = new Uint8Array((exports.memory as WasmMemory).buffer)
  memory.set(input, INPUT_AT)
  let trap: string | undefined
  try {
    ;(exports.stead_run as WasmFunction)(INPUT_AT, input.length)
  } catch (error) {
    if (!(error instanceof webAssembly.RuntimeError)) throw error
    trap = error.message
  }
  return { trap, memory: memory.slice(INPUT_AT, INPUT_AT + SEEN_BYTES) }
}
