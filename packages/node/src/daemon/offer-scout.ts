import { type Clock, type Logger, messageOf, type Network, type Timer } from '@stead/core'
import type { OfferBook } from '@stead/market'

/** What an {@link OfferScout} needs. */
export interface OfferScoutComponents {
  readonly network: Network
  readonly offers: OfferBook
  readonly clock: Clock
  readonly logger: Logger
}

/** Connections come in bursts; one round of questions serves them all. */
const AFTER_CONNECT_MS = 300
const ROUND_MS = 2000

/**
 * Asks peers for the offers that they know whenever somebody connects: gossip tells only those who were there, and the
 * next repetition is a minute and a half away.
 */
export class OfferScout {
  readonly #components: OfferScoutComponents
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #unlisten: (() => void) | undefined

  constructor(components: OfferScoutComponents) {
    this.#components = components
  }

  start(): void {
    this.#unlisten = this.#components.network.listen({ peerConnected: () => this.#schedule() })
    this.#schedule()
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.clear()
    this.#unlisten?.()
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#stopped.signal.aborted) return
    this.#timer = this.#components.clock.setTimer(AFTER_CONNECT_MS, () => {
      const { offers, logger } = this.#components
      // As many as there are: the round ends with its time.
      const wish = { minimum: Number.MAX_SAFE_INTEGER, timeoutMs: ROUND_MS, signal: this.#stopped.signal }
      offers
        .wait('compute', wish)
        .catch((error: unknown) => logger.debug('asking for offers failed', { error: messageOf(error) }))
        .finally(() => {
          this.#timer = undefined
        })
    })
  }
}
