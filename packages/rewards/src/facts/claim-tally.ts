import { type Address, type MicroUsd, microUsd } from '@stead/core'
import { RewardsError } from '../errors.ts'
import { byOperatorThenNode, FACT_NODES_MAX, type NodeFees } from './chain-facts.ts'

/** One `Claimed` event of the Escrow. */
export interface ClaimEvent {
  /** 0 .. 2^31. */
  readonly blockNumber: bigint
  /** Place inside the block, 0 .. 65,535; block and place together are the event's identity. */
  readonly logIndex: number
  readonly node: Address
  readonly operator: Address
  /** Below 2^63. */
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

/** What the events add up to. */
export interface ClaimTotals {
  /** By operator, then node. */
  readonly fees: readonly NodeFees[]
  readonly feeTotalMicroUsd: MicroUsd
  readonly events: number
  /** The same event again: counted once. */
  readonly duplicates: number
}

interface Sums {
  readonly operator: Address
  readonly node: Address
  gross: bigint
  fee: bigint
}

/** Most events of one epoch. */
const EVENTS_MAX = 1 << 24
const FIRST_CAPACITY = 4096
const PLACES_PER_BLOCK = 65_536

/**
 * Adds up the claims of an epoch in any order, each once, in columns of numbers: about 60 bytes an event. An RPC that
 * pages over an unsteady connection repeats events; two different ones in one place are refused.
 */
export class ClaimTally {
  readonly #rows = new Map<number, number>()
  readonly #pairs = new Map<string, number>()
  readonly #sums: Sums[] = []
  #pairOf: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  #amounts: BigUint64Array = new BigUint64Array(2 * FIRST_CAPACITY)
  #duplicates = 0

  /** @throws RewardsError REWARDS_CONFLICT for another event in a known place, REWARDS_TOO_LARGE; RangeError for numbers out of range */
  add(event: ClaimEvent): void {
    const place = placeOf(event)
    const pair = this.#pairIndex(event.operator, event.node)
    const row = this.#rows.get(place)
    if (row !== undefined) {
      this.#checkSame(event, row, pair)
      this.#duplicates++
      return
    }
    this.#append(place, pair, event)
    const sums = this.#sums[pair]
    if (sums === undefined) throw new RangeError(`no sums for pair ${pair}`)
    sums.gross += event.grossMicroUsd
    sums.fee += event.feeMicroUsd
  }

  totals(): ClaimTotals {
    const fees = this.#sums
      .map(({ operator, node, gross, fee }) => ({
        operator,
        node,
        grossMicroUsd: microUsd(gross),
        feeMicroUsd: microUsd(fee),
      }))
      .sort(byOperatorThenNode)
    const total = fees.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n)
    return { fees, feeTotalMicroUsd: microUsd(total), events: this.#rows.size, duplicates: this.#duplicates }
  }

  #pairIndex(operator: Address, node: Address): number {
    const key = operator + node
    const known = this.#pairs.get(key)
    if (known !== undefined) return known
    if (this.#sums.length >= FACT_NODES_MAX) {
      throw new RewardsError('REWARDS_TOO_LARGE', `claims of more than ${FACT_NODES_MAX} nodes in one epoch`)
    }
    this.#pairs.set(key, this.#sums.length)
    return this.#sums.push({ operator, node, gross: 0n, fee: 0n }) - 1
  }

  #append(place: number, pair: number, event: ClaimEvent): void {
    const row = this.#rows.size
    if (row >= EVENTS_MAX) throw new RewardsError('REWARDS_TOO_LARGE', `more than ${EVENTS_MAX} claims in one epoch`)
    if (row === this.#pairOf.length) this.#grow()
    this.#rows.set(place, row)
    this.#pairOf[row] = pair
    this.#amounts[2 * row] = event.grossMicroUsd
    this.#amounts[2 * row + 1] = event.feeMicroUsd
  }

  #grow(): void {
    const pairOf = new Uint32Array(2 * this.#pairOf.length)
    pairOf.set(this.#pairOf)
    this.#pairOf = pairOf
    const amounts = new BigUint64Array(2 * this.#amounts.length)
    amounts.set(this.#amounts)
    this.#amounts = amounts
  }

  #checkSame(event: ClaimEvent, row: number, pair: number): void {
    const isSame =
      this.#pairOf[row] === pair &&
      this.#amounts[2 * row] === event.grossMicroUsd &&
      this.#amounts[2 * row + 1] === event.feeMicroUsd
    if (isSame) return
    const { blockNumber, logIndex, node } = event
    throw new RewardsError('REWARDS_CONFLICT', `two different claims at ${blockNumber}:${logIndex}`, {
      details: { blockNumber, logIndex, node },
    })
  }
}

function placeOf({ blockNumber, logIndex, grossMicroUsd, feeMicroUsd }: ClaimEvent): number {
  const isPlace = blockNumber >= 0n && blockNumber < 1n << 31n && logIndex >= 0 && logIndex < PLACES_PER_BLOCK
  if (!isPlace || !Number.isInteger(logIndex)) throw new RangeError(`no place of an event: ${blockNumber}:${logIndex}`)
  if (grossMicroUsd >= 1n << 63n || feeMicroUsd > grossMicroUsd) {
    throw new RangeError(`a claim of ${grossMicroUsd} with a fee of ${feeMicroUsd} micro-dollars`)
  }
  return Number(blockNumber) * PLACES_PER_BLOCK + logIndex
}
