import { bytesToHex } from '@stead/protocol'
import type { PointerValue, RootPointer } from './root-pointer.ts'

/** Pointers in memory: for tests, and for trying out an object store without a network. */
export class MemoryRootPointers {
  readonly #values = new Map<string, PointerValue>()

  /** The pointer of a seed. */
  readonly open = (seed: Uint8Array): RootPointer => {
    const name = bytesToHex(seed)
    return {
      read: async () => {
        const known = this.#values.get(name)
        return known === undefined ? undefined : { ...known, value: Uint8Array.from(known.value) }
      },
      swap: async (expectedSequence, value) => {
        if ((this.#values.get(name)?.sequence ?? 0) !== expectedSequence) return 'moved'
        this.#values.set(name, { sequence: expectedSequence + 1, value: Uint8Array.from(value) })
        return 'done'
      },
    }
  }

  /** What every pointer says. */
  values(): ReadonlyMap<string, PointerValue> {
    return new Map(this.#values)
  }

  /** Puts back what {@link MemoryRootPointers.values} gave, as nodes do that serve an old state. */
  restore(values: ReadonlyMap<string, PointerValue>): void {
    for (const [name, value] of values) this.#values.set(name, value)
  }
}
