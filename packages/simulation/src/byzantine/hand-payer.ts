import type { BlobExchange } from '@stead/compute'
import {
  type Chain,
  type Clock,
  type Hash,
  hash,
  type MicroUsd,
  microUsd,
  type Network,
  type PeerId,
  type Random,
  type Signer,
} from '@stead/core'
import {
  type ChannelReply,
  channelReplySchema,
  MARKET_PROTOCOL,
  type MarketRequest,
  marketRequestSchema,
  type OfferBook,
  type OfferEntry,
  quoteReplySchema,
} from '@stead/market'
import {
  buildPurseTree,
  bytesToHex,
  channelIdOf,
  escrowSeparator,
  type PurseBranch,
  type PurseLeaf,
  type PurseSeed,
  purseIdOf,
  type Quote,
  quoteSchema,
  type SignedDocument,
} from '@stead/protocol'
import { HandChannel } from './hand-channel.ts'
import { HAND_NEED } from './hand-task.ts'

/** What a payer by hand stands on. */
export interface HandPayerParts {
  readonly network: Network
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly offers: OfferBook
  readonly blobs: BlobExchange
}

/** A quote as it came. */
export interface HandQuote {
  readonly peer: PeerId
  readonly quote: Quote
  readonly signed: SignedDocument
}

/** A purse of one leaf, or what is said to be one. */
export interface HandPurse {
  readonly seed: PurseSeed
  readonly branch: PurseBranch
  readonly allocationMicroUsd: MicroUsd
}

const TIMEOUT_MS = 10_000
/** What a channel of an attack may hold. */
export const HAND_ALLOCATION: MicroUsd = microUsd(1_000_000n)

/** A payer that speaks the protocol by hand and says what it likes; it keeps no promise and no book. */
export class HandPayer {
  readonly parts: HandPayerParts

  constructor(parts: HandPayerParts) {
    this.parts = parts
  }

  /** Somebody who sells; undefined while nobody is known. */
  target(): OfferEntry | undefined {
    return this.targets(1)[0]
  }

  /** Some who sell, each once; fewer while fewer are known. */
  targets(count: number): readonly OfferEntry[] {
    const known = this.parts.offers.list('compute')
    const from = Math.floor(this.parts.random.fraction() * known.length)
    return [...known.slice(from), ...known.slice(0, from)].slice(0, count)
  }

  /** Sends bytes as they are. @throws the network's errors */
  raw(peer: PeerId, protocol: string, payload: Uint8Array): Promise<Uint8Array> {
    return this.parts.network.request(peer, protocol, payload, { timeoutMs: TIMEOUT_MS })
  }

  /** Says something to a provider's market. @throws the network's errors */
  say(peer: PeerId, request: Omit<MarketRequest, 'version'>): Promise<Uint8Array> {
    return this.raw(peer, MARKET_PROTOCOL, marketRequestSchema.encodeMessage({ version: 1, ...request }))
  }

  /** The bytes of a question for a price. */
  quoteRequest(): Uint8Array {
    const { chainId, escrow } = this.parts.chain.identity
    const quote = { chainId, escrow, resource: 'compute', need: HAND_NEED } as const
    return marketRequestSchema.encodeMessage({ version: 1, quote })
  }

  /** Asks for a price; undefined when there is none to be had. */
  async quote(peer: PeerId): Promise<HandQuote | undefined> {
    const reply = quoteReplySchema.decodeMessage(await this.raw(peer, MARKET_PROTOCOL, this.quoteRequest()))
    if (reply.quote === undefined) return undefined
    return { peer, quote: quoteSchema.decodeDocument(reply.quote.document), signed: reply.quote }
  }

  /** A purse with one leaf for a provider. `totalMicroUsd` is what it says that it holds. @default what the leaf says */
  purseFor({ quote }: HandQuote, totalMicroUsd?: MicroUsd): HandPurse {
    const { node, operator } = quote
    const [purse] = this.pursesFor([{ node, operator, allocationMicroUsd: HAND_ALLOCATION }], totalMicroUsd)
    if (purse === undefined) throw new RangeError('a tree of one leaf has a branch')
    return purse
  }

  /** One purse as each of its leaves sees it. `totalMicroUsd` is what it says that it holds. @default what the leaves say */
  pursesFor(leaves: readonly PurseLeaf[], totalMicroUsd?: MicroUsd): readonly HandPurse[] {
    const { chain, signer, random } = this.parts
    const tree = buildPurseTree(leaves)
    const seed: PurseSeed = {
      payer: chain.account,
      voucherSigner: signer.address,
      root: tree.root,
      totalMicroUsd: totalMicroUsd ?? tree.totalMicroUsd,
      salt: hash(bytesToHex(random.bytes(32))),
    }
    return leaves.flatMap(({ allocationMicroUsd }, index) => {
      const branch = tree.branches[index]
      return branch === undefined ? [] : [{ seed, branch, allocationMicroUsd }]
    })
  }

  /** Locks what a purse says. @throws the chain's errors */
  async fund({ seed }: HandPurse): Promise<Hash> {
    const { root, totalMicroUsd, voucherSigner, salt } = seed
    return (await this.parts.chain.fund({ root, totalMicroUsd, voucherSigner, salt })).purse
  }

  /** Opens a channel on a purse, whatever that is worth. @throws the network's errors */
  async open({ peer, quote, signed }: HandQuote, purse: HandPurse): Promise<HandChannel> {
    const { seed, branch, allocationMicroUsd } = purse
    const ask = { seed, allocationMicroUsd, branchIndex: Number(branch.index), branch: branch.steps, quote: signed }
    const reply: ChannelReply = channelReplySchema.decodeMessage(await this.say(peer, { open: ask }))
    const { identity } = this.parts.chain
    const { node, operator } = quote
    const terms = { purse: purseIdOf(identity, seed), node, operator, allocationMicroUsd }
    return new HandChannel(this, {
      peer,
      quote,
      purse,
      terms,
      id: channelIdOf(terms),
      separator: escrowSeparator(identity),
      prepayMicroUsd: reply.prepayMicroUsd,
    })
  }

  /** An honest beginning: a quote, a funded purse, an open channel, and what must be paid ahead. */
  async begin(): Promise<HandChannel | undefined> {
    const target = this.target()
    const quote = target === undefined ? undefined : await this.quote(target.peer)
    if (quote === undefined) return undefined
    const purse = this.purseFor(quote)
    await this.fund(purse)
    const channel = await this.open(quote, purse)
    await channel.prepay()
    return channel
  }
}
