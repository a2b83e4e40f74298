import type { Clock, PeerId, Random, Timer } from '@stead/core'

/** A connected peer, as a {@link ConnectionTrimmer} sees it. */
export interface TrimCandidate {
  readonly peer: PeerId
  /** This node made the connection. */
  readonly isOutbound: boolean
  /** How long nothing was asked and nothing answered, in ms. */
  readonly idleMs: number
  /** It passes gossip on to this node or takes it from here. */
  readonly isInMesh: boolean
}

/** What a {@link ConnectionTrimmer} needs. */
export interface ConnectionTrimmerComponents {
  readonly clock: Clock
  readonly random: Random
  /** Number of connected peers. */
  count(): number
  /** Every connected peer; asked only when there are too many. */
  connected(): readonly TrimCandidate[]
  /** Ends the connections of a peer in good order; it may come back at once. */
  close(peer: PeerId): void
}

/** Limits of a {@link ConnectionTrimmer}. */
export interface ConnectionTrimmerOptions {
  /** Connected peers above which idle ones are let go. */
  readonly idlePeersMax: number
  /** Connections of its own making that a node always keeps: strangers must not choose all of its neighbours. */
  readonly outboundKept: number
  readonly intervalMs: number
}

/** A peer of whom nothing was heard for so long is idle; a job asks more often, and a search is over by then. */
export const IDLE_AFTER_MS = 60_000

/**
 * Lets idle peers go when there are many, so that a newcomer always finds room. Without that, nodes that once looked for
 * near ones stay connected to hundreds for ever, and all are full.
 */
export class ConnectionTrimmer {
  readonly #components: ConnectionTrimmerComponents
  readonly #options: ConnectionTrimmerOptions
  #timer: Timer | undefined
  #isRunning = false

  constructor(components: ConnectionTrimmerComponents, options: ConnectionTrimmerOptions) {
    this.#components = components
    this.#options = options
  }

  start(): void {
    this.#isRunning = true
    this.#schedule()
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.clear()
  }

  #schedule(): void {
    if (!this.#isRunning) return
    this.#timer = this.#components.clock.setTimer(this.#options.intervalMs, () => {
      for (const peer of this.#surplus()) this.#components.close(peer)
      this.#schedule()
    })
  }

  /** Those that others made before those of our own; among equals by lot, so that nobody can know how to stay. */
  #surplus(): readonly PeerId[] {
    const { random } = this.#components
    const { idlePeersMax, outboundKept } = this.#options
    const surplus = this.#components.count() - idlePeersMax
    if (surplus <= 0) return []
    const connected = this.#components.connected()
    const isIdle = ({ idleMs, isInMesh }: TrimCandidate): boolean => idleMs >= IDLE_AFTER_MS && !isInMesh
    const outbound = connected.filter(({ isOutbound }) => isOutbound)
    const busyOutbound = outbound.filter((candidate) => !isIdle(candidate)).length
    const inbound = shuffled(
      connected.filter((each) => !each.isOutbound && isIdle(each)),
      random,
    )
    const idleOutbound = shuffled(outbound.filter(isIdle), random)
    const spared = Math.max(0, outboundKept - busyOutbound)
    return [...inbound, ...idleOutbound.slice(spared)].slice(0, surplus).map(({ peer }) => peer)
  }
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => ({ item, key: random.fraction() }))
    .sort((left, right) => left.key - right.key)
    .map(({ item }) => item)
}
