import type { Clock, PeerId } from '@stead/core'

interface Use {
  inFlight: number
  /** Monotonic ms at which the last request began or ended. */
  lastAtMs: number
}

/** Which connected peers are of use: requests to and from each, while they are in flight and when the last one was. */
export class PeerUsage {
  readonly #clock: Clock
  readonly #uses: Map<PeerId, Use> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A peer connected: from now on it has the time that an idle one has. */
  add(peer: PeerId): void {
    const use = this.#uses.get(peer)
    if (use === undefined) this.#uses.set(peer, { inFlight: 0, lastAtMs: this.#clock.monotonicMs() })
  }

  /** A peer is gone; requests that are still in flight may end later. */
  forget(peer: PeerId): void {
    this.#uses.delete(peer)
  }

  /** A request to or from a peer begins; the returned function ends it. */
  begin(peer: PeerId): () => void {
    this.add(peer)
    const use = this.#uses.get(peer)
    if (use === undefined) return () => undefined
    use.inFlight += 1
    use.lastAtMs = this.#clock.monotonicMs()
    return () => {
      use.inFlight -= 1
      use.lastAtMs = this.#clock.monotonicMs()
    }
  }

  /** How long nothing was asked and nothing answered, in ms; 0 while something is in flight. */
  idleMs(peer: PeerId): number {
    const use = this.#uses.get(peer)
    if (use === undefined || use.inFlight > 0) return 0
    return this.#clock.monotonicMs() - use.lastAtMs
  }
}
