import { type Address, type MicroUsd, microUsd } from '@stead/core'
import { RewardsError } from '../errors.ts'
import { byOperatorThenNode, FACT_NODES_MAX, type NodeFees } from './chain-facts.ts'

/** One `Claimed` event of the Escrow. */
export interface ClaimEvent {
  readonly blockNumber: bigint
  /** Place inside the block; block and place together are the event's identity. */
  readonly logIndex: number
  readonly node: Address
  readonly operator: Address
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

/** What the events add up to. */
export interface ClaimTotals {
  /** By operator, then node; the largest ones where there are more than facts can hold. */
  readonly fees: readonly NodeFees[]
  /** Of those. */
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
/** Up to here a place is one number: 2^31 blocks of 2^22 events. Beyond, it is a text, which takes more memory. */
const BLOCKS_MAX = 1n << 31n
const PLACES_PER_BLOCK = 1 << 22
/** Sums of all pairs together fit in 63 bits. What is above is cut off: no real dollars come near it. */
const AMOUNT_MAX = (1n << 62n) - 1n
const PAIR_FEE_MAX = 1n << 46n

/**
 * Adds up the claims of an epoch in any order, each once, in columns of numbers: about 60 bytes an event. An RPC that
 * pages over an unsteady connection repeats events; two different ones in one place are refused. Whatever else a chain
 * can hold is counted: anybody may put events on it, and none of them may stop an epoch.
 */
export class ClaimTally {
  readonly #rows = new Map<number | string, number>()
  readonly #pairs = new Map<string, number>()
  readonly #sums: Sums[] = []
  #pairOf: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  #amounts: BigUint64Array = new BigUint64Array(2 * FIRST_CAPACITY)
  #duplicates = 0

  /** @throws RewardsError REWARDS_CONFLICT for another event in a known place, REWARDS_TOO_LARGE */
  add(given: ClaimEvent): void {
    const event = { ...given, grossMicroUsd: cut(given.grossMicroUsd), feeMicroUsd: cut(given.feeMicroUsd) }
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
    const all = this.#sums.map(({ operator, node, gross, fee }) => ({
      operator,
      node,
      grossMicroUsd: cut(gross),
      feeMicroUsd: microUsd(least(fee, PAIR_FEE_MAX)),
    }))
    // Dust is free to make, and must not crowd out who earned something.
    const largest = all.length > FACT_NODES_MAX ? all.sort(byFee).slice(0, FACT_NODES_MAX) : all
    const fees = largest.sort(byOperatorThenNode)
    const total = fees.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n)
    return { fees, feeTotalMicroUsd: microUsd(total), events: this.#rows.size, duplicates: this.#duplicates }
  }

  #pairIndex(operator: Address, node: Address): number {
    const key = operator + node
    const known = this.#pairs.get(key)
    if (known !== undefined) return known
    this.#pairs.set(key, this.#sums.length)
    return this.#sums.push({ operator, node, gross: 0n, fee: 0n }) - 1
  }

  #append(place: number | string, pair: number, event: ClaimEvent): void {
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

function placeOf({ blockNumber, logIndex }: ClaimEvent): number | string {
  const isShort = blockNumber < BLOCKS_MAX && logIndex < PLACES_PER_BLOCK
  return isShort ? Number(blockNumber) * PLACES_PER_BLOCK + logIndex : `${blockNumber}:${logIndex}`
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right
}

function cut(amount: bigint): MicroUsd {
  return microUsd(least(amount, AMOUNT_MAX))
}

/** The largest fee first; of equal ones the larger gross, then the order of facts. */
function byFee(left: NodeFees, right: NodeFees): number {
  if (left.feeMicroUsd !== right.feeMicroUsd) return left.feeMicroUsd > right.feeMicroUsd ? -1 : 1
  if (left.grossMicroUsd !== right.grossMicroUsd) return left.grossMicroUsd > right.grossMicroUsd ? -1 : 1
  return byOperatorThenNode(left, right)
}
