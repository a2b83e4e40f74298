import { type ErrorCatalog, type ErrorDetails, SteadError } from '@stead/core'

/** Codes that the simulated chain shares with the real adapter. */
export type SimulatedChainCode = 'CHAIN_UNREACHABLE' | 'CHAIN_INSUFFICIENT_FUNDS' | 'CHAIN_REVERTED'

const catalog: ErrorCatalog<SimulatedChainCode> = {
  CHAIN_UNREACHABLE: {
    kind: 'system',
    retryable: true,
    meaning: 'The simulated chain is switched off.',
    next: 'Switch it on again in the test.',
  },
  CHAIN_INSUFFICIENT_FUNDS: {
    kind: 'user',
    retryable: true,
    meaning: 'The account does not have the dollars or the gas that the transaction needs.',
    next: 'Give the account more in the test.',
  },
  CHAIN_REVERTED: {
    kind: 'user',
    retryable: false,
    meaning: 'The simulated contract refused the transaction.',
    next: 'Read the contract’s error in the details.',
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
