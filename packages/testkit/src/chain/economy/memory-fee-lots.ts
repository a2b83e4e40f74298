import { type Address, type LotForSale, type MicroUsd, microUsd } from '@stead/core'
import { chainRefusal } from '../chain-refusal.ts'
import { revert } from '../revert.ts'
import type { EpochClock } from './epoch-clock.ts'
import { nextStart, priceAt } from './falling-price.ts'

/** How the fees are sold. */
export interface MemorySaleTerms {
  readonly halvingSeconds: number
  readonly firstPriceTokenUnits: bigint
  readonly minimumLotMicroUsd: bigint
}

/** A lot that was sold. */
export interface SoldFees {
  readonly lot: bigint
  readonly lastEpoch: number
  readonly soldAtSeconds: number
  readonly feesMicroUsd: MicroUsd
  readonly burnedTokenUnits: bigint
}

/** The rules of FeeLots.sol: fees by epoch and operator, and their sale. Moves no money. */
export class MemoryFeeLots {
  readonly #epochs: EpochClock
  readonly #terms: MemorySaleTerms
  readonly #feesOf: Map<string, bigint> = new Map()
  readonly #lots: SoldFees[] = []
  #startPrice: bigint
  /** Fees that are not sold, as of the last claim. */
  #unsold = { epoch: 0, inEpoch: 0n, before: 0n }

  constructor(epochs: EpochClock, terms: MemorySaleTerms) {
    this.#epochs = epochs
    this.#terms = terms
    this.#startPrice = terms.firstPriceTokenUnits
  }

  get heldMicroUsd(): MicroUsd {
    return microUsd(this.#unsold.before + this.#unsold.inEpoch)
  }

  get sold(): readonly SoldFees[] {
    return this.#lots
  }

  /** Fees of an operator's traffic in the epoch that runs. */
  collect(operator: Address, feeMicroUsd: bigint, nowSeconds: number): void {
    const epoch = this.#epochs.epochAt(nowSeconds)
    this.#roll(epoch)
    this.#unsold.inEpoch += feeMicroUsd
    const key = keyOf(epoch, operator)
    this.#feesOf.set(key, (this.#feesOf.get(key) ?? 0n) + feeMicroUsd)
  }

  feesOf(epoch: number, operator: Address): MicroUsd {
    return microUsd(this.#feesOf.get(keyOf(epoch, operator)) ?? 0n)
  }

  forSale(nowSeconds: number): LotForSale {
    const epoch = this.#epochs.epochAt(nowSeconds)
    const { before, inEpoch } = this.#unsold
    const fees = before + (this.#unsold.epoch < epoch ? inEpoch : 0n)
    const elapsed = nowSeconds - this.#epochs.beginsAtSeconds(epoch)
    const priceTokenUnits = priceAt(this.#startPrice, elapsed, this.#terms.halvingSeconds)
    return {
      lot: BigInt(this.#lots.length),
      feesMicroUsd: microUsd(fees),
      priceTokenUnits,
      costTokenUnits: priceTokenUnits * fees,
    }
  }

  /** @throws SteadError CHAIN_PRICE_MOVED, CHAIN_REVERTED */
  buy(lot: bigint, tokensMax: bigint, nowSeconds: number): SoldFees {
    const { lot: next, feesMicroUsd, priceTokenUnits, costTokenUnits } = this.forSale(nowSeconds)
    if (lot !== next) priceMoved({ error: 'LotNotForSale', lot, next })
    const minimum = this.#terms.minimumLotMicroUsd
    if (feesMicroUsd < minimum) revert('LotTooSmall', { fees: feesMicroUsd, minimum })
    if (costTokenUnits > tokensMax) {
      priceMoved({ error: 'LotTooExpensive', needTokenUnits: costTokenUnits, allowedTokenUnits: tokensMax })
    }
    const epoch = this.#epochs.epochAt(nowSeconds)
    const burnedTokenUnits = costTokenUnits
    const sold = { lot, lastEpoch: epoch - 1, soldAtSeconds: nowSeconds, feesMicroUsd, burnedTokenUnits }
    this.#lots.push(sold)
    this.#roll(epoch)
    this.#unsold.before = 0n
    this.#startPrice = nextStart(this.#startPrice, priceTokenUnits)
    return sold
  }

  /** The lot that an epoch's fees were sold in. */
  saleOf(epoch: number): SoldFees | undefined {
    return this.#lots.find(({ lastEpoch }) => epoch <= lastEpoch)
  }

  #roll(epoch: number): void {
    if (epoch === this.#unsold.epoch) return
    const { before, inEpoch } = this.#unsold
    this.#unsold = { epoch, inEpoch: 0n, before: before + inEpoch }
  }
}

const keyOf = (epoch: number, operator: Address): string => `${epoch} ${operator}`

function priceMoved(details: Readonly<Record<string, string | bigint>>): never {
  throw chainRefusal('CHAIN_PRICE_MOVED', `the purchase was refused: ${details.error}`, details)
}
