import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link StorageError}. */
export type StorageErrorCode = 'STORAGE_TOO_FEW_PIECES' | 'STORAGE_NOT_AUTHENTIC'

/** What each code of this package means. */
export const storageErrorCatalog: ErrorCatalog<StorageErrorCode> = {
  STORAGE_TOO_FEW_PIECES: {
    kind: 'peer',
    retryable: true,
    meaning: 'Fewer pieces of a segment can be had now than it takes to put it together.',
    next: 'Wait until more of its nodes are back, then read again.',
  },
  STORAGE_NOT_AUTHENTIC: {
    kind: 'peer',
    retryable: true,
    meaning: 'Bytes that came from the network are not those that were stored, or the key is another one.',
    next: 'Read again: other nodes are asked. If it stays, check the recovery phrase.',
  },
}

/** An error of this package. */
export class StorageError extends SteadError<StorageErrorCode> {
  constructor(code: StorageErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(storageErrorCatalog, code, message, options)
  }
}
