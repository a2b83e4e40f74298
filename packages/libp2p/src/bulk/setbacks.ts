import type { Clock, PeerId } from '@stead/core'

/** To which connected peers a data connection could not be made lately, by protocol. */
export class Setbacks {
  readonly #clock: Clock
  readonly #lastMs: number
  readonly #endsByPeer = new Map<PeerId, Map<string, number>>()

  constructor(clock: Clock, lastMs: number) {
    this.#clock = clock
    this.#lastMs = lastMs
  }

  /** Notes a failure. */
  add(peer: PeerId, protocol: string): void {
    const ends = this.#endsByPeer.get(peer) ?? new Map<string, number>()
    this.#endsByPeer.set(peer, ends)
    ends.set(protocol, this.#clock.monotonicMs() + this.#lastMs)
  }

  /** True while a failure is fresh. */
  has(peer: PeerId, protocol: string): boolean {
    const end = this.#endsByPeer.get(peer)?.get(protocol)
    return end !== undefined && this.#clock.monotonicMs() < end
  }

  /** A peer is gone; when it comes again, it may have changed. */
  forget(peer: PeerId): void {
    this.#endsByPeer.delete(peer)
  }
}
