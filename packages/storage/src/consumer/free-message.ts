import { freeMemory } from '@stead/core'

/** Gives back the memory of bytes that nobody else has, and of the message that they came in: see {@link freeMemory}. */
export function freeMessage({ buffer }: Uint8Array): void {
  freeMemory(new Uint8Array(buffer))
}
