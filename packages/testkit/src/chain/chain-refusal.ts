import { type ErrorCatalog, type ErrorDetails, SteadError } from '@stead/core'

/** Codes that the simulated chain shares with the real adapter. */
export type SimulatedChainCode =
  | 'CHAIN_UNREACHABLE'
  | 'CHAIN_BAD_ANSWER'
  | 'CHAIN_INSUFFICIENT_FUNDS'
  | 'CHAIN_REVERTED'
  | 'CHAIN_PRICE_MOVED'

const catalog: ErrorCatalog<SimulatedChainCode> = {
  CHAIN_UNREACHABLE: {
    kind: 'system',
    retryable: true,
    meaning: 'The simulated chain is switched off.',
    next: 'Switch it on again in the test.',
  },
  CHAIN_BAD_ANSWER: {
    kind: 'system',
    retryable: true,
    meaning: 'The simulated chain was asked for a block that it does not have.',
    next: 'Let the chain make more blocks in the test.',
  },
  CHAIN_INSUFFICIENT_FUNDS: {
    kind: 'user',
    retryable: true,
    meaning: 'The account does not have the dollars, tokens or gas that the transaction needs.',
    next: 'Give the account more in the test.',
  },
  CHAIN_REVERTED: {
    kind: 'user',
    retryable: false,
    meaning: 'The simulated contract refused the transaction.',
    next: 'Read the contract’s error in the details.',
  },
  CHAIN_PRICE_MOVED: {
    kind: 'system',
    retryable: true,
    meaning: 'The price of the simulated sale is beyond the limit that was given.',
    next: 'Look at the price again in the test.',
  },
}

/** The errors of the Chain port as its real adapter would throw them. */
export function chainRefusal(
  code: SimulatedChainCode,
  message: string,
  details: ErrorDetails = {},
): SteadError<SimulatedChainCode> {
  return new SteadError(catalog, code, message, { details })
}
