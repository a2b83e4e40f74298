import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link EpochsError}. */
export type EpochsErrorCode =
  | 'EPOCHS_NOT_OVER'
  | 'EPOCHS_NO_PROGRAM'
  | 'EPOCHS_REFUSED'
  | 'EPOCHS_ROOT_FALSE'
  | 'EPOCHS_OPERATOR_KEY'
  | 'EPOCHS_DOCUMENT_UNKNOWN'

/** What each code of this package means. */
export const epochsErrorCatalog: ErrorCatalog<EpochsErrorCode> = {
  EPOCHS_NOT_OVER: {
    kind: 'user',
    retryable: true,
    meaning: 'An epoch that still runs, or whose logs are still gathered, has no result.',
    next: 'Ask again when it is over; see when: stead epoch',
  },
  EPOCHS_NO_PROGRAM: {
    kind: 'user',
    retryable: true,
    meaning: 'The chain enables a reward program whose policy this node does not have.',
    next: 'Name the file of the policy in epochs.policies.',
  },
  EPOCHS_REFUSED: {
    kind: 'user',
    retryable: true,
    meaning: 'An epoch cannot be proposed now: it is final already, or another proposal is open.',
    next: 'See proposals: stead epoch',
  },
  EPOCHS_ROOT_FALSE: {
    kind: 'system',
    retryable: true,
    meaning: 'The final root of an epoch is not what its evidence gives, or nobody gives the evidence out.',
    next: 'Nothing is lost: the root of a later epoch holds what is missing. See the difference: stead audit epoch <n>',
  },
  EPOCHS_OPERATOR_KEY: {
    kind: 'user',
    retryable: false,
    meaning: 'Proposing and challenging put a deposit of the operator behind a root, and need its key.',
    next: 'Name the file with the key: stead up --operator-key <file>',
  },
  EPOCHS_DOCUMENT_UNKNOWN: {
    kind: 'system',
    retryable: true,
    meaning: 'Neither this node nor a connected peer has this document of an epoch.',
    next: 'Connect to more peers, then ask again.',
  },
}

/** What a node refuses or cannot do in epochs. */
export class EpochsError extends SteadError<EpochsErrorCode> {
  constructor(code: EpochsErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(epochsErrorCatalog, code, message, options)
  }
}
