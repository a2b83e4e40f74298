import type { Clock, PeerId } from '@stead/core'

interface Use {
  isConnected: boolean
  inFlight: number
  /** Monotonic ms at which it connected, or the last request began or ended. */
  lastAtMs: number
}

/** Which connected peers are of use: requests to and from each, while they are in flight and when the last one was. */
export class PeerUsage {
  readonly #clock: Clock
  /** Peers that are connected, or with which something is in flight. */
  readonly #uses: Map<PeerId, Use> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Peers that are remembered: what asks strangers must not make them more and more. */
  get count(): number {
    return this.#uses.size
  }

  /** A peer connected: from now on it has the time that an idle one has. */
  add(peer: PeerId): void {
    const use = this.#of(peer)
    use.isConnected = true
    use.lastAtMs = this.#clock.monotonicMs()
  }

  /** A peer is gone; requests that are still in flight may end later. */
  forget(peer: PeerId): void {
    const use = this.#uses.get(peer)
    if (use === undefined) return
    use.isConnected = false
    this.#drop(peer, use)
  }

  /** A request to or from a peer begins; the returned function ends it. */
  begin(peer: PeerId): () => void {
    const use = this.#of(peer)
    use.inFlight += 1
    use.lastAtMs = this.#clock.monotonicMs()
    return () => {
      use.inFlight -= 1
      use.lastAtMs = this.#clock.monotonicMs()
      this.#drop(peer, use)
    }
  }

  /** How long nothing was asked and nothing answered, in ms; 0 while something is in flight. */
  idleMs(peer: PeerId): number {
    const use = this.#uses.get(peer)
    if (use === undefined || use.inFlight > 0) return 0
    return this.#clock.monotonicMs() - use.lastAtMs
  }

  #of(peer: PeerId): Use {
    const known = this.#uses.get(peer)
    if (known !== undefined) return known
    const use: Use = { isConnected: false, inFlight: 0, lastAtMs: this.#clock.monotonicMs() }
    this.#uses.set(peer, use)
    return use
  }

  #drop(peer: PeerId, { isConnected, inFlight }: Use): void {
    if (!isConnected && inFlight === 0) this.#uses.delete(peer)
  }
}
