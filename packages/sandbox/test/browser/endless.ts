import { guests } from '../guests.ts'
import { type Code, ModuleBuilder, op } from '../module-builder.ts'

/** Guests that never end by themselves, each in the middle of something else. */
export const endlessGuests: Readonly<Record<string, Uint8Array>> = {
  'an endless loop': guests.endlessLoop(),
  'an endless start function': guests.endlessStart(),
  'a loop of 1 GiB fills': memoryLoop([op.i32(0), op.i32(1), op.i32(2 ** 30), 0xfc, 11, 0]),
  'a loop of 512 MiB copies': memoryLoop([op.i32(0), op.i32(2 ** 29), op.i32(2 ** 29), 0xfc, 10, 0, 0]),
  'a loop of table fills': tableLoop([op.i32(0), 0xd0, 0x70, op.i32(100_000), 0xfc, 17, 0]),
  'a loop of table copies': tableLoop([op.i32(0), op.i32(1), op.i32(99_999), 0xfc, 14, 0, 0]),
  'a loop of growth that is refused': guests.repeat([op.i32(1), 0x40, 0, 0x1a]),
}

function memoryLoop(body: Code): Uint8Array {
  return guests.repeat(body, new ModuleBuilder().memory(16_384))
}

function tableLoop(body: Code): Uint8Array {
  return guests.repeat(body, new ModuleBuilder().table(100_000))
}
