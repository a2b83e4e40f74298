import { CHARGE_AHEAD_UNITS_MAX } from './cost-table.ts'
import { GuestStop } from './guest-stop.ts'
import type { WasmGlobal } from './webassembly.ts'

/**
 * The host's hand on an instance's fuel counter. Charges may run ahead of what is executed, and be given back, so the
 * counter begins that much higher than the limit: only what is used more than that ends a guest in its tracks, and
 * whether a call kept its limit is decided when it has ended.
 */
export class FuelGauge {
  readonly #counter: WasmGlobal
  readonly #start: bigint

  /** Fills the counter. */
  constructor(counter: WasmGlobal, limit: bigint) {
    this.#counter = counter
    this.#start = limit + BigInt(CHARGE_AHEAD_UNITS_MAX)
    counter.value = this.#start
  }

  /** Fuel used so far; more than the limit once it ran out. */
  used(): bigint {
    return this.#start - BigInt(this.#counter.value)
  }

  /** Takes fuel for work that the host is about to do. @throws GuestStop when there is not enough */
  charge(units: number): void {
    const left = BigInt(this.#counter.value) - BigInt(units)
    this.#counter.value = left
    if (left < 0n) throw new GuestStop({ kind: 'out-of-fuel' })
  }
}
