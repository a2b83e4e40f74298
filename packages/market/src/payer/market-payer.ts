import type {
  Address,
  Chain,
  Clock,
  Hash,
  Logger,
  Metrics,
  MicroUsd,
  Network,
  Random,
  Signer,
  SteadError,
  Store,
  UnixMs,
} from '@stead/core'
import type { PurseSeed, Resource, Secp256k1 } from '@stead/protocol'
import type { OfferEntry } from '../offers/offer-entry.ts'
import type { MarketPayerOptions } from '../options.ts'
import type { OpenedQuote, QuoteAnswer } from '../quotes/quote-answer.ts'
import type { ReceiptFilter, StoredReceipt } from '../receipts/stored-receipt.ts'
import type { PayerChannel, RefusedOpening } from './payer-channel.ts'

/** What the payer side stands on. */
export interface MarketPayerComponents {
  readonly network: Network
  readonly store: Store
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  /** The node key: signs vouchers. The chain's account pays for purses and may be another one. */
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Whom to ask for what. */
export interface QuotesRequest {
  readonly resource: Resource
  /** DAG-CBOR of the resource's own schema, at most 4 KiB. */
  readonly need: Uint8Array
  readonly providers: readonly OfferEntry[]
  /** For all of them together. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Money for one provider. */
export interface ChannelShare {
  readonly quote: OpenedQuote
  readonly allocationMicroUsd: MicroUsd
}

/** What came of opening channels. */
export interface OpenedChannels {
  /** In the order of the shares, without the refused ones. */
  readonly channels: readonly PayerChannel[]
  readonly refused: readonly RefusedOpening[]
  /** The purse that was locked for them; undefined when open channels were enough. */
  readonly purse: Hash | undefined
}

/** What is still unpaid after a settlement. */
export interface UnsettledChannel {
  readonly channel: Hash
  readonly node: Address
  /** Accepted and without a receipt. */
  readonly unreceiptedMicroUsd: MicroUsd
  readonly error: SteadError
}

/** What came of paying everything. */
export interface PaymentReport {
  /** All channels' vouchers. */
  readonly paidMicroUsd: MicroUsd
  readonly receiptedMicroUsd: MicroUsd
  readonly unsettled: readonly UnsettledChannel[]
}

/** How a purse stands; `funding` until the chain is known to have it. */
export type PurseStage = 'funding' | 'funded' | 'thawing' | 'closed'

/** One purse of this payer. */
export interface PurseRecord {
  readonly purse: Hash
  readonly seed: PurseSeed
  readonly stage: PurseStage
  readonly createdAt: UnixMs
  readonly transactions: readonly Hash[]
  readonly thawEndsAt: UnixMs | undefined
  readonly refundMicroUsd: MicroUsd | undefined
  readonly channels: readonly Hash[]
}

const unfinished = (): never => {
  throw new TypeError('not built yet')
}

/** The payer's side of the market: quotes, purses, channels, vouchers and receipts. */
export class MarketPayer {
  constructor(_components: MarketPayerComponents, _options: MarketPayerOptions) {}

  /** Reads the journal, brings both sides' books together and sends again what has no receipt. */
  async start(): Promise<void> {
    unfinished()
  }

  async stop(): Promise<void> {
    unfinished()
  }

  /** Asks many providers at once; every answer is a quote, a refusal or a failure with its reason. */
  async quotes(_request: QuotesRequest): Promise<readonly QuoteAnswer[]> {
    return unfinished()
  }

  /**
   * Locks one purse for all shares in one transaction and opens the channels; open channels with enough room left are
   * used instead of new ones. Refused openings are reported, not thrown.
   * @throws MarketError MARKET_UNFUNDED and the chain's errors
   */
  async openChannels(_shares: readonly ChannelShare[]): Promise<OpenedChannels> {
    return unfinished()
  }

  /** All channels that are not closed. */
  channels(): readonly PayerChannel[] {
    return unfinished()
  }

  /** Replaces the quote of a channel, say with one at a new price. @throws MarketError and the network's errors */
  async renew(_channel: Hash, _quote: OpenedQuote): Promise<void> {
    unfinished()
  }

  /** Pays all accepted entries now; resolves when they are receipted, or reports which are not. */
  async settle(_options?: {
    readonly channels?: readonly Hash[]
    readonly timeoutMs?: number
  }): Promise<PaymentReport> {
    return unfinished()
  }

  async receipts(_filter: ReceiptFilter): Promise<readonly StoredReceipt[]> {
    return unfinished()
  }

  async purses(): Promise<readonly PurseRecord[]> {
    return unfinished()
  }

  /** Begins to take back what a purse still holds; its channels serve no more. */
  async thaw(_purse: Hash): Promise<PurseRecord> {
    return unfinished()
  }

  /** Takes back what is left after the thaw. */
  async close(_purse: Hash): Promise<PurseRecord> {
    return unfinished()
  }
}
