import type { Clock, Hash, Logger, Network, PeerId, Random, Signer, UnixMs } from '@stead/core'
import type { DomainSeparator, Quote, Secp256k1 } from '@stead/protocol'
import type { PayerLedger } from '../channel/payer-ledger.ts'
import type { Journal } from '../journal/journal.ts'
import type { ChannelRow } from '../journal/rows.ts'
import type { OpenedQuote } from '../quotes/quote-answer.ts'
import type { KeptQuote } from './quote-keeper.ts'

/** What a channel's driver stands on. */
export interface ChannelDriverComponents {
  readonly network: Network
  readonly journal: Journal
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly separator: DomainSeparator
  readonly logger: Logger
  /** Asks a provider for the same again; undefined when there is no quote to be had. */
  readonly requote: (peer: PeerId, quote: Quote, need: Uint8Array) => Promise<OpenedQuote | undefined>
}

/** What a channel is made of. */
export interface ChannelDriverParts {
  readonly purse: Hash
  readonly row: ChannelRow
  readonly quote: KeptQuote
  readonly quoteCount: number
  readonly ledger: PayerLedger
  /** The provider may know the channel already. */
  readonly wasOpened: boolean
  readonly usedAt: UnixMs
}
