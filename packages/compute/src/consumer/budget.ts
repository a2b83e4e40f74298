import type { Hash, MicroUsd } from '@stead/core'

interface Exposure {
  /** Paid ahead and not consumed by accepted deliveries: gone if the provider never delivers. */
  prepaid: bigint
  /** In flight or awaiting agreement; what it costs is taken from what was paid ahead first. */
  reserved: bigint
}

/** An amount on one channel. */
export interface ChannelAmount {
  readonly channel: Hash
  readonly amount: bigint
}

/**
 * What part of a job's money is where. Pure. What is spent, reserved and paid ahead is together never more than the
 * cap, as long as payments ahead were checked with {@link Budget.fits} as well.
 */
export class Budget {
  readonly capMicroUsd: MicroUsd
  readonly #channels: Map<Hash, Exposure> = new Map()
  #spent = 0n
  #reserved = 0n
  /** The sum of the larger of both parts of each channel. */
  #exposed = 0n

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

  /** What may still be reserved or paid ahead on a channel that has nothing of either. */
  get freeMicroUsd(): MicroUsd {
    return (this.capMicroUsd - this.#spent - this.#exposed) as MicroUsd
  }

  /** True when all these amounts can be reserved now; each channel at most once. */
  fits(amounts: readonly ChannelAmount[]): boolean {
    let added = 0n
    for (const { channel, amount } of amounts) {
      const { prepaid, reserved } = this.#channels.get(channel) ?? NONE
      added += greater(prepaid, reserved + amount) - greater(prepaid, reserved)
    }
    return added <= this.freeMicroUsd
  }

  /** Reserves before a delivery is asked for; false when it would exceed the cap. */
  reserve(channel: Hash, amount: bigint): boolean {
    if (!this.fits([{ channel, amount }])) return false
    this.#change(channel, { prepaid: 0n, reserved: amount })
    return true
  }

  /** Lets a reservation go down to what may still become due: the real amount, or nothing. @throws RangeError when it would grow */
  shrink(channel: Hash, from: bigint, to: bigint): void {
    if (to > from || from > (this.#channels.get(channel)?.reserved ?? 0n))
      throw new RangeError(`a reservation of ${from} cannot become ${to}`)
    this.#change(channel, { prepaid: 0n, reserved: to - from })
  }

  /** A reserved amount is accepted for payment. @throws RangeError when it was not reserved */
  spend(channel: Hash, amount: bigint): void {
    const { prepaid } = this.#channels.get(channel) ?? NONE
    this.shrink(channel, amount, 0n)
    this.#change(channel, { prepaid: prepaid > amount ? -amount : -prepaid, reserved: 0n })
    this.#spent += amount
  }

  /** So much is paid ahead on a channel and not consumed. */
  prepay(channel: Hash, amount: bigint): void {
    const { prepaid } = this.#channels.get(channel) ?? NONE
    this.#change(channel, { prepaid: amount - prepaid, reserved: 0n })
  }

  /** Counts what was spent before a restart. */
  restore(amount: bigint): void {
    this.#spent += amount
  }

  #change(channel: Hash, by: Exposure): void {
    const before = this.#channels.get(channel) ?? NONE
    const after = { prepaid: before.prepaid + by.prepaid, reserved: before.reserved + by.reserved }
    this.#exposed += greater(after.prepaid, after.reserved) - greater(before.prepaid, before.reserved)
    this.#reserved += by.reserved
    if (after.prepaid === 0n && after.reserved === 0n) this.#channels.delete(channel)
    else this.#channels.set(channel, after)
  }
}

const NONE: Exposure = { prepaid: 0n, reserved: 0n }

function greater(left: bigint, right: bigint): bigint {
  return left > right ? left : right
}
