import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link GatewayError}. */
export type GatewayErrorCode = 'GATEWAY_LISTEN_FAILED' | 'GATEWAY_REFUSED'

/** What each code of this package means. */
export const gatewayErrorCatalog: ErrorCatalog<GatewayErrorCode> = {
  GATEWAY_LISTEN_FAILED: {
    kind: 'system',
    retryable: true,
    meaning: 'The gateway could not listen on its address: another program has the port, or the address is not here.',
    next: 'Stop the other program, or choose another port; 0 lets the system choose.',
  },
  GATEWAY_REFUSED: {
    kind: 'user',
    retryable: false,
    meaning: 'A client asked for something that cannot be; it was answered in the words of its own protocol.',
    next: 'Read the code and the message that the client shows; docs/s3.md says what there is.',
  },
}

/** An error of this package. */
export class GatewayError extends SteadError<GatewayErrorCode> {
  constructor(code: GatewayErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(gatewayErrorCatalog, code, message, options)
  }
}
