import type { Clock, Timer } from '@stead/core'
import { equalBytes, type Quote, type SignedDocument } from '@stead/protocol'
import type { OpenedQuote } from '../quotes/quote-answer.ts'

/** A channel's quote as it is restored: what was asked for it is known only to the process that asked. */
export interface KeptQuote {
  readonly quote: Quote
  readonly signed: SignedDocument
  readonly need: Uint8Array | undefined
}

/** What keeping a quote alive needs from its channel. */
export interface QuoteKeeperParts {
  readonly clock: Clock
  /** Asks for the same again; undefined when there is no quote to be had. */
  readonly requote: (quote: Quote, need: Uint8Array) => Promise<OpenedQuote | undefined>
  /** Gives both sides the new quote. */
  readonly renew: (opened: OpenedQuote) => Promise<void>
  /** True when something was delivered since the last call. */
  readonly wasUsed: () => boolean
  readonly onFailure: (error: unknown) => void
}

/** A quote is renewed when this share of its life is left. */
const RENEW_SHARE = 0.2
/** Shortest time between two looks. */
const LOOK_MS = 1_000
/** Longest delay of a timer. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Renews a channel's quote in time while the channel is used and the terms stay the same. */
export class QuoteKeeper {
  readonly #parts: QuoteKeeperParts
  #kept: KeptQuote
  #timer: Timer | undefined
  #isAsking = false

  constructor(parts: QuoteKeeperParts, kept: KeptQuote) {
    this.#parts = parts
    this.#kept = kept
  }

  get quote(): Quote {
    return this.#kept.quote
  }

  get signed(): SignedDocument {
    return this.#kept.signed
  }

  get isExpired(): boolean {
    return this.#kept.quote.expiresAt <= this.#parts.clock.now()
  }

  /** Takes a new quote; whoever calls has told the provider or is about to. */
  take(opened: OpenedQuote): void {
    this.#kept = opened
    if (this.#timer !== undefined) this.start()
  }

  /** Looks after the quote from now on. */
  start(): void {
    const { issuedAt, expiresAt } = this.#kept.quote
    this.#look(expiresAt - this.#parts.clock.now() - (expiresAt - issuedAt) * RENEW_SHARE)
  }

  stop(): void {
    this.#timer?.clear()
  }

  /** Asks for a quote on the same terms now; true when both sides have it. */
  async renewNow(): Promise<boolean> {
    const { quote, need } = this.#kept
    if (this.#isAsking || need === undefined) return false
    this.#isAsking = true
    try {
      const opened = await this.#parts.requote(quote, need)
      if (opened === undefined || !equalBytes(opened.quote.terms, quote.terms)) return false
      await this.#parts.renew(opened)
      return true
    } catch (error) {
      this.#parts.onFailure(error)
      return false
    } finally {
      this.#isAsking = false
    }
  }

  #look(delayMs: number): void {
    this.#timer?.clear()
    this.#timer = this.#parts.clock.setTimer(Math.min(Math.max(delayMs, LOOK_MS), TIMER_MS_MAX), () => {
      if (this.isExpired) return
      // A channel that is not used lets its quote end; half of what is left is soon enough to look again.
      if (this.#parts.wasUsed()) void this.renewNow()
      this.#look((this.#kept.quote.expiresAt - this.#parts.clock.now()) / 2)
    })
  }
}
