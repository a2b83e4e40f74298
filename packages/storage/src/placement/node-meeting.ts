import { type Clock, isSteadError, type Logger, messageOf, type Network, type PeerId } from '@stead/core'

/** What a {@link NodeMeeting} stands on. */
export interface NodeMeetingComponents {
  readonly network: Pick<Network, 'connect' | 'peers'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Nodes that are connected to: as many as a node keeps connected while they are of no use yet. */
const NODES_MAX = 64
const AT_ONCE_MAX = 8
const CONNECT_TIMEOUT_MS = 5000
/** Whole networks come up together, some of them a minute later than others; then whoever reads asks itself. */
const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000, 32_000]

/**
 * Connects to the nodes that a payer has agreements with when it has started: who reads, writes or pays finds them there,
 * and does not look for them one after another.
 */
export class NodeMeeting {
  readonly #components: NodeMeetingComponents
  readonly #stopped: AbortController = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(components: NodeMeetingComponents) {
    this.#components = components
  }

  /** Begins, and does not wait for any of them. */
  start(peers: readonly PeerId[]): void {
    this.#running = this.#run(peers.slice(0, NODES_MAX))
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(peers: readonly PeerId[]): Promise<void> {
    const { clock } = this.#components
    const { signal } = this.#stopped
    await this.#meet(peers)
    for (const pauseMs of PAUSES_MS) {
      const missing = this.#missing(peers)
      if (missing.length === 0 || signal.aborted) return
      await clock.sleep(pauseMs, signal).catch(() => undefined)
      await this.#meet(missing)
    }
  }

  #missing(peers: readonly PeerId[]): readonly PeerId[] {
    const connected = new Set(this.#components.network.peers().flatMap((info) => (info.connected ? info.peer : [])))
    return peers.filter((peer) => !connected.has(peer))
  }

  async #meet(peers: readonly PeerId[]): Promise<void> {
    const left = [...peers]
    const work = async (): Promise<void> => {
      for (let peer = left.shift(); peer !== undefined; peer = left.shift()) await this.#connect(peer)
    }
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, work))
  }

  async #connect(peer: PeerId): Promise<void> {
    const { network, logger } = this.#components
    if (this.#stopped.signal.aborted) return
    try {
      await network.connect(peer, CONNECT_TIMEOUT_MS)
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.debug('a node that keeps pieces is not reached yet', { peer, error: messageOf(error) })
    }
  }
}
