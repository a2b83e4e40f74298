import { type Clock, type Logger, messageOf, type Timer } from '@stead/core'

/** What a {@link NeighbourSearch} needs. */
export interface NeighbourSearchComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** Asks the distributed table for the peers nearest to this node, and with that makes them known. */
  search(signal: AbortSignal): Promise<void>
}

/** Pace of a {@link NeighbourSearch}. */
export interface NeighbourSearchOptions {
  /** First pause after somebody came or went, ms; no two searches are nearer to each other. */
  readonly intervalMs: number
}

/** Pauses double up to so many first ones: 5 minutes by default, what Kademlia's authors advise for a network at rest. */
export const SEARCH_PAUSE_INTERVALS_MAX = 30
/** A search asks a few peers at a time; those that are gone are waited for. */
const SEARCH_TIMEOUT_MS = 5000

/**
 * Looks for this node's neighbours in the table, more and more rarely while nobody comes or goes. At a steady ten seconds
 * the searches of a network at rest, and the answers to those of others, were half of what an idle node did: each peer
 * that an answer names costs a square root modulo a 256-bit prime in JavaScript.
 */
export class NeighbourSearch {
  readonly #components: NeighbourSearchComponents
  readonly #options: NeighbourSearchOptions
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #isRunning = false
  #isSearching = false
  #pauseMs: number
  #searchedAtMs = 0

  constructor(components: NeighbourSearchComponents, options: NeighbourSearchOptions) {
    this.#components = components
    this.#options = options
    this.#pauseMs = options.intervalMs
  }

  start(): void {
    this.#isRunning = true
    this.#searchedAtMs = this.#components.clock.monotonicMs()
    this.#schedule()
  }

  stop(): void {
    this.#isRunning = false
    this.#stopped.abort()
    this.#timer?.clear()
  }

  /** Somebody came or went: the next search is due within the first pause. */
  onChange(): void {
    this.#pauseMs = this.#options.intervalMs
    if (!this.#isSearching) this.#schedule()
  }

  #schedule(): void {
    if (!this.#isRunning) return
    const { clock } = this.#components
    this.#timer?.clear()
    const restedMs = clock.monotonicMs() - this.#searchedAtMs
    this.#timer = clock.setTimer(Math.max(0, this.#pauseMs - restedMs), () => void this.#search())
  }

  async #search(): Promise<void> {
    const { clock, logger } = this.#components
    this.#isSearching = true
    this.#pauseMs = Math.min(2 * this.#pauseMs, SEARCH_PAUSE_INTERVALS_MAX * this.#options.intervalMs)
    const timeout = new AbortController()
    const timer = clock.setTimer(SEARCH_TIMEOUT_MS, () => timeout.abort())
    try {
      await this.#components.search(AbortSignal.any([this.#stopped.signal, timeout.signal]))
    } catch (error) {
      logger.debug('the search for neighbours ended early', { error: messageOf(error) })
    }
    timer.clear()
    this.#isSearching = false
    this.#searchedAtMs = clock.monotonicMs()
    this.#schedule()
  }
}
