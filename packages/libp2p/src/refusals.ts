import type { Clock, PeerId } from '@stead/core'

const REFUSED_MAX = 10_000

/** Peers that are refused for a while; forgets the oldest when there are too many. */
export class Refusals {
  readonly #clock: Clock
  readonly #endByPeer = new Map<PeerId, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Refuses a peer for the next `durationMs`, or for longer when it was already. */
  add(peer: PeerId, durationMs: number): void {
    const end = Math.max(this.#clock.monotonicMs() + durationMs, this.#endByPeer.get(peer) ?? 0)
    this.#endByPeer.delete(peer)
    this.#endByPeer.set(peer, end)
    if (this.#endByPeer.size <= REFUSED_MAX) return
    for (const oldest of this.#endByPeer.keys()) {
      this.#endByPeer.delete(oldest)
      return
    }
  }

  /** True while the peer is refused. */
  has(peer: PeerId): boolean {
    const end = this.#endByPeer.get(peer)
    if (end === undefined) return false
    if (this.#clock.monotonicMs() < end) return true
    this.#endByPeer.delete(peer)
    return false
  }
}
