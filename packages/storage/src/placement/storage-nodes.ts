import {
  type Address,
  type Clock,
  isSteadError,
  type Logger,
  type MicroUsd,
  messageOf,
  type Network,
  type PeerId,
  type Random,
  type Signer,
  type Store,
} from '@stead/core'
import type {
  MarketPayer,
  OfferBook,
  OfferEntry,
  OpenedQuote,
  PayerChannel,
  ReceiptChain,
  RefusalCode,
} from '@stead/market'
import { addressOfPeerId, type Offer, type Secp256k1 } from '@stead/protocol'
import { type AgreementParties, agreementNumber } from '../agreement/agreement.ts'
import { AgreementDriver } from '../consumer/agreement-driver.ts'
import { agreementOfKey, BOUGHT_TABLE, decodeBoughtRow } from '../consumer/bought-rows.ts'
import { awaitOpen } from '../consumer/channel-room.ts'
import type { NodeTime } from '../consumer/node-time.ts'
import { remoteCodeOf } from '../consumer/remote-code.ts'
import type { SettleOutcome } from '../consumer/settle-outcome.ts'
import { StorageError } from '../errors.ts'
import type { StorageConsumerOptions } from '../options.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import {
  type StorageNeed,
  type StorageTerms,
  storageMismatch,
  storageNeedSchema,
  storageTermsSchema,
} from '../terms.ts'
import { BoughtNode } from './bought-node.ts'
import { chooseNodes, type NodeFacts, type Spread } from './choose-nodes.ts'
import { subnetOf } from './subnet.ts'
import { tooFewNodes } from './too-few-nodes.ts'

/** What {@link StorageNodes} stand on. */
export interface StorageNodesComponents {
  readonly network: Network
  readonly market: Pick<MarketPayer, 'channels' | 'quotes' | 'openChannels' | 'requote' | 'journal'>
  readonly offers: OfferBook
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly hasher: PairHasher
  readonly identity: ReceiptChain
  /** Whether a node was measured to be there nearly always. @default nobody is preferred */
  readonly isSteady?: (node: Address) => boolean
  /** The number of the first, second, … agreement with a node. @default that of a payer's own: {@link agreementNumber} */
  readonly numberOf?: (ordinal: number) => Uint8Array
}

/** What came of one node's settlement. */
export interface NodeSettlement {
  readonly bought: BoughtNode
  readonly outcome: SettleOutcome
}

/** Nodes for the pieces of one segment. */
export interface NodesWish {
  readonly count: number
  /** With fewer than this there is no use in any. */
  readonly least: number
  /** Nodes that have a piece of the segment already. */
  readonly taken?: readonly NodeFacts[]
  /** Nodes that are not to be among them. */
  readonly except?: ReadonlySet<Address>
  /** How long to wait for nodes that are not there yet; 0 asks those once that are. @default offerWaitMs of the options */
  readonly waitMs?: number | undefined
}

interface Candidate extends NodeFacts {
  readonly entry: OfferEntry
  readonly priceMicroUsdPerTibHour: MicroUsd
}

/** How a node is left out. */
interface Shunned {
  readonly untilMs: number
  /** Of the offer for which it took nothing; a later one is another word. */
  readonly sequence: number | undefined
}

const PAGE_ROWS = 256
/** Refusals of a node that offers nothing while they hold. */
const TAKES_NOTHING: ReadonlySet<RefusalCode> = new Set(['paused', 'finishing'])
/** What is asked for where only what is there is to be paid for. */
const NOTHING_MORE: Uint8Array = storageNeedSchema.encodeDocument({ version: 1, bytes: 0, pieceBytes: 0 })
/** Nodes that are asked for one that is needed: some refuse, some are gone. */
const ASKED_PER_NODE = 2
/** Offers cost nothing: some are of nodes that do not exist. */
const ASKED_MIN = 8
/** Agreements with one node that it may have ended before. */
const ORDINALS_MAX = 64
/** Nodes that were missed are looked for again after so long. */
const LOOK_AGAIN_MS = 2000

