import type { TransactionOutcome } from './chain.ts'
import type { MicroUsd, UnixMs } from './units.ts'

/** Which way a swap goes. Amounts of tokens are in units of 10^-18, amounts of dollars in micro-dollars. */
export type SwapDirection = 'dollars-to-tokens' | 'tokens-to-dollars'

/** What the pool holds; the quotient of the two is its price. */
export interface PoolState {
  readonly dollarMicroUsd: MicroUsd
  readonly tokenUnits: bigint
}

/** What a swap would bring at this moment. */
export interface SwapQuote {
  readonly direction: SwapDirection
  /** Micro-dollars or token units, by direction. */
  readonly amountIn: bigint
  /** Token units or micro-dollars, by direction; the exchange's fee is taken off. */
  readonly amountOut: bigint
  /** How much worse than the pool's price the swap is because of its own size, in parts per million, rounded up. */
  readonly impactPpm: number
  /** The exchange's fee on `amountIn`, in parts per million. */
  readonly feePpm: number
  readonly pool: PoolState
}

/** What is to be swapped, and what must come of it. */
export interface SwapRequest {
  readonly direction: SwapDirection
  readonly amountIn: bigint
  /** Less than this, and nothing is swapped. */
  readonly minimumOut: bigint
  /** A block later than this swaps nothing. */
  readonly deadline: UnixMs
}

/** Where the network's token is swapped for dollars and back, for the account that the chain adapter is bound to. */
export interface Exchange {
  /** Both zero when nobody has put anything in. */
  pool(): Promise<PoolState>
  /** @throws RangeError for nothing to swap, or an empty pool */
  quote(direction: SwapDirection, amountIn: bigint): Promise<SwapQuote>
  /** Least `amountIn` that brings so much; undefined when the pool does not have it. @throws RangeError for nothing */
  costOf(direction: SwapDirection, amountOut: bigint): Promise<bigint | undefined>
  /** Approves where needed and swaps. @throws the adapter's errors, also when the minimum or the deadline is missed */
  swap(request: SwapRequest): Promise<TransactionOutcome & { readonly amountOut: bigint }>
}
