import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link MarketError}. */
export type MarketErrorCode =
  | 'MARKET_ALLOCATION_EXHAUSTED'
  | 'MARKET_BUSY'
  | 'MARKET_CHANNEL_BROKEN'
  | 'MARKET_CHANNEL_LIMIT'
  | 'MARKET_CHANNEL_UNKNOWN'
  | 'MARKET_CREDIT_EXHAUSTED'
  | 'MARKET_DELIVERY_REJECTED'
  | 'MARKET_DELIVERY_REPEATED'
  | 'MARKET_ENTRY_MISMATCH'
  | 'MARKET_ENTRY_UNKNOWN'
  | 'MARKET_FINISHING'
  | 'MARKET_INCREMENT_CONFLICT'
  | 'MARKET_OVER_MAXIMUM'
  | 'MARKET_PAYER_REFUSED'
  | 'MARKET_PURSE_MISMATCH'
  | 'MARKET_PURSE_THAWING'
  | 'MARKET_PURSE_FOREIGN'
  | 'MARKET_PURSE_UNKNOWN'
  | 'MARKET_QUOTE_EXPIRED'
  | 'MARKET_QUOTE_INVALID'
  | 'MARKET_RECEIPT_INVALID'
  | 'MARKET_UNDERPAID'
  | 'MARKET_UNFUNDED'
  | 'MARKET_UNSUPPORTED'
  | 'MARKET_VOUCHER_INVALID'
  | 'MARKET_WRONG_CHAIN'

