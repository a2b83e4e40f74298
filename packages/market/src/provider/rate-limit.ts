import type { Clock, PeerId } from '@stead/core'

const PEERS_MAX = 10_000
const MINUTE_MS = 60_000

/** At most so many calls a minute per peer, in a table that strangers cannot make grow without bound. */
export class RateLimit {
  readonly #clock: Clock
  readonly #perMinute: number
  readonly #buckets: Map<PeerId, { tokens: number; atMs: number }> = new Map()

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
  }

  /** Peers that are counted, and the most that ever are. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#buckets.size, max: PEERS_MAX }
  }

  /** Takes one call; false when the peer has none left. */
  take(peer: PeerId): boolean {
    const nowMs = this.#clock.monotonicMs()
    const bucket = this.#buckets.get(peer) ?? { tokens: this.#perMinute, atMs: nowMs }
    // Put at the end again, so that the first of the map is the one that was quiet for longest.
    this.#buckets.delete(peer)
    if (this.#buckets.size >= PEERS_MAX) {
      for (const quiet of this.#buckets.keys()) {
        this.#buckets.delete(quiet)
        break
      }
    }
    this.#buckets.set(peer, bucket)
    const earned = ((nowMs - bucket.atMs) / MINUTE_MS) * this.#perMinute
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + earned)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
