import {
  type Address,
  type Clock,
  hasCode,
  isSteadError,
  type Logger,
  type MicroUsd,
  type Network,
  type PeerId,
  type Random,
} from '@stead/core'
import type {
  ChannelShare,
  MarketPayer,
  OfferBook,
  OfferEntry,
  OpenedQuote,
  PayerChannel,
  QuoteAnswer,
} from '@stead/market'
import { amountOf } from '../meter.ts'
import type { ComputeConsumerOptions } from '../options.ts'
import { type ComputeTerms, computeNeedSchema, computeTermsSchema, termsMismatch } from '../terms.ts'
import { type Candidate, countReason, isWorthMeasuring, rankCandidates, rankOf } from './candidates.ts'
import type { JobHeader } from './job-plan.ts'
import type { TrustBook } from './trust-book.ts'
import { Unanswered } from './unanswered.ts'

/** Pings at once when round trips must be known. */
export const PINGS_AT_ONCE = 32
/** Rounds of questions of one search, so that a book full of offers that nobody stands behind is gone through. */
const ROUNDS_MAX = 64
/** Near nodes for each one that a job may use: a choice by price and trust, and no ping to all of a large network. */
export const NEAR_PER_PROVIDER = 2
/** Deliveries at their dearest that a channel should have money for at least. */
const DELIVERIES_PER_CHANNEL_MIN = 4n
/** An open channel is used as it is when it holds this part (1/n) of the share that a new one would get. */
const HELD_SHARE_MIN = 4n

/** What a search stands on. */
export interface ProviderSearchComponents {
  readonly network: Network
  readonly market: MarketPayer
  readonly offers: OfferBook
  readonly trust: TrustBook
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** A node that quoted for a job. */
export interface QuotedProvider extends Candidate {
  readonly opened: OpenedQuote
}

/** Who can run a job now, the best first. */
export interface SearchResult {
  readonly quoted: readonly QuotedProvider[]
  /** How many nodes were left out for which reason. */
  readonly excluded: ReadonlyMap<string, number>
}

/** How to search. */
export interface SearchRequest {
  /** Distinct operators without which the job cannot be checked as asked; more offers are waited for while fewer are known. */
  readonly operatorsMin: number
  /** How long to wait for offers and to ask for quotes, 0 for not longer than one question takes. */
  readonly waitMs: number
  /** Nodes that are not asked: they are in use, or were dropped. */
  readonly skip: ReadonlySet<Address>
  readonly signal?: AbortSignal
}

/** What of a job's money is not spent, and what of that is not in use either. */
export interface JobMoney {
  readonly leftMicroUsd: bigint
  readonly freeMicroUsd: bigint
}

/** A channel to a node that quoted. */
export interface FundedProvider {
  readonly provider: QuotedProvider
  readonly channel: PayerChannel
}

/** What came of opening channels. */
export interface FundingResult {
  readonly funded: readonly FundedProvider[]
  readonly excluded: ReadonlyMap<string, number>
}

/** Pause before nodes are asked again that did not answer. */
const ASK_AGAIN_MS = 500

/** Finds nodes for jobs, asks them for quotes, and opens channels to them. */
export class ProviderSearch {
  readonly #network: Network
  readonly #market: MarketPayer
  readonly #offers: OfferBook
  readonly #trust: TrustBook
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #options: ComputeConsumerOptions
  readonly #unanswered: Unanswered

  constructor(components: ProviderSearchComponents, options: ComputeConsumerOptions) {
    this.#network = components.network
    this.#market = components.market
    this.#offers = components.offers
    this.#trust = components.trust
    this.#clock = components.clock
    this.#random = components.random
    this.#logger = components.logger
    this.#options = options
    this.#unanswered = new Unanswered(components.clock)
  }

  /** Nodes that did not answer and are remembered, and the most that ever are. */
  get unansweredSize(): { readonly have: number; readonly max: number } {
    return this.#unanswered.size
  }

