import { amountCosts } from './cost-table.ts'
import type { FuelGauge } from './fuel-gauge.ts'
import { GuestStop } from './guest-stop.ts'
import type { WasmMemory } from './webassembly.ts'

/** Characters shown of each of the two strings. */
const CHARACTERS_MAX = 400

/** Where the instance's memory and fuel are, once it exists. */
export interface AbortHost {
  readonly memory: WasmMemory | undefined
  readonly gauge: FuelGauge
}

/**
 * AssemblyScript's `env.abort(message, file, line, column)`: ends the guest with its message. Strings are UTF-16 with
 * their byte length in the 4 bytes before them; whatever lies outside memory reads as empty.
 */
export function abortGuest(
  host: AbortHost,
  pointers: readonly [number, number],
  position: readonly [number, number],
): never {
  host.gauge.charge(amountCosts.hostCall + CHARACTERS_MAX * 4 * amountCosts.perHostByte)
  const [message, file] = pointers.map((pointer) => readString(host.memory, pointer >>> 0)) as [string, string]
  const where = file === '' ? '' : ` at ${file}:${position[0] >>> 0}:${position[1] >>> 0}`
  throw new GuestStop({ kind: 'abort', detail: `${message}${where}` })
}

function readString(memory: WasmMemory | undefined, pointer: number): string {
  if (memory === undefined || pointer < 4) return ''
  const view = new DataView(memory.buffer)
  if (pointer > view.byteLength) return ''
  const length = Math.min(view.getUint32(pointer - 4, true) >>> 1, CHARACTERS_MAX, (view.byteLength - pointer) >>> 1)
  let text = ''
  for (let index = 0; index < length; index++) text += String.fromCharCode(view.getUint16(pointer + index * 2, true))
  return text.toWellFormed()
}
