import { type Clock, type Logger, messageOf, type Network, type PeerId } from '@stead/core'
import type { Resource, SignedDocument } from '@stead/protocol'
import type { OfferBookOptions } from '../options.ts'
import type { OfferVerdict } from './offer-cache.ts'
import { OFFERS_PROTOCOL, offersKey, offersReplySchema, offersRequestSchema } from './offer-messages.ts'

/** What the exchange stands on. */
export interface OfferExchangeComponents {
  readonly network: Network
  readonly clock: Clock
  readonly logger: Logger
  readonly take: (signed: SignedDocument) => OfferVerdict
}

/** A peer, or the table, is asked for the same resource again after this at the earliest. */
const ASK_AGAIN_MS = 5_000
const ASKED_MAX = 4_096
/** How long the table is searched for peers that offer a resource: nine of ten searches end within that (docs/scale.md). */
export const OFFERS_FIND_TIMEOUT_MS = 6_000

/** Asks peers for the offers that they know: whoever comes new does not wait for the next gossip. */
export class OfferExchange {
  readonly #components: OfferExchangeComponents
  readonly #options: OfferBookOptions
  readonly #askedAtMs: Map<string, number> = new Map()
  readonly #searchedAtMs: Map<Resource, number> = new Map()
  /** Peers that were asked when they came. */
  readonly #metCounts: Map<Resource, number> = new Map()

  constructor(components: OfferExchangeComponents, options: OfferBookOptions) {
    this.#components = components
    this.#options = options
  }

  /** Asks a peer that has just come; only the first of them, because gossip brings what the next ones could say. */
  async meet(resource: Resource, peer: PeerId): Promise<void> {
    const count = this.#metCounts.get(resource) ?? 0
    if (count >= this.#options.exchangePeersMax) return
    this.#metCounts.set(resource, count + 1)
    await this.#ask(resource, [peer], this.#options.exchangeTimeoutMs)
  }

  /** Nobody is left who could gossip: the next ones to come are asked again. */
  forget(): void {
    this.#metCounts.clear()
  }

  /** Asks connected peers; never throws. */
  async askConnected(resource: Resource, timeoutMs: number): Promise<void> {
    const { network } = this.#components
    const connected = network.peers().flatMap(({ peer, connected }) => (connected ? [peer] : []))
    await this.#ask(resource, connected, timeoutMs)
  }

  /**
   * Asks those whom the table names; never throws. A search asks dozens of nodes, most of which must be dialled first:
   * there is none within a few seconds after another one.
   */
  async askFound(resource: Resource, timeoutMs: number): Promise<void> {
    const { network, clock, logger } = this.#components
    const searchedAtMs = this.#searchedAtMs.get(resource)
    if (searchedAtMs !== undefined && clock.monotonicMs() - searchedAtMs < ASK_AGAIN_MS) return
    this.#searchedAtMs.set(resource, clock.monotonicMs())
    try {
      const limit = this.#options.exchangePeersMax
      const found = await network.findProviders(offersKey(resource), limit, Math.min(timeoutMs, OFFERS_FIND_TIMEOUT_MS))
      await this.#ask(resource, found, timeoutMs)
    } catch (error) {
      logger.debug('the table could not be asked for offers', { resource, error: messageOf(error) })
    }
  }

  async #ask(resource: Resource, peers: readonly PeerId[], timeoutMs: number): Promise<void> {
    const chosen = peers.filter((peer) => this.#isDue(`${resource} ${peer}`)).slice(0, this.#options.exchangePeersMax)
    await Promise.all(chosen.map((peer) => this.#askOne(resource, peer, timeoutMs)))
  }

  async #askOne(resource: Resource, peer: PeerId, timeoutMs: number): Promise<void> {
    const { network, clock, logger, take } = this.#components
    this.#note(`${resource} ${peer}`, clock.monotonicMs())
    try {
      const payload = offersRequestSchema.encodeMessage({ version: 1, resource })
      const limitMs = Math.min(timeoutMs, this.#options.exchangeTimeoutMs)
      const answer = await network.request(peer, OFFERS_PROTOCOL, payload, { timeoutMs: limitMs })
      for (const signed of offersReplySchema.decodeMessage(answer).offers) take(signed)
    } catch (error) {
      logger.debug('a peer gave no offers', { peer, resource, error: messageOf(error) })
    }
  }

  #isDue(name: string): boolean {
    const askedAtMs = this.#askedAtMs.get(name)
    return askedAtMs === undefined || this.#components.clock.monotonicMs() - askedAtMs >= ASK_AGAIN_MS
  }

  #note(name: string, nowMs: number): void {
    this.#askedAtMs.delete(name)
    if (this.#askedAtMs.size >= ASKED_MAX) this.#askedAtMs.clear()
    this.#askedAtMs.set(name, nowMs)
  }
}
