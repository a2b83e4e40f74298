import type { Address } from '@stead/core'
import type { MemoryLedger, SeededRandom } from '@stead/testkit'
import type { Tally } from '../engine/tally.ts'

/** What gas faults act on. */
export interface GasFaultsComponents {
  readonly ledger: MemoryLedger
  readonly random: SeededRandom
  readonly tally: Tally
  readonly tell: (what: string) => void
}

/** A busy day costs up to so many times as much: 2^10. */
const DOUBLINGS_MAX = 10

/** Makes gas dear for a while, and takes it from accounts for a while. */
export class GasFaults {
  readonly #components: GasFaultsComponents
  readonly #usualWei: bigint
  /** What was taken from accounts that have none now. */
  readonly #taken: Map<Address, bigint> = new Map()

  constructor(components: GasFaultsComponents) {
    this.#components = components
    this.#usualWei = components.ledger.gasPriceWei
  }

  spike(): void {
    const { ledger, random, tally, tell } = this.#components
    const factor = 2n ** BigInt(1 + Math.floor(random.fraction() * DOUBLINGS_MAX))
    ledger.setGasPriceWei(this.#usualWei * factor)
    tally.add('gasSpikes')
    tell(`gas costs ${factor} times as much`)
  }

  endSpike(): void {
    this.#components.ledger.setGasPriceWei(this.#usualWei)
  }

  drain(account: Address): void {
    const { ledger, tally } = this.#components
    if (this.#taken.has(account)) return
    const { gasWei } = ledger.balances(account)
    this.#taken.set(account, gasWei)
    ledger.burnGas(account, gasWei)
    tally.add('gasDrains')
  }

  /** Somebody fills the account up again. */
  refill(account: Address): void {
    const gasWei = this.#taken.get(account)
    if (gasWei !== undefined && this.#taken.delete(account)) this.#components.ledger.give(account, { gasWei })
  }

  /** All as usual. */
  end(): void {
    this.endSpike()
    for (const account of [...this.#taken.keys()]) this.refill(account)
  }
}
