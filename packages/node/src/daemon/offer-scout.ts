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
/** Rounds after a connection come twice as far apart each time; beyond this the regular announcements are sooner. */
const PAUSE_MS_MAX = 40_000

/**
 * Asks peers for the offers that they know, more and more rarely after somebody has connected: gossip tells only those
 * who were there, a single message may be lost, and the next repetition is a minute and a half away.
 */
export class OfferScout {
  readonly #components: OfferScoutComponents
  readonly #stopped = new AbortController()
  #pauseMs = AFTER_CONNECT_MS
  #timer: Timer | undefined
  #isAsking = false
  #unlisten: (() => void) | undefined

  constructor(components: OfferScoutComponents) {
    this.#components = components
  }

  start(): void {
    this.#unlisten = this.#components.network.listen({ peerConnected: () => this.#askSoon() })
    this.#askSoon()
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.clear()
    this.#unlisten?.()
  }

  #askSoon(): void {
    this.#pauseMs = AFTER_CONNECT_MS
    if (!this.#isAsking) this.#schedule()
  }

  #schedule(): void {
    if (this.#stopped.signal.aborted || this.#pauseMs > PAUSE_MS_MAX) return
    this.#timer?.clear()
    this.#timer = this.#components.clock.setTimer(this.#pauseMs, () => this.#ask())
    this.#pauseMs *= 2
  }

  #ask(): void {
    const { offers, logger } = this.#components
    this.#isAsking = true
    // As many as there are: the round ends with its time. Each connection is followed by a few rounds, and a search in
    // the table would make new connections: it is for those who need an offer now.
    const wish = {
      minimum: Number.MAX_SAFE_INTEGER,
      timeoutMs: ROUND_MS,
      signal: this.#stopped.signal,
      searchesTable: false,
    }
    offers
      .wait('compute', wish)
      .catch((error: unknown) => logger.debug('asking for offers failed', { error: messageOf(error) }))
      .finally(() => {
        this.#isAsking = false
        this.#schedule()
      })
  }
}
