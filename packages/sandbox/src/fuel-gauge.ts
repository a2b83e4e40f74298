import { GuestStop } from './guest-stop.ts'
import type { WasmGlobal } from './webassembly.ts'

/** The host's hand on an instance's fuel counter. */
export class FuelGauge {
  readonly #counter: WasmGlobal
  readonly #limit: bigint

  /** Fills the counter. */
  constructor(counter: WasmGlobal, limit: bigint) {
    this.#counter = counter
    this.#limit = limit
    counter.value = limit
  }

  /** Fuel used so far; more than the limit once it ran out. */
  used(): bigint {
    return this.#limit - BigInt(this.#counter.value)
  }

  /** Takes fuel for work that the host is about to do. @throws GuestStop when there is not enough */
  charge(units: number): void {
    const left = BigInt(this.#counter.value) - BigInt(units)
    this.#counter.value = left
    if (left < 0n) throw new GuestStop({ kind: 'out-of-fuel' })
  }
}