/** What each code of this package means. */
export const marketErrorCatalog: ErrorCatalog<MarketErrorCode> = {
  MARKET_ALLOCATION_EXHAUSTED: {
    kind: 'peer',
    retryable: false,
    meaning: "The provider's share of the purse does not cover this delivery.",
    next: 'Open another channel with this provider; the payer does so by itself while the cost cap allows.',
  },
  MARKET_BUSY: {
    kind: 'peer',
    retryable: true,
    meaning: 'The provider has reached a limit of requests that it works on at once.',
    next: 'Wait a moment; the payer asks again by itself.',
  },
  MARKET_CHANNEL_BROKEN: {
    kind: 'peer',
    retryable: false,
    meaning: 'The two books of a channel cannot be brought together any more; it serves no new work.',
    next: 'Open another channel; what its vouchers say stays payable.',
  },
  MARKET_CHANNEL_LIMIT: {
    kind: 'peer',
    retryable: true,
    meaning: 'The provider keeps no more channels, in all or for this payer.',
    next: 'Use the channels that are open, or thaw purses that are no longer used: stead purses',
  },
  MARKET_CHANNEL_UNKNOWN: {
    kind: 'peer',
    retryable: false,
    meaning: 'The provider knows no such channel of this payer.',
    next: 'Open the channel; the payer does so by itself.',
  },
  MARKET_CREDIT_EXHAUSTED: {
    kind: 'peer',
    retryable: true,
    meaning: 'The provider delivers no more before the payer has paid for what was delivered.',
    next: 'Pay what is open; the payer does so by itself.',
  },
  MARKET_DELIVERY_REJECTED: {
    kind: 'peer',
    retryable: false,
    meaning: 'The payer said that it does not want this delivery before it was made.',
    next: 'Nothing to do; nothing is billed.',
  },
  MARKET_DELIVERY_REPEATED: {
    kind: 'peer',
    retryable: false,
    meaning: 'A delivery with this id was asked for before; each is made and billed once.',
    next: 'Ask again with a new delivery id.',
  },
  MARKET_ENTRY_MISMATCH: {
    kind: 'peer',
    retryable: false,
    meaning: 'An entry of a bill differs from what was delivered.',
    next: 'Compare the two sides of the receipt: stead receipts --json',
  },
  MARKET_ENTRY_UNKNOWN: {
    kind: 'peer',
    retryable: false,
    meaning: 'An entry of a bill was never delivered, or was billed before.',
    next: 'Compare the two sides of the receipt: stead receipts --json',
  },
  MARKET_FINISHING: {
    kind: 'peer',
    retryable: false,
    meaning: 'The provider finishes what it has and takes nothing new.',
    next: 'Nothing to do; placement uses another node.',
  },
  MARKET_INCREMENT_CONFLICT: {
    kind: 'peer',
    retryable: false,
    meaning: 'An increment of a bill does not follow the one before, or another one was said for the same place.',
    next: 'Nothing to do; the channel is not used any more.',
  },
  MARKET_OVER_MAXIMUM: {
    kind: 'system',
    retryable: false,
    meaning: 'A delivery costs more than was reserved for it.',
    next: 'This is a fault of the resource module; please report it with the log.',
  },
  MARKET_PAYER_REFUSED: {
    kind: 'peer',
    retryable: false,
    meaning: 'This payer left too much delivered work unpaid; the provider serves it no more.',
    next: 'Choose another node, or ask its operator.',
  },
  MARKET_PURSE_MISMATCH: {
    kind: 'peer',
    retryable: false,
    meaning: 'The channel that was to be opened is not what the purse, the quote or the payer say.',
    next: 'Nothing to do; the provider is avoided for a while.',
  },
  MARKET_PURSE_THAWING: {
    kind: 'peer',
    retryable: false,
    meaning: 'The payer takes its money out of this purse; nothing new is delivered against it.',
    next: 'Lock a new purse; the payer does so by itself.',
  },
  MARKET_PURSE_FOREIGN: {
    kind: 'user',
    retryable: false,
    meaning: 'This payer has no such purse: the name is wrong, or the purse is that of another payer.',
    next: 'See which there are: stead purses',
  },
  MARKET_PURSE_UNKNOWN: {
    kind: 'peer',
    retryable: true,
    meaning: 'The chain does not have this purse (yet).',
    next: 'Wait for the transaction to be mined; the payer asks again by itself.',
  },
  MARKET_QUOTE_EXPIRED: {
    kind: 'peer',
    retryable: true,
    meaning: 'The price was locked until a time that has passed.',
    next: 'Ask for a new quote; the payer does so by itself when the price is the same.',
  },
  MARKET_QUOTE_INVALID: {
    kind: 'peer',
    retryable: false,
    meaning: 'A quote is not for this payer, node, chain or need, or asks for more ahead than the payer allows.',
    next: 'Choose another node.',
  },
  MARKET_RECEIPT_INVALID: {
    kind: 'peer',
    retryable: false,
    meaning: 'A receipt is not what the books say it must be.',
    next: 'Keep the evidence: stead receipts --json',
  },
  MARKET_UNDERPAID: {
    kind: 'peer',
    retryable: false,
    meaning: 'A voucher says less than was delivered and accepted, or less than an earlier one.',
    next: 'Pay what the entries sum to.',
  },
  MARKET_UNFUNDED: {
    kind: 'user',
    retryable: true,
    meaning: 'The account does not hold what the purse needs.',
    next: 'Send settlement dollars to the account, then run the command again: stead status',
  },
  MARKET_UNSUPPORTED: {
    kind: 'peer',
    retryable: false,
    meaning: 'The node does not sell this resource.',
    next: 'Choose another node.',
  },
  MARKET_VOUCHER_INVALID: {
    kind: 'peer',
    retryable: false,
    meaning: 'A voucher is not signed by the voucher key of its purse, or is above the allocation.',
    next: 'Nothing to do; the sender is avoided for a while.',
  },
  MARKET_WRONG_CHAIN: {
    kind: 'peer',
    retryable: false,
    meaning: 'The two sides settle on different chains or contracts.',
    next: 'Choose a node of your own chain, or start with the right one: stead up --rpc <url>',
  },
}

/** What goes wrong between payers and providers. */
export class MarketError extends SteadError<MarketErrorCode> {
  constructor(code: MarketErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(marketErrorCatalog, code, message, options)
  }
}
