import { type Hash, type MicroUsd, microUsd, type Network, type PeerId } from '@stead/core'
import { type ChannelTerms, checkIncrementSignature, type Secp256k1, type SignedDocument } from '@stead/protocol'
import type { ProviderBooks, Rejection, SentIncrement } from '../channel/payer-ledger.ts'
import { MarketError } from '../errors.ts'
import type { ChannelRow } from '../journal/rows.ts'
import {
  type ChannelReply,
  channelReplySchema,
  MARKET_PROTOCOL,
  type MarketRequest,
  marketRequestSchema,
  payReplySchema,
  rejectReplySchema,
} from '../messages.ts'

/** What a link stands on. */
export interface ChannelLinkParts {
  readonly network: Network
  readonly secp256k1: Secp256k1
  readonly peer: PeerId
  readonly id: Hash
  readonly terms: ChannelTerms
  readonly row: ChannelRow
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** How the provider says that a channel stands. */
export interface ChannelStanding {
  readonly books: ProviderBooks
  readonly windowMicroUsd: MicroUsd
  readonly prepayMicroUsd: MicroUsd
}

/** Talks to the provider about one channel and checks every answer. All methods throw the network's errors. */
export class ChannelLink {
  readonly #parts: ChannelLinkParts

  constructor(parts: ChannelLinkParts) {
    this.#parts = parts
  }

  /** Opens the channel, or gives it a new quote. @throws MarketError MARKET_RECEIPT_INVALID */
  open(quote: SignedDocument): Promise<ChannelStanding> {
    const { seed, allocationMicroUsd, branchIndex, branch } = this.#parts.row
    return this.#standing({ version: 1, open: { seed, allocationMicroUsd, branchIndex, branch, quote } })
  }

  /** Asks how the channel stands. @throws MarketError MARKET_RECEIPT_INVALID */
  sync(): Promise<ChannelStanding> {
    return this.#standing({ version: 1, sync: { channel: this.#parts.id } })
  }

  /** Pays an increment. @throws MarketError MARKET_RECEIPT_INVALID when the receipt is not the node's */
  async pay(
    sent: SentIncrement,
    rejections: readonly Rejection[],
  ): Promise<{ readonly providerSignature: Uint8Array; readonly windowMicroUsd: MicroUsd }> {
    const { secp256k1, terms } = this.#parts
    const pay = { increment: sent.bytes, voucherSignature: sent.voucherSignature, rejections }
    const reply = payReplySchema.decodeMessage(await this.#ask({ version: 1, pay }))
    try {
      const signed = { bytes: sent.bytes, signature: reply.providerSignature }
      checkIncrementSignature(secp256k1, terms.node, sent.increment, signed)
    } catch (cause) {
      const message = `the receipt of increment ${sent.increment.index} is not signed by node ${terms.node}`
      throw new MarketError('MARKET_RECEIPT_INVALID', message, { cause, details: { channel: this.#parts.id } })
    }
    return reply
  }

  /** Says what is not paid, and learns the window after that. */
  async reject(rejections: readonly Rejection[]): Promise<MicroUsd> {
    const answer = await this.#ask({ version: 1, reject: { channel: this.#parts.id, rejections } })
    return microUsd(rejectReplySchema.decodeMessage(answer).windowMicroUsd)
  }

  async #standing(request: MarketRequest): Promise<ChannelStanding> {
    const reply = channelReplySchema.decodeMessage(await this.#ask(request))
    if (reply.channel !== this.#parts.id || reply.outstanding.length % 16 !== 0) {
      throw new MarketError('MARKET_RECEIPT_INVALID', `node ${this.#parts.terms.node} answered for another channel`, {
        details: { need: this.#parts.id, have: reply.channel },
      })
    }
    return { books: booksOf(reply), windowMicroUsd: reply.windowMicroUsd, prepayMicroUsd: reply.prepayMicroUsd }
  }

  #ask(request: MarketRequest): Promise<Uint8Array> {
    const { network, peer, timeoutMs, signal } = this.#parts
    return network.request(peer, MARKET_PROTOCOL, marketRequestSchema.encodeMessage(request), { timeoutMs, signal })
  }
}

function booksOf(reply: ChannelReply): ProviderBooks {
  return {
    lastIndex: reply.lastIndex,
    cumulativeMicroUsd: reply.cumulativeMicroUsd,
    deliveredMicroUsd: reply.deliveredMicroUsd,
    outstanding: Array.from({ length: reply.outstanding.length / 16 }, (_, position) =>
      reply.outstanding.slice(position * 16, position * 16 + 16),
    ),
  }
}
