import type { PeerId } from '@stead/core'
import type { Admission, AdmissionRequest, MarketProvider } from '@stead/market'
import { bytesToHex } from '@stead/protocol'
import { decorated } from '@stead/testkit'

/** What one provider delivered to one payer, whatever the books of either say. */
export interface Deliveries {
  readonly amountMicroUsd: bigint
  readonly count: number
  /** A delivery that was made a second time; undefined while there is none. */
  readonly repeated: string | undefined
}

interface Tally {
  amountMicroUsd: bigint
  repeated: string | undefined
  readonly ids: Set<string>
}

const NOTHING: Deliveries = { amountMicroUsd: 0n, count: 0, repeated: undefined }

/**
 * Stands at the door through which results leave providers and notes what does, by itself: books that are wrong in the
 * same way on both sides agree with each other, but not with it. It survives the crashes of those whom it watches.
 */
export class Witness {
  readonly #tallies: Map<string, Tally> = new Map()

  /** The market of a provider, watched. */
  watch(provider: string, market: MarketProvider): MarketProvider {
    return decorated(market, {
      admit: (request: AdmissionRequest): Admission => {
        const admission = market.admit(request)
        return decorated(admission, {
          deliver: async (entry) => {
            await admission.deliver(entry)
            this.#note(this.#tally(provider, request.peer), bytesToHex(entry.delivery), entry.amountMicroUsd)
          },
        })
      },
    })
  }

  /** What a provider delivered to a payer since the world began. */
  delivered(provider: string, payer: PeerId): Deliveries {
    const tally = this.#tallies.get(`${provider}/${payer}`)
    if (tally === undefined) return NOTHING
    return { amountMicroUsd: tally.amountMicroUsd, count: tally.ids.size, repeated: tally.repeated }
  }

  #tally(provider: string, payer: PeerId): Tally {
    const name = `${provider}/${payer}`
    const known = this.#tallies.get(name)
    if (known !== undefined) return known
    const tally: Tally = { amountMicroUsd: 0n, repeated: undefined, ids: new Set() }
    this.#tallies.set(name, tally)
    return tally
  }

  #note(tally: Tally, delivery: string, amountMicroUsd: bigint): void {
    if (tally.ids.has(delivery)) tally.repeated ??= delivery
    tally.ids.add(delivery)
    tally.amountMicroUsd += amountMicroUsd
  }
}