  /** Offers to quotes; refusals and silence are counted, not thrown. */
  async search(header: JobHeader, request: SearchRequest): Promise<SearchResult> {
    const { providersPerJobMax, replicasExtraMax, quoteTimeoutMs } = this.#options
    const endMs = this.#clock.monotonicMs() + Math.max(request.waitMs, quoteTimeoutMs)
    const { candidates, excluded } = await this.#candidates(header, request)
    const ordered = this.#unanswered.lastly(candidates, nodeOf)
    const rest = ordered.slice(providersPerJobMax)
    const quoted = [
      ...(await this.#ask(header, ordered.slice(0, providersPerJobMax), { excluded, signal: request.signal })),
    ]
    // As many as a task may need that some of them answer wrongly.
    const isEnough = (): boolean => operatorsOf(quoted) >= Math.max(1, request.operatorsMin) + replicasExtraMax
    for (let round = 1; round < ROUNDS_MAX && rest.length > 0 && !isEnough(); round++) {
      if (request.signal?.aborted === true || this.#clock.monotonicMs() > endMs) break
      const asked = this.#drawn(rest, providersPerJobMax)
      quoted.push(...(await this.#ask(header, asked, { excluded, signal: request.signal })))
    }
    // Who did not answer at once may have much to do; a job that has nobody else asks again while it has time.
    const isLacking = (): boolean => operatorsOf(quoted) < Math.max(1, request.operatorsMin)
    while (request.waitMs > 0 && isLacking() && this.#clock.monotonicMs() < endMs) {
      const known = new Set(quoted.map(nodeOf))
      const silent = candidates.filter((each) => this.#unanswered.has(nodeOf(each)) && !known.has(nodeOf(each)))
      if (request.signal?.aborted === true || silent.length === 0) break
      await this.#clock.sleep(ASK_AGAIN_MS)
      // By chance, as above; what is counted is the last time that they were asked.
      for (const reason of ['silent', 'unreachable']) excluded.delete(reason)
      const asked = this.#drawn([...silent], providersPerJobMax)
      quoted.push(...(await this.#ask(header, asked, { excluded, signal: request.signal })))
    }
    quoted.sort((left, right) => left.rank - right.rank)
    return { quoted: quoted.slice(0, providersPerJobMax), excluded }
  }

  /** Takes some out by chance: whoever makes offers up can rank them all in front, and is met by chance less often. */
  #drawn(rest: Candidate[], count: number): readonly Candidate[] {
    return Array.from({ length: Math.min(count, rest.length) }, () =>
      rest.splice(Math.floor(this.#random.fraction() * rest.length), 1),
    ).flat()
  }

  async #ask(
    header: JobHeader,
    asked: readonly Candidate[],
    round: { readonly excluded: Map<string, number>; readonly signal: AbortSignal | undefined },
  ): Promise<readonly QuotedProvider[]> {
    const { excluded, signal } = round
    const answers = await this.#market.quotes({
      resource: 'compute',
      need: computeNeedSchema.encodeDocument(header.need),
      providers: asked.map(({ entry }) => entry),
      timeoutMs: this.#options.quoteTimeoutMs,
      ...(signal === undefined ? {} : { signal }),
    })
    const byNode = new Map(asked.map((candidate) => [nodeOf(candidate), candidate]))
    const quoted: QuotedProvider[] = []
    for (const answer of answers) {
      const { node } = answer.provider.offer
      const candidate = byNode.get(node)
      if (answer.kind !== 'failure') this.#unanswered.forget(node)
      else if (signal?.aborted !== true) this.#unanswered.note(node)
      const reason = candidate === undefined ? undefined : refusalOf(answer, header)
      if (reason !== undefined) countReason(excluded, reason)
      else if (candidate !== undefined && answer.kind === 'quote') quoted.push(this.#quoted(candidate, answer.opened))
    }
    return quoted
  }

  /**
   * Opens a channel to each provider, all from one purse. When the account holds less than the shares add up to but
   * enough for the job's cap or part of it, the shares are made smaller.
   * @throws MarketError MARKET_UNFUNDED {needMicroUsd, haveMicroUsd} and the chain's errors
   */
  async fund(header: JobHeader, quoted: readonly QuotedProvider[], money: JobMoney): Promise<FundingResult> {
    const excluded = new Map<string, number>()
    const providers = affordable(quoted, money.freeMicroUsd, excluded)
    if (providers.length === 0) return { funded: [], excluded }
    const opened = await this.#openWithin(header, providers, money.leftMicroUsd)
    for (const { node, error } of opened.refused) {
      this.#logger.info('a node refused a channel', { node, error })
      countReason(excluded, 'channel-refused')
    }
    const funded: FundedProvider[] = []
    for (const channel of opened.channels) {
      const provider = providers.find(({ entry }) => entry.offer.node === channel.terms.node)
      if (provider === undefined) continue
      if (channel.largestMicroUsd() < amountOf(provider.terms, header.need.fuel)) countReason(excluded, 'credit')
      else funded.push({ provider, channel })
    }
    return { funded, excluded }
  }

  async #openWithin(header: JobHeader, providers: readonly QuotedProvider[], leftMicroUsd: bigint) {
    try {
      const channels = this.#market.channels()
      return await this.#market.openChannels(sharesOf(header, providers, { leftMicroUsd, channels }))
    } catch (error) {
      const have = isSteadError(error) ? error.details.haveMicroUsd : undefined
      const isShort = hasCode(error, 'MARKET_UNFUNDED') && typeof have === 'bigint' && have > 0n
      if (!isShort) throw error
      const shares = sharesWithin(header, providers, have < leftMicroUsd ? have : leftMicroUsd)
      if (shares.length === 0) throw error
      return this.#market.openChannels(shares)
    }
  }

  async #candidates(header: JobHeader, request: SearchRequest) {
    const endMs = this.#clock.monotonicMs() + request.waitMs
    for (;;) {
      const offers = this.#offers.list('compute').filter(({ offer }) => !request.skip.has(offer.node))
      const known = await this.#rank(header, offers, request.operatorsMin)
      const operators = new Set(known.candidates.map(({ entry }) => entry.offer.operator)).size
      const leftMs = endMs - this.#clock.monotonicMs()
      if (operators >= request.operatorsMin || leftMs <= 0) return known
      const more = await this.#offers.wait('compute', {
        minimum: offers.length + request.skip.size + 1,
        timeoutMs: leftMs,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      })
      // The book gave up before its time, or knows nobody else: there is nothing more to wait for.
      if (more.length <= offers.length) return known
    }
  }

  async #rank(header: JobHeader, offers: readonly OfferEntry[], operatorsMin: number) {
    const facts = {
      now: this.#clock.now(),
      self: this.#network.self,
      trust: (node: Address) => this.#trust.of(node),
    }
    const worth = offers.filter((entry) => header.maxRttMs !== undefined && isWorthMeasuring(header, entry, facts))
    const rttMs = await this.#roundTrips(header, worth, operatorsMin)
    return rankCandidates(header, offers, { ...facts, now: this.#clock.now(), rttMs })
  }

  /** What is known of distances, and for a job that limits them as many more as it takes to have a choice of near nodes. */
  async #roundTrips(
    header: JobHeader,
    worth: readonly OfferEntry[],
    operatorsMin: number,
  ): Promise<ReadonlyMap<PeerId, number>> {
    const rttMs = new Map<PeerId, number>()
    for (const peer of this.#network.peers()) if (peer.rttMs !== undefined) rttMs.set(peer.peer, peer.rttMs)
    const { maxRttMs } = header
    if (maxRttMs === undefined) return rttMs
    const near = worth.filter(({ peer }) => (rttMs.get(peer) ?? Number.POSITIVE_INFINITY) <= maxRttMs)
    const operators = new Set(near.map(({ offer }) => offer.operator))
    let count = near.length
    const isEnough = (): boolean =>
      count >= NEAR_PER_PROVIDER * this.#options.providersPerJobMax && operators.size >= operatorsMin
    const unknown = worth.filter(({ peer }) => !rttMs.has(peer))
    const timeoutMs = Math.max(1000, 2 * maxRttMs)
    const worker = async (): Promise<void> => {
      for (let entry = unknown.pop(); entry !== undefined && !isEnough(); entry = unknown.pop()) {
        const measured = await this.#network.ping(entry.peer, timeoutMs).catch(() => undefined)
        if (measured === undefined) continue
        rttMs.set(entry.peer, measured)
        if (measured > maxRttMs) continue
        count++
        operators.add(entry.offer.operator)
      }
    }
    await Promise.all(Array.from({ length: PINGS_AT_ONCE }, worker))
    return rttMs
  }

  #quoted(candidate: Candidate, opened: OpenedQuote): QuotedProvider {
    const terms = computeTermsSchema.decodeDocument(opened.quote.terms)
    const rank = rankOf({ ...candidate, terms, isWarm: opened.quote.isWarm }, { trust: (node) => this.#trust.of(node) })
    return { ...candidate, terms, rank, opened }
  }
}

function operatorsOf(quoted: readonly QuotedProvider[]): number {
  return new Set(quoted.map(({ entry }) => entry.offer.operator)).size
}

function nodeOf({ entry }: Candidate): Address {
  return entry.offer.node
}

/** Why a node's answer is no usable quote; undefined when it is one. */
function refusalOf(answer: QuoteAnswer, header: JobHeader): string | undefined {
  if (answer.kind === 'refusal') return `refused-${answer.refusal.code}`
  if (answer.kind === 'failure') return answer.error.code === 'NETWORK_TIMEOUT' ? 'silent' : 'unreachable'
  let terms: ComputeTerms
  try {
    terms = computeTermsSchema.decodeDocument(answer.opened.quote.terms)
  } catch {
    // Counted like an offer's terms that do not decode.
    return 'bad-terms'
  }
  const mismatch = termsMismatch(terms, header.need)
  if (mismatch !== undefined) return mismatch.limit
  return amountOf(terms, header.need.fuel) > header.maxCostMicroUsd ? 'price' : undefined
}

/** The best providers that can all be paid ahead within `free`: that money is gone if they never deliver. */
function affordable(
  quoted: readonly QuotedProvider[],
  free: bigint,
  excluded: Map<string, number>,
): readonly QuotedProvider[] {
  let left = free
  return quoted.filter(({ opened }) => {
    const { prepayMicroUsd } = opened.quote.credit
    const isAffordable = prepayMicroUsd <= left
    if (isAffordable) left -= prepayMicroUsd
    else countReason(excluded, 'prepay')
    return isAffordable
  })
}

/** The least that a channel must hold to be of any use: what is paid ahead, and one task at its dearest. */
function leastOf(header: JobHeader, { terms, opened }: QuotedProvider): bigint {
  return amountOf(terms, header.need.fuel) + opened.quote.credit.prepayMicroUsd
}

/**
 * Twice the cap in all, so that the job can go on with half of the nodes; no share above the cap itself. A channel that
 * is open and holds enough for a while is asked for no more than it holds, so that nothing has to be locked anew.
 */
function sharesOf(
  header: JobHeader,
  providers: readonly QuotedProvider[],
  money: { readonly leftMicroUsd: bigint; readonly channels: readonly PayerChannel[] },
): ChannelShare[] {
  const even = (2n * money.leftMicroUsd) / BigInt(providers.length)
  return providers.map((provider) => {
    const least = leastOf(header, provider) * DELIVERIES_PER_CHANNEL_MIN
    const wanted = even > least ? even : least
    const cap = money.leftMicroUsd + provider.opened.quote.credit.prepayMicroUsd
    const allocation = wanted > cap ? cap : wanted
    const held = heldFor(provider, money.channels)
    const isHeldEnough = held >= least && held * HELD_SHARE_MIN >= allocation
    return {
      quote: provider.opened,
      allocationMicroUsd: (isHeldEnough && held < allocation ? held : allocation) as MicroUsd,
    }
  })
}

/** What the best open channel to a provider still holds. */
function heldFor({ entry }: QuotedProvider, channels: readonly PayerChannel[]): bigint {
  let best = 0n
  for (const channel of channels) {
    if (channel.terms.node !== entry.offer.node || channel.state !== 'open') continue
    const { paidMicroUsd, prepaidMicroUsd, unpaidMicroUsd, inFlightMicroUsd } = channel.stats()
    const used = paidMicroUsd - prepaidMicroUsd + unpaidMicroUsd + inFlightMicroUsd
    const held = channel.terms.allocationMicroUsd - used
    if (held > best) best = held
  }
  return best
}

/** As many of the best providers as `total` gives a useful share each. */
function sharesWithin(header: JobHeader, providers: readonly QuotedProvider[], total: bigint): ChannelShare[] {
  for (let count = providers.length; count > 0; count--) {
    const chosen = providers.slice(0, count)
    const even = total / BigInt(count)
    if (chosen.every((provider) => leastOf(header, provider) <= even))
      return chosen.map(({ opened }) => ({ quote: opened, allocationMicroUsd: even as MicroUsd }))
  }
  return []
}
