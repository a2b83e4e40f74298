import type { Hash, MicroUsd } from '@stead/core'

/** What part of a job's money is where. Pure; `spent + reserved + prepaid` never exceeds the cap by a reservation. */
export class Budget {
  readonly capMicroUsd: MicroUsd
  #spent = 0n
  #reserved = 0n
  /** Paid ahead and not consumed, by channel: gone if the provider never delivers. */
  readonly #prepaid: Map<Hash, bigint> = new Map()
  #prepaidSum = 0n

  constructor(capMicroUsd: MicroUsd) {
    this.capMicroUsd = capMicroUsd
  }

  /** Accepted for payment. */
  get spentMicroUsd(): MicroUsd {
    return this.#spent as MicroUsd
  }

  /** In flight or awaiting agreement. */
  get reservedMicroUsd(): MicroUsd {
    return this.#reserved as MicroUsd
  }

  /** True when `amount` can be reserved now. */
  fits(amount: bigint): boolean {
    return this.#spent + this.#reserved + this.#prepaidSum + amount <= this.capMicroUsd
  }

  /** Reserves before a delivery is asked for; false when it would exceed the cap. */
  reserve(amount: bigint): boolean {
    if (!this.fits(amount)) return false
    this.#reserved += amount
    return true
  }

  /** Lets a reservation go down to what may still become due: the real amount, or nothing. @throws RangeError when it would grow */
  shrink(from: bigint, to: bigint): void {
    if (to > from || from > this.#reserved) throw new RangeError(`a reservation of ${from} cannot become ${to}`)
    this.#reserved -= from - to
  }

  /** A reserved amount is accepted for payment on a channel. @throws RangeError when it was not reserved */
  spend(channel: Hash, amount: bigint): void {
    if (amount > this.#reserved) throw new RangeError(`${amount} of ${this.#reserved} reserved cannot be spent`)
    this.#reserved -= amount
    this.#spent += amount
    const prepaid = this.#prepaid.get(channel)
    if (prepaid !== undefined) this.prepay(channel, prepaid > amount ? prepaid - amount : 0n)
  }

  /** So much was paid ahead on a channel and is not consumed. */
  prepay(channel: Hash, amount: bigint): void {
    this.#prepaidSum += amount - (this.#prepaid.get(channel) ?? 0n)
    if (amount === 0n) this.#prepaid.delete(channel)
    else this.#prepaid.set(channel, amount)
  }

  /** Counts what was spent before a restart. */
  restore(amount: bigint): void {
    this.#spent += amount
  }
}
