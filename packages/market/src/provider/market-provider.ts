import type { Chain, Clock, Hash, Logger, Metrics, Network, Random, Signer, Store } from '@stead/core'
import type { Quote, Secp256k1 } from '@stead/protocol'
import type { MarketProviderOptions } from '../options.ts'
import type { ResourceSeller } from '../quotes/seller.ts'
import type { ReceiptFilter, StoredReceipt } from '../receipts/stored-receipt.ts'
import type { EarningsReport, SettlementReport } from '../settlement/settlement-record.ts'
import type { Admission, AdmissionRequest } from './admission.ts'

/** What the provider side stands on. */
export interface MarketProviderComponents {
  readonly network: Network
  readonly store: Store
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  /** The node key: signs quotes and receipts. */
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  readonly metrics: Metrics
}

const unfinished = (): never => {
  throw new TypeError('not built yet')
}

/** The provider's side of the market: quotes, credit, the books of its channels, receipts and claims. */
export class MarketProvider {
  constructor(_components: MarketProviderComponents, _options: MarketProviderOptions) {}

  /** Reads the books and serves `/stead/market/1`. */
  async start(): Promise<void> {
    unfinished()
  }

  async stop(): Promise<void> {
    unfinished()
  }

  /** Sells a resource. @throws TypeError when it is sold already */
  sell(_seller: ResourceSeller): void {
    unfinished()
  }

  /** The door for work. */
  admit(_request: AdmissionRequest): Admission {
    return unfinished()
  }

  /** The quote that prices new deliveries on a channel: the one it was opened with, or its renewal. @throws MarketError MARKET_CHANNEL_UNKNOWN */
  quoteOf(_channel: Hash): Quote {
    return unfinished()
  }

  /** Takes nothing new; resolves when nothing is in flight. */
  async finish(): Promise<void> {
    unfinished()
  }

  /** Claims now, whatever the policy says. */
  async settle(): Promise<SettlementReport> {
    return unfinished()
  }

  async earnings(): Promise<EarningsReport> {
    return unfinished()
  }

  async receipts(_filter: ReceiptFilter): Promise<readonly StoredReceipt[]> {
    return unfinished()
  }
}
