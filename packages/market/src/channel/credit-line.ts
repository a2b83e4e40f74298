import type { CreditAccount } from './credit-window.ts'

interface Claim {
  readonly who: object
  readonly amount: bigint
  /** Room may have appeared. */
  readonly wake: () => void
}

/**
 * Who waits for a node's credit, in the order of coming. What becomes free is the first one's until it has enough: without a
 * line many small deliveries would use up all that becomes free, and a large one would wait for ever.
 */
export class CreditLine {
  readonly #claims: Set<Claim> = new Set()
  readonly #listeners: Set<() => void> = new Set()

  /** What somebody else than `who` keeps free, in micro-dollars. */
  heldFrom(who: object): bigint {
    const first = this.#first
    return first === undefined || first.who === who ? 0n : first.amount
  }

  /** Joins the line, until the returned function is called. @param wake called when there may be room for it */
  join(who: object, amount: bigint, wake: () => void): () => void {
    const claim = { who, amount, wake }
    this.#claims.add(claim)
    return () => {
      // Everybody has more room now.
      if (this.#claims.delete(claim)) for (const listener of this.#listeners) listener()
    }
  }

  /** Room may have appeared for the first in the line. */
  wakeFirst(): void {
    this.#first?.wake()
  }

  /** Calls back each time when somebody left the line, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get #first(): Claim | undefined {
    for (const claim of this.#claims) return claim
    return undefined
  }
}

/** What a payer knows of its credit with one node; all channels with that node share it. */
export interface PayerAccount extends CreditAccount {
  readonly line: CreditLine
}
