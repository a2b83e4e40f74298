import { type Clock, hasCode, type Logger, messageOf, type PeerId, type Random, type Timer } from '@stead/core'
import type { PeerBook } from './peer-book.ts'
import type { RequestLayer } from './request-layer.ts'

/** What {@link RoundTrips} needs. */
export interface RoundTripsComponents {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly book: PeerBook
  readonly requests: RequestLayer
  /** A connected peer has stopped answering. */
  onDead(peer: PeerId): void
}

/** Limits of {@link RoundTrips}. */
export interface RoundTripsOptions {
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** The protocol that echoes up to 64 bytes; every node serves it. */
export const PING_PROTOCOL = '/stead/ping/1'
const PING_BYTES = 8
/** Pings in a row without an answer after which a peer is taken for dead. */
export const PINGS_MISSED_MAX = 2

/** Measures how near the connected peers are, and notices those that have silently gone. */
export class RoundTrips {
  readonly #components: RoundTripsComponents
  readonly #options: RoundTripsOptions
  readonly #missed = new Map<PeerId, number>()
  #timer: Timer | undefined
  #isRunning = false

  constructor(components: RoundTripsComponents, options: RoundTripsOptions) {
    this.#components = components
    this.#options = options
    components.requests.handle(
      PING_PROTOCOL,
      { messageBytesMax: 64, inFlightPerPeerMax: 8, handlerTimeoutMs: 1000 },
      (request) => Promise.resolve(request.payload),
    )
  }

  start(): void {
    this.#isRunning = true
    this.#schedule()
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.clear()
  }

  /** Measures once, in ms, and folds it into the smoothed value. @throws CoreError as Network.request */
  async measure(peer: PeerId, timeoutMs: number): Promise<number> {
    const { clock, random, requests, book } = this.#components
    // Connecting and opening the stream would be measured too, so the first answer only warms the path.
    if (!requests.hasStream(peer, PING_PROTOCOL)) {
      await requests.request(peer, PING_PROTOCOL, random.bytes(PING_BYTES), { timeoutMs })
    }
    const startMs = clock.monotonicMs()
    await requests.request(peer, PING_PROTOCOL, random.bytes(PING_BYTES), { timeoutMs })
    const rttMs = clock.monotonicMs() - startMs
    book.addRtt(peer, rttMs)
    return rttMs
  }

  /** Measures a connected peer in the background. */
  async check(peer: PeerId): Promise<void> {
    try {
      await this.measure(peer, this.#options.timeoutMs)
      this.#missed.delete(peer)
    } catch (error) {
      this.#components.logger.debug('ping failed', { peer, error: messageOf(error) })
      // Another kind of libp2p node may not know the protocol; that is no sign of death.
      if (hasCode(error, 'NETWORK_TIMEOUT')) this.#onMissed(peer)
    }
  }

  /** Forgets a peer that has disconnected. */
  forget(peer: PeerId): void {
    this.#missed.delete(peer)
  }

  #onMissed(peer: PeerId): void {
    const missed = (this.#missed.get(peer) ?? 0) + 1
    this.#missed.set(peer, missed)
    if (missed < PINGS_MISSED_MAX) return
    this.#missed.delete(peer)
    this.#components.onDead(peer)
  }

  #schedule(): void {
    const { clock, random, book } = this.#components
    const delayMs = Math.round(this.#options.intervalMs * (0.75 + random.fraction() / 2))
    this.#timer = clock.setTimer(delayMs, () => {
      if (!this.#isRunning) return
      for (const { peer, isConnected } of book.list()) if (isConnected) void this.check(peer)
      this.#schedule()
    })
  }
}
