import { type Clock, type Logger, messageOf, type PeerId, type Random, type Timer } from '@stead/core'
import type { PeerBook } from './peer-book.ts'

/** What a {@link MeshKeeper} needs. */
export interface MeshKeeperComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly book: PeerBook
  /** Connects to a multiaddr or a known peer. */
  dial(target: string | PeerId): Promise<void>
}

/** Limits of a {@link MeshKeeper}. */
export interface MeshKeeperOptions {
  readonly bootstrap: readonly string[]
  readonly peersTarget: number
  readonly intervalMs: number
}

/** Dials of one round: a few at random, so that a network started from one node grows into a mesh and not a storm. */
export const DIALS_PER_ROUND = 3
const FIRST_INTERVAL_MS = 250

/** Keeps a node connected to enough peers, through whichever of them live; bootstrap peers are only the first to try. */
export class MeshKeeper {
  readonly #components: MeshKeeperComponents
  readonly #options: MeshKeeperOptions
  #timer: Timer | undefined
  #intervalMs = FIRST_INTERVAL_MS
  #isRunning = false

  constructor(components: MeshKeeperComponents, options: MeshKeeperOptions) {
    this.#components = components
    this.#options = options
  }

  start(): void {
    this.#isRunning = true
    this.#intervalMs = FIRST_INTERVAL_MS
    void this.#round()
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.clear()
  }

  async #round(): Promise<void> {
    const { book } = this.#components
    const missing = this.#options.peersTarget - book.connectedCount
    if (missing > 0) {
      const targets: (string | PeerId)[] = [...book.pickToDial(Math.min(missing, DIALS_PER_ROUND))]
      // With some peers alive the bootstrap peers are no better than others; alone they are the best guess.
      if (book.connectedCount === 0) targets.push(...this.#options.bootstrap)
      await Promise.all(targets.map((target) => this.#dial(target)))
    }
    this.#schedule()
  }

  async #dial(target: string | PeerId): Promise<void> {
    try {
      await this.#components.dial(target)
    } catch (error) {
      this.#components.logger.debug('dial failed', { target, error: messageOf(error) })
    }
  }

  #schedule(): void {
    if (!this.#isRunning) return
    const { clock, random } = this.#components
    const jitter = 0.75 + random.fraction() / 2
    this.#timer = clock.setTimer(Math.round(this.#intervalMs * jitter), () => void this.#round())
    this.#intervalMs = Math.min(this.#options.intervalMs, this.#intervalMs * 2)
  }
}
