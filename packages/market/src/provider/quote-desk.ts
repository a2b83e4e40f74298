import {
  type Clock,
  hasCode,
  isSteadError,
  type PeerId,
  type Random,
  type Signer,
  type Size,
  type UnixMs,
} from '@stead/core'
import { addressOfPeerId, hashFromBytes, type Quote, type Resource, signQuote } from '@stead/protocol'
import { lesser } from '../channel/amounts.ts'
import { MarketError } from '../errors.ts'
import { type QuoteAsk, type QuoteReply, refusalToMessage } from '../messages.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { Refusal } from '../quotes/refusal.ts'
import type { ResourceSeller, SellerQuote } from '../quotes/seller.ts'
import type { ReceiptChain } from '../receipts/receipt-store.ts'
import type { PayerRecords } from './payer-records.ts'
import { RateLimit } from './rate-limit.ts'

/** What the quote desk stands on. */
export interface QuoteDeskComponents {
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly chain: ReceiptChain
  readonly payers: PayerRecords
  readonly isFinishing: () => boolean
}

/** Answers who asks for a price. Keeps nothing about the quotes that it gives: its own signature proves them later. */
export class QuoteDesk {
  readonly #components: QuoteDeskComponents
  readonly #options: MarketProviderOptions
  readonly #rate: RateLimit
  readonly #sellers: Map<Resource, ResourceSeller> = new Map()

  constructor(components: QuoteDeskComponents, options: MarketProviderOptions) {
    this.#components = components
    this.#options = options
    this.#rate = new RateLimit(components.clock, options.quotesPerMinutePerPeer)
  }

  /** What this desk holds, with the most that it may. */
  sizes(): readonly Size[] {
    return [{ what: 'peers that asked for quotes', ...this.#rate.size }]
  }

  sell(seller: ResourceSeller): void {
    if (this.#sellers.has(seller.resource)) throw new TypeError(`${seller.resource} is sold already`)
    this.#sellers.set(seller.resource, seller)
  }

  async answer(peer: PeerId, ask: QuoteAsk): Promise<QuoteReply> {
    if (!this.#rate.take(peer)) {
      const limit = this.#options.quotesPerMinutePerPeer
      return refused({
        code: 'busy',
        message: `more than ${limit} quotes asked for in a minute`,
        details: { limitPerMinute: limit },
      })
    }
    const refusal = this.#refuseUnseen(ask) ?? (await this.#refusePayer(peer))
    if (refusal !== undefined) return refused(refusal)
    const seller = this.#sellers.get(ask.resource)
    if (seller === undefined) {
      return refused({ code: 'unsupported', message: `${ask.resource} is not sold here`, details: {} })
    }
    const payer = addressOfPeerId(peer)
    const answer = seller.quote({ payer, peer, need: ask.need })
    return isRefusal(answer)
      ? refused(answer)
      : { quote: signQuote(this.#components.signer, this.#quote(peer, ask, answer)) }
  }

  #refuseUnseen(ask: QuoteAsk): Refusal | undefined {
    const { chainId, escrow } = this.#components.chain
    if (ask.chainId !== chainId || ask.escrow !== escrow) {
      return {
        code: 'wrong-chain',
        message: `this node settles on chain ${chainId} in ${escrow}, the payer on chain ${ask.chainId} in ${ask.escrow}`,
        details: { needChainId: chainId, haveChainId: ask.chainId, needEscrow: escrow, haveEscrow: ask.escrow },
      }
    }
    if (!this.#components.isFinishing()) return undefined
    return { code: 'finishing', message: 'this node finishes what it has and takes nothing new', details: {} }
  }

  async #refusePayer(peer: PeerId): Promise<Refusal | undefined> {
    const payer = addressOfPeerId(peer)
    try {
      this.#components.payers.requireWelcome(payer, await this.#components.payers.creditOf(payer))
      return undefined
    } catch (error) {
      if (!isSteadError(error) || !hasCode(error, 'MARKET_PAYER_REFUSED')) throw error
      return { code: 'payer-refused', message: error.message, details: error.details }
    }
  }

  #quote(peer: PeerId, ask: QuoteAsk, answer: SellerQuote): Quote {
    const { clock, random, signer, chain } = this.#components
    const { operator, prepayMaxMicroUsd, creditStartMicroUsd, creditCapMicroUsd, quoteLifeMs } = this.#options
    const issuedAt = clock.now()
    return {
      version: 1,
      id: hashFromBytes(random.bytes(32)),
      node: signer.address,
      operator,
      payer: addressOfPeerId(peer),
      resource: ask.resource,
      chainId: chain.chainId,
      escrow: chain.escrow,
      terms: answer.terms,
      credit: {
        prepayMicroUsd: lesser(answer.leastUnitMicroUsd, prepayMaxMicroUsd),
        startMicroUsd: creditStartMicroUsd,
        capMicroUsd: creditCapMicroUsd,
      },
      concurrency: Math.min(Math.max(Math.trunc(answer.concurrency), 1), 65_535),
      ...(answer.isWarm === undefined ? {} : { isWarm: answer.isWarm }),
      issuedAt,
      expiresAt: (issuedAt + quoteLifeMs) as UnixMs,
    }
  }
}

function isRefusal(answer: SellerQuote | Refusal): answer is Refusal {
  return 'code' in answer
}

function refused(refusal: Refusal): QuoteReply {
  return { refusal: refusalToMessage(refusal) }
}

/** @throws MarketError MARKET_BUSY when a peer tries too often */
export function requireRate(rate: RateLimit, peer: PeerId, perMinute: number): void {
  if (rate.take(peer)) return
  throw new MarketError('MARKET_BUSY', `more than ${perMinute} openings tried in a minute`, {
    details: { limitPerMinute: perMinute },
  })
}
