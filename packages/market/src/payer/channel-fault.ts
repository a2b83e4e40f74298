import { hasCode, isSteadError, type SteadError } from '@stead/core'
import type { LostReason } from './payer-channel.ts'

/** What to do about a failure while talking to a provider. */
export type ChannelFault =
  /** Try again later; `isPeer` when it is the provider that cannot be reached. */
  | { readonly kind: 'retry'; readonly isPeer: boolean }
  /** The provider does not know the channel: open it. */
  | { readonly kind: 'reopen' }
  /** The provider says that the purse thaws. */
  | { readonly kind: 'thawing' }
  /** The quote is over: renew it. */
  | { readonly kind: 'expired' }
  /** Nothing helps. */
  | { readonly kind: 'lost'; readonly reason: LostReason }

const RETRY_PEER: ReadonlySet<string> = new Set([
  'NETWORK_TIMEOUT',
  'NETWORK_UNREACHABLE',
  'NETWORK_BUSY',
  'CORE_ABORTED',
])
const DISAGREE: ReadonlySet<unknown> = new Set([
  'MARKET_ENTRY_UNKNOWN',
  'MARKET_ENTRY_MISMATCH',
  'MARKET_INCREMENT_CONFLICT',
  'MARKET_CHANNEL_BROKEN',
  'MARKET_UNDERPAID',
  'MARKET_VOUCHER_INVALID',
  'MARKET_RECEIPT_INVALID',
])

/** Sorts a failure by what helps against it. */
export function faultOf(error: unknown): ChannelFault {
  // The own disk or a fault of this program: the channel is not to blame.
  if (!isSteadError(error)) return { kind: 'retry', isPeer: false }
  if (hasCode(error, 'NETWORK_REMOTE')) return remoteFault(error)
  if (RETRY_PEER.has(error.code)) return { kind: 'retry', isPeer: true }
  if (error.code === 'MARKET_RECEIPT_INVALID') return { kind: 'lost', reason: 'receipt-invalid' }
  if (error.code === 'MARKET_QUOTE_EXPIRED') return { kind: 'expired' }
  if (DISAGREE.has(error.code)) return { kind: 'lost', reason: 'books-disagree' }
  if (error.kind === 'peer') return { kind: 'lost', reason: 'refused' }
  return { kind: 'retry', isPeer: false }
}

function remoteFault(error: SteadError): ChannelFault {
  const code = error.details.remoteCode
  if (code === 'MARKET_CHANNEL_UNKNOWN') return { kind: 'reopen' }
  if (code === 'MARKET_PURSE_THAWING') return { kind: 'thawing' }
  if (code === 'MARKET_QUOTE_EXPIRED') return { kind: 'expired' }
  if (DISAGREE.has(code)) return { kind: 'lost', reason: 'books-disagree' }
  if (error.details.remoteRetryable === true) return { kind: 'retry', isPeer: true }
  return { kind: 'lost', reason: 'refused' }
}
