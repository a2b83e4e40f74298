import type { Address, TransactionOutcome, UnixMs, Wei } from '@stead/core'
import type { LedgerState } from './ledger-state.ts'
import type { MemoryBlocks } from './memory-blocks.ts'
import type { TransactionKind } from './transaction-gas.ts'

/** What somebody wants to do. */
export interface TransactionDraft<Value = unknown> {
  readonly account: Address
  readonly kind: TransactionKind
  /** Reads the chain's state and time when it is called, so that it can run again on another state. */
  readonly run: (outcome: TransactionOutcome) => Value
}

/** The chain as one endpoint shows it: the newest state, or one that is some blocks old. */
export interface LedgerView {
  readonly state: LedgerState
  readonly blocks: Pick<MemoryBlocks, 'head' | 'block'>
  readonly gasPriceWei: Wei
  /** The time of the newest block that it knows. */
  now(): UnixMs
  /**
   * Tries a transaction on this state, as an endpoint does that is asked for its gas. Nothing changes.
   * @throws SteadError CHAIN_INSUFFICIENT_FUNDS, CHAIN_REVERTED
   */
  estimate(draft: TransactionDraft): void
}