/** The nodes that a payer has agreements with: finds more, keeps their channels good, has them prove and pays them. */
export class StorageNodes {
  readonly #components: StorageNodesComponents
  readonly #options: StorageConsumerOptions
  readonly #bought: Map<Address, BoughtNode> = new Map()
  /** The channel that paid a node last. */
  readonly #channels: Map<Address, PayerChannel> = new Map()
  /** Not used for new pieces until then. */
  readonly #shunned: Map<Address, Shunned> = new Map()
  /** Questions for a quote that a node left unanswered, one after another; of nodes that offer something now. */
  readonly #silences: Map<Address, number> = new Map()
  #opening: Promise<unknown> = Promise.resolve()

  constructor(components: StorageNodesComponents, options: StorageConsumerOptions) {
    this.#components = components
    this.#options = options
  }

  /** Brings back all agreements. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const { store, market } = this.#components
    for (let after = ''; ; ) {
      const rows = await store.scan(BOUGHT_TABLE, { after, limit: PAGE_ROWS })
      for (const { key, value } of rows) {
        const row = decodeBoughtRow(value)
        const driver = await AgreementDriver.load(this.#components, agreementOfKey(key), row)
        const node = addressOfPeerId(row.peer)
        const channel = market.channels().find(({ id }) => id === row.channel)
        if (channel !== undefined) this.#channels.set(node, channel)
        this.#add(driver, { node, operator: channel?.terms.operator ?? node })
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  /**
   * Finds agreements again that this payer had before it lost its books, at nodes that may have one.
   * @returns nodes that did not answer: whether there is an agreement is not known
   */
  async recall(peers: Iterable<PeerId>): Promise<readonly PeerId[]> {
    const { identity, signer, offers, logger } = this.#components
    const offered = offers.list('storage')
    const all = new Set([...peers, ...offered.map(({ peer }) => peer)])
    const silent: PeerId[] = []
    await Promise.all(
      Array.from(all, async (peer) => {
        const node = addressOfPeerId(peer)
        if (this.#bought.has(node)) return
        try {
          const driver = await this.#find(peer, { ...identity, payer: signer.address, node })
          const operator = offered.find(({ offer }) => offer.node === node)?.offer.operator ?? node
          if (driver !== undefined) this.#add(driver, { node, operator })
        } catch (error) {
          if (!isSteadError(error)) throw error
          logger.warn('a node that may keep pieces does not say so', { node, error: messageOf(error) })
          silent.push(peer)
        }
      }),
    )
    return silent
  }

  /** The agreement with a node that has not ended, of whatever number. */
  async #find(peer: PeerId, parties: Omit<AgreementParties, 'number'>): Promise<AgreementDriver | undefined> {
    for (let ordinal = 0; ; ordinal++) {
      try {
        return await AgreementDriver.find(this.#components, peer, { ...parties, number: agreementNumber(ordinal) })
      } catch (error) {
        if (ordinal === ORDINALS_MAX || remoteCodeOf(error) !== 'STORAGE_AGREEMENT_ENDED') throw error
      }
    }
  }

  /** All nodes with an agreement. */
  all(): readonly BoughtNode[] {
    return [...this.#bought.values()]
  }

  of(node: Address): BoughtNode | undefined {
    return this.#bought.get(node)
  }

  /** What is known of a node, whether there is an agreement with it or not. */
  factsOf(peer: PeerId): NodeFacts {
    const node = addressOfPeerId(peer)
    const offer = this.#components.offers.list('storage').find((entry) => entry.offer.node === node)?.offer
    const operator = this.#bought.get(node)?.operator ?? offer?.operator ?? node
    return { node, operator, subnets: this.#subnetsOf(peer) }
  }

  /** Leaves a node out when pieces are placed, for a while. @param forMs shorter where it may only be busy */
  shun(node: Address, forMs: number = this.#options.shunMs): void {
    this.#shun(node, forMs)
  }

  #shun(node: Address, forMs: number, sequence?: number): void {
    this.#shunned.set(node, { untilMs: this.#components.clock.monotonicMs() + forMs, sequence })
  }

  /** @param offer what the node offers now: it has thought better of what it refused if this is a later one */
  #isShunned(node: Address, offer?: Offer): boolean {
    const shunned = this.#shunned.get(node)
    if (shunned === undefined || shunned.untilMs <= this.#components.clock.monotonicMs()) return false
    return offer === undefined || shunned.sequence === undefined || offer.sequence <= shunned.sequence
  }

  /** Asks nodes that leave whether they still do: nobody else asks one that keeps nothing. @param there who answers now */
  async hearLeaving(there: ReadonlySet<Address>): Promise<void> {
    const asked = this.all().filter(({ node, driver }) => driver.isLeaving && there.has(node))
    await Promise.all(
      asked.map(async ({ driver }) => {
        try {
          await driver.hear()
        } catch (error) {
          if (!isSteadError(error)) throw error
          this.#components.logger.debug('a node does not say whether it leaves', { error: messageOf(error) })
        }
      }),
    )
  }

  /**
   * So many nodes that share neither operator nor place, those with an agreement first.
   * @throws StorageError STORAGE_TOO_FEW_NODES; MarketError MARKET_UNFUNDED and the chain's errors
   */
  async choose(need: StorageNeed, wish: NodesWish): Promise<readonly BoughtNode[]> {
    const { count, least, taken = [], except, waitMs = this.#options.offerWaitMs } = wish
    const spread = this.#spread(taken)
    const usable = (): readonly BoughtNode[] => this.#shuffled().filter(({ node }) => except?.has(node) !== true)
    const now = (): readonly BoughtNode[] => chooseNodes(usable(), count, spread)
    let chosen = now()
    if (chosen.length < count) {
      // One after another: two segments that come together must not agree with the same nodes twice.
      const { clock } = this.#components
      const endMs = clock.monotonicMs() + waitMs
      const opening = this.#opening.then(async () => {
        for (let have = now().length; have < count; have = now().length) {
          await this.#open(count - have, need, { taken: [...taken, ...now()], waitMs })
          // Enough to begin with, and nobody more to be had now; or time is over.
          if (now().length > have) continue
          if (have >= least || clock.monotonicMs() >= endMs) return
          await clock.sleep(LOOK_AGAIN_MS)
        }
      })
      this.#opening = opening.catch(() => undefined)
      await opening
      chosen = now()
    }
    if (chosen.length >= least) return chosen
    const known = [...usable(), ...this.#candidates(this.#components.offers.list('storage'), need)]
    const anywhere = chooseNodes(known, count, { ...spread, hasDistinctSubnets: false })
    throw tooFewNodes({ needNodes: least, haveNodes: chosen.length, haveAnywhere: anywhere.length })
  }

  /** Has nodes prove what they keep, and pays for it. @param only which of them; default: all */
  async settle(only?: ReadonlySet<Address>): Promise<readonly NodeSettlement[]> {
    const nodes = this.all().filter(({ node }) => only?.has(node) ?? true)
    return await Promise.all(
      nodes.map(async (bought) => {
        const outcome = await bought.settle()
        if (outcome.kind === 'lied' || outcome.kind === 'lost') this.shun(bought.node)
        return { bought, outcome }
      }),
    )
  }

  /** A node knows its agreement no more: it may be agreed with anew, and what it kept is lost. @throws CoreError */
  async end({ node, driver }: BoughtNode): Promise<void> {
    if (this.#bought.get(node)?.driver !== driver) return
    this.#components.logger.warn('a node has ended its agreement', { node, agreement: driver.id })
    if ((driver.agreement?.pieces ?? 0) > 0) this.shun(node)
    this.#bought.delete(node)
    await driver.forget()
  }

  #spread(taken: readonly NodeFacts[]): Spread {
    const { isSteady } = this.#components
    const { hasDistinctSubnets } = this.#options
    return { hasDistinctSubnets, taken, ...(isSteady === undefined ? {} : { isSteady }) }
  }

  #shuffled(): readonly BoughtNode[] {
    const usable = this.all().filter(({ node, driver }) => !driver.isLeaving && !this.#isShunned(node))
    return shuffled(usable, this.#components.random)
  }

  async #open(
    count: number,
    need: StorageNeed,
    { taken, waitMs }: { readonly taken: readonly NodeFacts[]; readonly waitMs: number },
  ): Promise<void> {
    const { market, offers, identity } = this.#components
    const entries = await offers.wait('storage', {
      minimum: count + this.#bought.size,
      timeoutMs: Math.min(waitMs, LOOK_AGAIN_MS),
    })
    const { quoteTimeoutMs } = this.#options
    const offering = new Set(entries.map(({ offer }) => offer.node))
    for (const node of this.#silences.keys()) if (!offering.has(node)) this.#silences.delete(node)
    const candidates = this.#candidates(entries, need)
    const asked = chooseNodes(candidates, Math.max(ASKED_MIN, count * ASKED_PER_NODE), this.#spread(taken))
    const answers = await market.quotes({
      resource: 'storage',
      need: storageNeedSchema.encodeDocument(need),
      providers: asked.map(({ entry }) => entry),
      timeoutMs: quoteTimeoutMs,
    })
    const quoted = answers.flatMap((answer) => {
      const { node, sequence } = answer.provider.offer
      if (answer.kind !== 'failure') this.#silences.delete(node)
      if (answer.kind === 'quote' && this.#isFine(answer.opened, need)) return [answer.opened]
      // Who did not answer may have much to do; who never does is asked less and less. Who refuses will not think otherwise soon.
      // Whose operator wants it so may want it otherwise: then there is another offer.
      const isStopped = answer.kind === 'refusal' && TAKES_NOTHING.has(answer.refusal.code)
      const forMs = answer.kind === 'failure' ? this.#silenceMs(node) : this.#options.shunMs
      this.#shun(node, forMs, isStopped ? sequence : undefined)
      return []
    })
    const shares = quoted
      .slice(0, count)
      .map((quote) => ({ quote, allocationMicroUsd: this.#options.allocationMicroUsd }))
    if (shares.length === 0) return
    const { channels, refused } = await market.openChannels(shares)
    for (const { node } of refused) this.shun(node, LOOK_AGAIN_MS)
    await Promise.all(channels.map((channel) => this.#agree(channel, identity)))
  }

  async #agree(channel: PayerChannel, identity: ReceiptChain): Promise<void> {
    const { logger } = this.#components
    const { node, operator } = channel.terms
    try {
      const { priceMicroUsdPerTibHour } = storageTermsSchema.decodeDocument(channel.quote.terms)
      const driver = await this.#begin(channel, { ...identity, priceMicroUsdPerTibHour })
      this.#channels.set(node, channel)
      this.#shunned.delete(node)
      this.#add(driver, { node, operator })
    } catch (error) {
      this.shun(node)
      if (!isSteadError(error)) throw error
      logger.warn('a node does not agree to keep pieces', { node, error: messageOf(error) })
    }
  }

  /** The first agreement with a node that it has not ended: it signs each name once. */
  async #begin(
    channel: PayerChannel,
    terms: ReceiptChain & { readonly priceMicroUsdPerTibHour: MicroUsd },
  ): Promise<AgreementDriver> {
    let nodeTime: NodeTime | undefined
    for (let ordinal = 0; ; ) {
      const number = (this.#components.numberOf ?? agreementNumber)(ordinal)
      const time = nodeTime === undefined ? {} : { nodeTime }
      const driver = await AgreementDriver.draft(this.#components, channel, { ...terms, number, ...time })
      try {
        await driver.open(channel)
        return driver
      } catch (error) {
        const isEarly = !driver.nodeTime.isOwn && nodeTime === undefined
        const isEnded = remoteCodeOf(error) === 'STORAGE_AGREEMENT_ENDED'
        if (!isEarly && (!isEnded || ordinal === ORDINALS_MAX)) throw error
        await driver.forget()
        // Once more by the node's clock, which is behind; or under another number.
        if (isEarly) nodeTime = driver.nodeTime
        else ordinal++
      }
    }
  }

  #add(driver: AgreementDriver, { node, operator }: { readonly node: Address; readonly operator: Address }): void {
    const subnets = this.#subnetsOf(driver.peer)
    const channel = (isMore: boolean): Promise<PayerChannel> => this.#channelTo(node, driver.peer, isMore)
    this.#bought.set(node, new BoughtNode({ node, operator, subnets, driver, channel }))
  }

  #candidates(entries: readonly OfferEntry[], need: StorageNeed): readonly Candidate[] {
    const found: Candidate[] = []
    for (const entry of entries) {
      const { node, operator } = entry.offer
      if (this.#bought.has(node) || this.#isShunned(node, entry.offer)) continue
      const terms = termsOf(entry.offer.terms)
      if (terms === undefined || storageMismatch(terms, need) !== undefined || !this.#isCheap(terms)) continue
      const { priceMicroUsdPerTibHour } = terms
      found.push({ entry, node, operator, subnets: this.#subnetsOf(entry.peer), priceMicroUsdPerTibHour })
    }
    const drawn = shuffled(found, this.#components.random)
    return drawn.sort((left, right) => Number(left.priceMicroUsdPerTibHour - right.priceMicroUsdPerTibHour))
  }

  #silenceMs(node: Address): number {
    const silences = this.#silences.get(node) ?? 0
    this.#silences.set(node, silences + 1)
    return Math.min(this.#options.shunMs, LOOK_AGAIN_MS * 2 ** silences)
  }

  #isFine({ quote }: OpenedQuote, need: StorageNeed): boolean {
    const terms = termsOf(quote.terms)
    return terms !== undefined && storageMismatch(terms, need) === undefined && this.#isCheap(terms)
  }

  #isCheap({ priceMicroUsdPerTibHour }: StorageTerms): boolean {
    return priceMicroUsdPerTibHour <= this.#options.priceMaxMicroUsdPerTibHour
  }

  #subnetsOf(peer: PeerId): readonly string[] {
    const known = this.#components.network.peers().find((info) => info.peer === peer)
    return [...new Set((known?.addresses ?? []).flatMap((address) => subnetOf(address) ?? []))]
  }

  /** A channel that can pay; a new one is locked when the last is used up. */
  async #channelTo(node: Address, peer: PeerId, isMore: boolean): Promise<PayerChannel> {
    const known = this.#channels.get(node)
    if (known !== undefined && !isMore) {
      if (known.state === 'expired') await this.#requote(known)
      else await awaitOpen(known, this.#components.clock)
      if (isOpen(known)) return known
    }
    const channel = await this.#reopen(node, peer)
    this.#channels.set(node, channel)
    return channel
  }

  /** A node that takes nothing new still quotes to those who pay for what it has, and offers nothing. */
  async #requote({ id, terms }: PayerChannel): Promise<void> {
    const { market, logger } = this.#components
    try {
      await market.requote(id, NOTHING_MORE)
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.info('a node does not quote again', { node: terms.node, error: messageOf(error) })
    }
  }

  /** @throws MarketError MARKET_UNFUNDED, the chain's errors, and whatever keeps the node from quoting */
  async #reopen(node: Address, peer: PeerId): Promise<PayerChannel> {
    const { market, offers } = this.#components
    const isThis = ({ offer }: OfferEntry): boolean => offer.node === node
    const wish = { minimum: this.#bought.size, timeoutMs: this.#options.offerWaitMs }
    const entry = offers.list('storage').find(isThis) ?? (await offers.wait('storage', wish)).find(isThis)
    if (entry === undefined)
      throw new StorageError('STORAGE_TOO_FEW_NODES', `the node ${node} offers nothing now`, {
        details: { node, peer },
      })
    const [answer] = await market.quotes({
      resource: 'storage',
      need: NOTHING_MORE,
      providers: [entry],
      timeoutMs: this.#options.quoteTimeoutMs,
    })
    if (answer?.kind === 'failure') throw answer.error
    if (answer?.kind !== 'quote')
      throw new StorageError('STORAGE_FINISHING', `the node ${node} quotes nothing: ${answer?.refusal.message}`)
    const share = { quote: answer.opened, allocationMicroUsd: this.#options.allocationMicroUsd }
    const { channels, refused } = await market.openChannels([share])
    const [channel] = channels
    if (channel !== undefined) return channel
    throw refused[0]?.error ?? new StorageError('STORAGE_BUSY', `no channel to ${node} could be opened`)
  }
}

/** Asked again after a wait, which may have changed it. */
function isOpen(channel: PayerChannel): boolean {
  return channel.state === 'open'
}

function termsOf(bytes: Uint8Array): StorageTerms | undefined {
  try {
    return storageTermsSchema.decodeDocument(bytes)
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const shuffledItems = [...items]
  for (let place = shuffledItems.length - 1; place > 0; place--) {
    const other = Math.floor(random.fraction() * (place + 1))
    const [left, right] = [shuffledItems[place], shuffledItems[other]]
    if (left === undefined || right === undefined) continue
    shuffledItems[place] = right
    shuffledItems[other] = left
  }
  return shuffledItems
}
