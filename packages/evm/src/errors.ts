import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link ChainError}. */
export type ChainErrorCode =
  | 'CHAIN_UNREACHABLE'
  | 'CHAIN_BAD_ANSWER'
  | 'CHAIN_REFUSED'
  | 'CHAIN_WRONG_ID'
  | 'CHAIN_WRONG_CONTRACT'
  | 'CHAIN_INSUFFICIENT_FUNDS'
  | 'CHAIN_REVERTED'
  | 'CHAIN_PRICE_MOVED'
  | 'CHAIN_TIMEOUT'
  | 'CHAIN_REPLACED'
  | 'CHAIN_ADDRESS_BOOK'
  | 'CHAIN_NOT_DEVNET'
  | 'CHAIN_LOCAL_FAILED'
  | 'CHAIN_LOCAL_BUSY'

/** What each code of this package means. */
export const chainErrorCatalog: ErrorCatalog<ChainErrorCode> = {
  CHAIN_UNREACHABLE: {
    kind: 'system',
    retryable: true,
    meaning: 'The chain’s RPC endpoint could not be reached or did not answer in time.',
    next: 'Check the address and that the endpoint is up, or use another one: --rpc <url>',
  },
  CHAIN_BAD_ANSWER: {
    kind: 'system',
    retryable: true,
    meaning: 'The RPC endpoint answered with something that is not a valid answer.',
    next: 'Use another endpoint: --rpc <url>',
  },
  CHAIN_REFUSED: {
    kind: 'system',
    retryable: true,
    meaning: 'The RPC endpoint refused the request; the details carry its own words.',
    next: 'Wait a moment if it limits requests, or use another endpoint: --rpc <url>',
  },
  CHAIN_WRONG_ID: {
    kind: 'user',
    retryable: false,
    meaning: 'The RPC endpoint serves another chain than the one that the address book names.',
    next: 'Use an endpoint of the right chain: --rpc <url>',
  },
  CHAIN_WRONG_CONTRACT: {
    kind: 'user',
    retryable: false,
    meaning: 'A contract of the address book is not there, or is another one.',
    next: 'Use the address book that belongs to this chain: --address-book <file>',
  },
  CHAIN_INSUFFICIENT_FUNDS: {
    kind: 'user',
    retryable: true,
    meaning: 'The account does not have the dollars or the gas that the transaction needs.',
    next: 'Send dollars or gas to the account, then run the command again.',
  },
  CHAIN_REVERTED: {
    kind: 'user',
    retryable: false,
    meaning: 'A contract refused the transaction; the details name its error and the arguments.',
    next: 'Read the contract’s error; nothing was changed on the chain.',
  },
  CHAIN_PRICE_MOVED: {
    kind: 'system',
    retryable: true,
    meaning: 'A price has moved beyond the limit that was given, or its time is over; nothing was bought or sold.',
    next: 'See the price of this moment: stead market; then run the command again with another limit.',
  },
  CHAIN_TIMEOUT: {
    kind: 'system',
    retryable: true,
    meaning: 'A transaction was sent but no block took it in time; it may still be taken later.',
    next: 'Wait and run the command again; nothing is paid twice.',
  },
  CHAIN_REPLACED: {
    kind: 'system',
    retryable: true,
    meaning: 'Another transaction of the same account took the place of this one.',
    next: 'Let one program at a time use the account, then run the command again.',
  },
  CHAIN_ADDRESS_BOOK: {
    kind: 'user',
    retryable: false,
    meaning: 'The address book cannot be read or is not valid.',
    next: 'Write a new one by deploying, or ask for the chain’s own: --address-book <file>',
  },
  CHAIN_NOT_DEVNET: {
    kind: 'user',
    retryable: false,
    meaning: 'Test money was asked for on a chain that is not a development network.',
    next: 'Name the chain’s real settlement dollar: --dollar <address>',
  },
  CHAIN_LOCAL_FAILED: {
    kind: 'system',
    retryable: true,
    meaning: 'The local development chain did not start or ended unexpectedly.',
    next: 'Read its last words in the details, then run: stead doctor',
  },
  CHAIN_LOCAL_BUSY: {
    kind: 'user',
    retryable: true,
    meaning: 'The local chain’s port or data directory is in use.',
    next: 'Stop the other program, or choose another: --port <n> or --data-dir <path>',
  },
}

/** A failure of the chain adapter. */
export class ChainError extends SteadError<ChainErrorCode> {
  constructor(code: ChainErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(chainErrorCatalog, code, message, options)
  }
}
