import {
  type ChainIdentity,
  type Clock,
  CoreError,
  type Gauge,
  type GossipVerdict,
  type IncomingRequest,
  isSteadError,
  type Logger,
  type Metrics,
  messageOf,
  type Network,
  type PeerId,
  type Random,
  type UnixMs,
} from '@stead/core'
import { type Resource, type Secp256k1, type SignedDocument, signedDocumentSchema, signOffer } from '@stead/protocol'
import { Waiters } from '../channel/waiters.ts'
import type { OfferBookOptions } from '../options.ts'
import { OfferCache, type OfferVerdict } from './offer-cache.ts'
import type { OfferEntry, OfferSource } from './offer-entry.ts'
import { OfferExchange } from './offer-exchange.ts'
import {
  fitAnswer,
  OFFERS_PER_ANSWER_MAX,
  OFFERS_PROTOCOL,
  offersKey,
  offersProtocolLimits,
  offersReplySchema,
  offersRequestSchema,
  offersTopic,
} from './offer-messages.ts'
import { OfferReader } from './offer-reader.ts'
import { type TellingPace, tellingPace } from './telling-pace.ts'
import { TellingTimes } from './telling-times.ts'

/** What the offer book stands on. */
export interface OfferBookComponents {
  readonly network: Network
  readonly secp256k1: Secp256k1
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** Shared by the nodes of a process that holds many. @default one of its own, which remembers nothing */
  readonly offerReader?: OfferReader
  /** Offers for other chains or contracts are not kept. */
  readonly identity: ChainIdentity
}

/** How long to wait for how many offers. */
export interface OfferWish {
  readonly minimum: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Whether the table is searched for nodes that nobody has told of. @default true */
  readonly searchesTable?: boolean
}

/** An own offer as it was last signed. */
interface OwnOffer {
  readonly source: OfferSource
  signed: SignedDocument | undefined
  /** True once the table was told that this node offers the resource. */
  isProvided: boolean
}

/** How often a wait looks again for peers to ask. */
const LOOK_MS = 500
const VERDICTS: Record<OfferVerdict, GossipVerdict> = {
  new: 'accept',
  gone: 'accept',
  full: 'accept',
  known: 'ignore',
  foreign: 'ignore',
  early: 'ignore',
  unproven: 'ignore',
  bad: 'reject',
}

/** Own offers, and the verified offers of others that are still good. */
export class OfferBook {
  readonly #components: OfferBookComponents
  readonly #options: OfferBookOptions
  readonly #reader: OfferReader
  readonly #cache: OfferCache
  readonly #exchange: OfferExchange
  readonly #changes: Waiters
  readonly #times: TellingTimes
  readonly #known: Gauge
  readonly #own: Map<Resource, OwnOffer> = new Map()
  readonly #subscriptions: Map<Resource, readonly (() => void)[]> = new Map()
  #sequence = 0
  #stopListening: (() => void) | undefined
  #isRunning = false

  constructor(components: OfferBookComponents, options: OfferBookOptions) {
    this.#components = components
    this.#options = options
    const { network, clock, metrics, identity } = components
    const reader = components.offerReader ?? new OfferReader(components.secp256k1)
    this.#reader = reader
    this.#cache = new OfferCache({ reader, clock, identity, self: network.self }, options.offersPerResourceMax)
    this.#changes = new Waiters(clock)
    this.#known = metrics.gauge('stead_market_offers', 'Offers of other nodes that are good now', ['resource'])
    const take = (signed: SignedDocument): OfferVerdict => this.#take(signed, undefined)
    this.#exchange = new OfferExchange({ ...components, take }, options)
    this.#times = new TellingTimes(
      clock,
      () => this.#refreshMs(),
      () => {
        for (const own of this.#own.values()) void this.#announce(own)
      },
    )
  }

  /** Answers peers that ask, and publishes what is offered. */
  async start(): Promise<void> {
    const { network } = this.#components
    this.#isRunning = true
    network.handle(OFFERS_PROTOCOL, offersProtocolLimits, (request) => this.#answer(request))
    this.#stopListening = network.listen({
      peerConnected: (peer) => this.#meet(peer),
      peerDisconnected: () => this.#part(),
    })
    for (const resource of this.#own.keys()) this.#listen(resource)
    this.#times.start()
  }

