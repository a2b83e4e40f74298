import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link Libp2pError}; failures in use are CoreError, the same as from every Network. */
export type Libp2pErrorCode = 'LIBP2P_BAD_OPTION' | 'LIBP2P_LISTEN_FAILED'

/** What each code of this package means. */
export const libp2pErrorCatalog: ErrorCatalog<Libp2pErrorCode> = {
  LIBP2P_BAD_OPTION: {
    kind: 'user',
    retryable: false,
    meaning: 'An option of the network has a value that it cannot have.',
    next: 'Compare your settings with docs/config.md: stead config show',
  },
  LIBP2P_LISTEN_FAILED: {
    kind: 'user',
    retryable: true,
    meaning: 'The node could not listen on an address; most often another program uses the port.',
    next: 'Stop the other program, or choose another port in the listen addresses.',
  },
}

/** Failures when the network is set up. */
export class Libp2pError extends SteadError<Libp2pErrorCode> {
  constructor(code: Libp2pErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(libp2pErrorCatalog, code, message, options)
  }
}
