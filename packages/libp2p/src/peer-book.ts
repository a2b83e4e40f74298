import type { Clock, PeerId, Random } from '@stead/core'

interface BookEntry {
  addresses: readonly string[]
  rttMs: number | undefined
  isConnected: boolean
  /** Dials that failed since the last success. */
  failures: number
  /** Monotonic ms before which it is not dialled at random. */
  nextDialAtMs: number
}

const PEERS_MAX = 1000
const ADDRESSES_PER_PEER_MAX = 8
/** Weight of a new measurement in the smoothed round trip, as TCP does it. */
const RTT_WEIGHT = 1 / 8
const BACKOFF_FIRST_MS = 5000
const BACKOFF_MAX_MS = 10 * 60_000
const FAILURES_MAX = 6

/** What this node has learned of other peers: addresses, connection, round trip. Bounded, because strangers fill it. */
export class PeerBook {
  readonly #clock: Clock
  readonly #random: Random
  readonly #entries = new Map<PeerId, BookEntry>()

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Everything known, connected peers first. */
  list(): readonly (BookEntry & { readonly peer: PeerId })[] {
    const all = [...this.#entries].map(([peer, entry]) => ({ peer, ...entry }))
    return all.sort((left, right) => Number(right.isConnected) - Number(left.isConnected))
  }

  /** Number of connected peers. */
  get connectedCount(): number {
    let count = 0
    for (const entry of this.#entries.values()) if (entry.isConnected) count += 1
    return count
  }

  /** Notes where a peer says it can be reached. */
  setAddresses(peer: PeerId, addresses: readonly string[]): void {
    this.#entry(peer).addresses = addresses.slice(0, ADDRESSES_PER_PEER_MAX)
  }

  /** Notes a connection's begin or end. */
  setConnected(peer: PeerId, isConnected: boolean): void {
    const entry = this.#entry(peer)
    entry.isConnected = isConnected
    if (!isConnected) return
    entry.failures = 0
    entry.nextDialAtMs = 0
  }

  /** Folds a measurement into the smoothed round trip. */
  addRtt(peer: PeerId, sampleMs: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.rttMs = entry.rttMs === undefined ? sampleMs : entry.rttMs + RTT_WEIGHT * (sampleMs - entry.rttMs)
  }

  /** Notes a failed dial: the next one comes later, and after some of them the peer is forgotten. */
  addFailure(peer: PeerId): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined || entry.isConnected) return
    entry.failures += 1
    if (entry.failures >= FAILURES_MAX) {
      this.#entries.delete(peer)
      return
    }
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** entry.failures)
    entry.nextDialAtMs = this.#clock.monotonicMs() + backoffMs * (0.5 + this.#random.fraction())
  }

  /** Up to `count` peers to try, at random: known, not connected, not tried lately. */
  pickToDial(count: number): readonly PeerId[] {
    const nowMs = this.#clock.monotonicMs()
    const candidates: PeerId[] = []
    for (const [peer, entry] of this.#entries) {
      if (!entry.isConnected && entry.addresses.length > 0 && entry.nextDialAtMs <= nowMs) candidates.push(peer)
    }
    const picked: PeerId[] = []
    while (picked.length < count && candidates.length > 0) {
      const [peer] = candidates.splice(Math.floor(this.#random.fraction() * candidates.length), 1)
      if (peer !== undefined) picked.push(peer)
    }
    return picked
  }

  #entry(peer: PeerId): BookEntry {
    const known = this.#entries.get(peer)
    if (known !== undefined) return known
    const entry: BookEntry = { addresses: [], rttMs: undefined, isConnected: false, failures: 0, nextDialAtMs: 0 }
    if (this.#entries.size >= PEERS_MAX) this.#forgetOne()
    this.#entries.set(peer, entry)
    return entry
  }

  #forgetOne(): void {
    // At random, so that a flood of invented peers does not push out exactly the old, known ones.
    const unconnected = [...this.#entries].filter(([, entry]) => !entry.isConnected)
    const chosen = unconnected[Math.floor(this.#random.fraction() * unconnected.length)]
    if (chosen !== undefined) this.#entries.delete(chosen[0])
  }
}