  /** Says good-bye: own offers are replaced by ones that are over. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return
    await Promise.all(Array.from(this.#own.values(), (own) => this.#withdraw(own)))
    this.#isRunning = false
    this.#times.stop()
    this.#stopListening?.()
    for (const stops of this.#subscriptions.values()) for (const stop of stops) stop()
    this.#subscriptions.clear()
    this.#changes.wake()
  }

  /** Offers a resource until the returned function is called. @throws TypeError when it is offered already */
  publish(source: OfferSource): () => void {
    const { resource } = source
    if (this.#own.has(resource)) throw new TypeError(`${resource} is offered already`)
    const own: OwnOffer = { source, signed: undefined, isProvided: false }
    this.#own.set(resource, own)
    if (this.#isRunning) {
      this.#listen(resource)
      void this.#announce(own)
    }
    return () => {
      if (this.#own.get(resource) !== own) return
      this.#own.delete(resource)
      void this.#withdraw(own)
    }
  }

  /** Publishes a resource's offer again now, because its terms changed. */
  refresh(resource: Resource): void {
    const own = this.#own.get(resource)
    if (own !== undefined && this.#isRunning) void this.#announce(own)
  }

  /** Verified, unexpired offers of others for the own chain, the newest of each node. Listens from the first call on. */
  list(resource: Resource): readonly OfferEntry[] {
    if (this.#isRunning) this.#listen(resource)
    const entries = this.#cache.list(resource)
    this.#known.set(entries.length, { resource })
    return entries
  }

  /** Waits until `minimum` offers are known, asking peers meanwhile; resolves with what there is when time is over. */
  async wait(resource: Resource, wish: OfferWish): Promise<readonly OfferEntry[]> {
    const { clock } = this.#components
    const deadlineMs = clock.monotonicMs() + wish.timeoutMs
    // Asked for each offer that comes: the cheap question first.
    const hasEnough = (): boolean =>
      this.#cache.count(resource) >= wish.minimum && this.list(resource).length >= wish.minimum
    const isEnough = (): boolean => hasEnough() || !this.#isRunning || wish.signal?.aborted === true
    while (!isEnough()) {
      this.list(resource)
      const leftMs = deadlineMs - clock.monotonicMs()
      if (leftMs <= 0) break
      let isAsked = false
      const rounds = [this.#exchange.askConnected(resource, leftMs)]
      if (wish.searchesTable !== false) rounds.push(this.#exchange.askFound(resource, leftMs))
      void Promise.all(rounds).then(() => {
        isAsked = true
        this.#changes.wake()
      })
      await this.#changes.until(() => isAsked || isEnough(), leftMs)
      if (isEnough()) break
      await this.#changes.until(isEnough, Math.min(LOOK_MS, Math.max(deadlineMs - clock.monotonicMs(), 0)))
    }
    return this.list(resource)
  }

  #listen(resource: Resource): void {
    if (this.#subscriptions.has(resource)) return
    const { regions } = this.#options
    const topics =
      regions.length === 0 ? [offersTopic(resource)] : regions.map((region) => offersTopic(resource, region))
    const stops = topics.map((topic) =>
      this.#components.network.subscribe(topic, (payload, from) => this.#hear(payload, from)),
    )
    this.#subscriptions.set(resource, stops)
  }

  #hear(payload: Uint8Array, from: PeerId): GossipVerdict {
    try {
      return VERDICTS[this.#take(this.#reader.signedOf(payload), from)]
    } catch (error) {
      if (isSteadError(error)) return 'reject'
      throw error
    }
  }

  #take(signed: SignedDocument, from: PeerId | undefined): OfferVerdict {
    const verdict = this.#cache.take(signed, from)
    if (verdict === 'new') this.#changes.notify()
    return verdict
  }

  async #answer({ payload }: IncomingRequest): Promise<Uint8Array> {
    if (!this.#isRunning) throw new CoreError('CORE_STOPPED', 'the offer book is not running')
    const { resource } = offersRequestSchema.decodeMessage(payload)
    const own = this.#own.get(resource)?.signed
    const others = this.#cache
      .sample(resource, OFFERS_PER_ANSWER_MAX, this.#components.random)
      .map(({ signed }) => signed)
    return offersReplySchema.encodeMessage({ offers: fitAnswer(own === undefined ? others : [own, ...others]) })
  }

  #meet(peer: PeerId): void {
    if (this.#own.size > 0) this.#times.greet()
    for (const resource of this.#subscriptions.keys())
      if (this.#cache.isWanted(resource)) void this.#exchange.meet(resource, peer)
  }

  #part(): void {
    if (this.#components.network.peers().some(({ connected }) => connected)) return
    this.#times.forget()
    this.#exchange.forget()
  }

  async #announce(own: OwnOffer): Promise<void> {
    const { network } = this.#components
    await this.#quietly('publishing', async () => {
      const terms = own.source.terms()
      if (terms === undefined) {
        await this.#withdraw(own)
        return
      }
      own.signed = this.#sign(own.source, terms, this.#paceOf(own.source.resource).lifeMs)
      await this.#tell(own.source, own.signed)
      if (own.isProvided) return
      // From then on the network repeats it.
      await network.provide(offersKey(own.source.resource))
      own.isProvided = true
    })
  }

  /** Replaces an offer by one that is over. */
  async #withdraw(own: OwnOffer): Promise<void> {
    if (own.signed === undefined || !this.#isRunning) return
    own.signed = undefined
    await this.#tell(own.source, this.#sign(own.source, new Uint8Array(0), 0))
  }

  #paceOf(resource: Resource): TellingPace {
    return tellingPace(this.#cache.count(resource), this.#options)
  }

  /** All own offers are told together, as rarely as the one that most offer allows. */
  #refreshMs(): number {
    const paces = Array.from(this.#own.keys(), (resource) => this.#paceOf(resource).refreshMs)
    return Math.max(this.#options.refreshMs, ...paces)
  }

  #sign(source: OfferSource, terms: Uint8Array, lifeMs: number): SignedDocument {
    const { clock, identity } = this.#components
    const issuedAt = clock.now()
    // A sequence is a node's slot for one offer of whatever resource, and must never come twice.
    this.#sequence = Math.max(this.#sequence + 1, issuedAt)
    const { signer, operator, resource, region } = source
    return signOffer(signer, {
      version: 1,
      node: signer.address,
      operator,
      resource,
      chainId: identity.chainId,
      escrow: identity.escrow,
      region,
      sequence: this.#sequence,
      issuedAt,
      expiresAt: (issuedAt + lifeMs) as UnixMs,
      terms,
    })
  }

  async #tell({ resource, region }: OfferSource, signed: SignedDocument): Promise<void> {
    const payload = signedDocumentSchema.encodeMessage(signed)
    const topics = [offersTopic(resource)]
    if (region !== '-') topics.push(offersTopic(resource, region))
    for (const topic of topics) {
      await this.#quietly('publishing', () => this.#components.network.publish(topic, payload))
    }
  }

  /** Gossip promises nothing; the next refresh tries again. */
  async #quietly(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#components.logger.debug(`${what} an offer failed`, { error: messageOf(error) })
    }
  }
}
