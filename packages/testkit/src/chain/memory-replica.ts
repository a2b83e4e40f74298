import type { UnixMs, Wei } from '@stead/core'
import type { LedgerState } from './ledger-state.ts'
import type { LedgerView, TransactionDraft } from './ledger-view.ts'
import type { LedgerCopy, MemoryLedger } from './memory-ledger.ts'

/**
 * An endpoint that is behind: it shows the chain as it was when it last caught up, also a fork that has lost since. What
 * is sent through it reaches the chain itself.
 */
export class MemoryReplica implements LedgerView {
  readonly #ledger: MemoryLedger
  #copy: LedgerCopy

  constructor(ledger: MemoryLedger) {
    this.#ledger = ledger
    this.#copy = ledger.copy()
  }

  get state(): LedgerState {
    return this.#copy.state
  }

  get blocks(): LedgerView['blocks'] {
    return this.#copy.blocks
  }

  get gasPriceWei(): Wei {
    return this.#copy.gasPriceWei
  }

  now(): UnixMs {
    return this.#copy.at
  }

  estimate(draft: TransactionDraft): void {
    this.#ledger.estimateOn(this.#copy, draft)
  }

  /** Shows from now on what the chain is at this moment. */
  catchUp(): void {
    this.#copy = this.#ledger.copy(this.#copy)
  }
}
