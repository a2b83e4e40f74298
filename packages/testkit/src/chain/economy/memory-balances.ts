import type { Address } from '@stead/core'

/** Who holds how much of one currency. Nothing comes or goes but by {@link mint} and {@link burn}. */
export class MemoryBalances {
  readonly #currency: string
  readonly #balances: Map<Address, bigint> = new Map()
  #supply = 0n

  constructor(currency: string) {
    this.#currency = currency
  }

  /** All that was made and not burned. */
  get supply(): bigint {
    return this.#supply
  }

  of(account: Address): bigint {
    return this.#balances.get(account) ?? 0n
  }

  mint(to: Address, amount: bigint): void {
    this.#supply += amount
    this.#balances.set(to, this.of(to) + amount)
  }

  /** @throws TypeError for more than there is: contracts look first */
  burn(from: Address, amount: bigint): void {
    this.#take(from, amount)
    this.#supply -= amount
  }

  /** @throws TypeError for more than there is: contracts look first */
  move(from: Address, to: Address, amount: bigint): void {
    this.#take(from, amount)
    this.#balances.set(to, this.of(to) + amount)
  }

  /** @throws TypeError when balances and supply do not agree */
  check(): void {
    let sum = 0n
    for (const balance of this.#balances.values()) sum += balance
    if (sum !== this.#supply) throw new TypeError(`${this.#currency}: accounts hold ${sum} of ${this.#supply}`)
  }

  #take(from: Address, amount: bigint): void {
    const have = this.of(from)
    if (amount < 0n || amount > have) throw new TypeError(`${from} has ${have} ${this.#currency}, not ${amount}`)
    this.#balances.set(from, have - amount)
  }
}
