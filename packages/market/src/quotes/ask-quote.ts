import {
  type Address,
  type Clock,
  CoreError,
  isSteadError,
  type MicroUsd,
  messageOf,
  type Network,
  type PeerId,
  type SteadError,
} from '@stead/core'
import {
  addressOfPeerId,
  openQuote,
  type Quote,
  type Resource,
  type Secp256k1,
  type SignedDocument,
} from '@stead/protocol'
import { MarketError } from '../errors.ts'
import {
  MARKET_PROTOCOL,
  marketRequestSchema,
  NEED_BYTES_MAX,
  quoteReplySchema,
  refusalFromMessage,
} from '../messages.ts'
import type { ReceiptChain } from '../receipts/receipt-store.ts'
import type { OpenedQuote } from './quote-answer.ts'
import type { Refusal } from './refusal.ts'

/** What asking stands on. */
export interface QuoteAsker {
  readonly network: Network
  readonly clock: Clock
  readonly secp256k1: Secp256k1
  readonly chain: ReceiptChain
  /** The own voucher key. */
  readonly payer: Address
  readonly prepayMaxMicroUsd: MicroUsd
}

/** What is asked of one provider. */
export interface QuoteQuestion {
  readonly resource: Resource
  readonly need: Uint8Array
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Who is asked, and who it must be. */
export interface QuoteSource {
  readonly peer: PeerId
  readonly node: Address
  readonly operator: Address
}

/** What one provider said. */
export type AskedQuote =
  | { readonly kind: 'quote'; readonly opened: OpenedQuote }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | { readonly kind: 'failure'; readonly error: SteadError }

/** Asks one provider for a price. Whatever goes wrong is the answer. @throws RangeError for a need above 4 KiB */
export async function askQuote(asker: QuoteAsker, source: QuoteSource, question: QuoteQuestion): Promise<AskedQuote> {
  const { resource, need, timeoutMs, signal } = question
  if (need.length > NEED_BYTES_MAX)
    throw new RangeError(`a need has at most ${NEED_BYTES_MAX} bytes, not ${need.length}`)
  const { chainId, escrow } = asker.chain
  try {
    const payload = marketRequestSchema.encodeMessage({ version: 1, quote: { chainId, escrow, resource, need } })
    const answer = await asker.network.request(source.peer, MARKET_PROTOCOL, payload, { timeoutMs, signal })
    const { quote: signed, refusal } = quoteReplySchema.decodeMessage(answer)
    if (refusal !== undefined) return { kind: 'refusal', refusal: refusalFromMessage(refusal) }
    if (signed === undefined)
      throw new MarketError('MARKET_QUOTE_INVALID', 'the answer has neither a quote nor a reason')
    const quote = requireQuote(asker, source, { signed, resource })
    return { kind: 'quote', opened: { quote, signed, peer: source.peer, need } }
  } catch (error) {
    return { kind: 'failure', error: asSteadError(error) }
  }
}

/** An error of this program, or one that says what was thrown. */
export function asSteadError(error: unknown): SteadError {
  if (isSteadError(error)) return error
  return new CoreError('NETWORK_BAD_MESSAGE', messageOf(error), { cause: error })
}

function requireQuote(
  asker: QuoteAsker,
  source: QuoteSource,
  answer: { readonly signed: SignedDocument; readonly resource: Resource },
): Quote {
  const quote = openQuote(asker.secp256k1, answer.signed)
  const require = (what: string, need: string | number, have: string | number): void => {
    if (need === have) return
    throw new MarketError('MARKET_QUOTE_INVALID', `the quote's ${what} must be ${need}, not ${have}`, {
      details: { node: quote.node, need, have },
    })
  }
  require('node', addressOfPeerId(source.peer), quote.node)
  require('node', source.node, quote.node)
  require('operator', source.operator, quote.operator)
  require('payer', asker.payer, quote.payer)
  require('resource', answer.resource, quote.resource)
  require('chain', asker.chain.chainId, quote.chainId)
  require('escrow', asker.chain.escrow, quote.escrow)
  if (quote.expiresAt <= asker.clock.now()) {
    throw new MarketError('MARKET_QUOTE_EXPIRED', 'the quote was expired when it came', {
      details: { expiresAt: quote.expiresAt },
    })
  }
  const prepay = quote.credit.prepayMicroUsd
  if (prepay > asker.prepayMaxMicroUsd) {
    throw new MarketError(
      'MARKET_QUOTE_INVALID',
      `the provider wants ${prepay} micro-dollars ahead, at most ${asker.prepayMaxMicroUsd} are paid`,
      { details: { needMicroUsd: prepay, limitMicroUsd: asker.prepayMaxMicroUsd } },
    )
  }
  return quote
}
