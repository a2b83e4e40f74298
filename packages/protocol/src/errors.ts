import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link ProtocolError}. */
export type ProtocolErrorCode =
  | 'PROTOCOL_MALFORMED'
  | 'PROTOCOL_TOO_LARGE'
  | 'PROTOCOL_VERSION'
  | 'PROTOCOL_SIGNATURE'
  | 'PROTOCOL_CONTENT'
  | 'PROTOCOL_BRANCH'

/** What each code of this package means. */
export const protocolErrorCatalog: ErrorCatalog<ProtocolErrorCode> = {
  PROTOCOL_MALFORMED: {
    kind: 'peer',
    retryable: false,
    meaning: 'Bytes do not decode as the message or document that they should be.',
    next: 'Nothing to do; the sender is avoided for a while.',
  },
  PROTOCOL_TOO_LARGE: {
    kind: 'peer',
    retryable: false,
    meaning: 'A field or document is larger than its limit.',
    next: 'Send less at once, or name the data by its content id.',
  },
  PROTOCOL_VERSION: {
    kind: 'peer',
    retryable: false,
    meaning: 'A document has a version that this program does not know.',
    next: 'Update Stead on the side with the older version.',
  },
  PROTOCOL_SIGNATURE: {
    kind: 'peer',
    retryable: false,
    meaning: 'A signature is not by the key that it should be by.',
    next: 'Nothing to do; the sender is avoided for a while.',
  },
  PROTOCOL_CONTENT: {
    kind: 'peer',
    retryable: false,
    meaning: 'Bytes do not have the content id under which they were sent.',
    next: 'Nothing to do; another source is tried.',
  },
  PROTOCOL_BRANCH: {
    kind: 'peer',
    retryable: false,
    meaning: 'A branch does not prove that the allocation is in the purse.',
    next: 'The payer must send the branch of a purse that is funded on chain.',
  },
}

/** Bytes, signatures and proofs that are not what they must be. */
export class ProtocolError extends SteadError<ProtocolErrorCode> {
  constructor(code: ProtocolErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(protocolErrorCatalog, code, message, options)
  }
}
