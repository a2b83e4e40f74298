import { hasCode } from '@stead/core'
import { remoteCodeOf } from '../consumer/remote-code.ts'
import { StorageError, type StorageErrorCode } from '../errors.ts'

/** What a holder is told for good, in our own words: those of another machine may say anything. */
const REFUSALS: Partial<Readonly<Record<string, { readonly code: StorageErrorCode; readonly message: string }>>> = {
  STORAGE_BAD_LINK: {
    code: 'STORAGE_BAD_LINK',
    message: 'the node that the link names has not made it, or somebody has changed it',
  },
  STORAGE_BAD_NAME: { code: 'STORAGE_BAD_NAME', message: 'the owner takes no object of this name' },
  STORAGE_CONDITION: {
    code: 'STORAGE_CONDITION',
    message: 'there is an object of this name already, and the link may not replace it',
  },
  STORAGE_GRANT_ENDED: {
    code: 'STORAGE_GRANT_ENDED',
    message: 'the link was taken back by its owner, or its time is over',
  },
  STORAGE_PART_UNKNOWN: { code: 'STORAGE_WRITE_LATE', message: 'what was sent before is not kept any more' },
  STORAGE_UPLOAD_UNKNOWN: { code: 'STORAGE_WRITE_LATE', message: 'what was sent before is not kept any more' },
}

/** The refusal that an owner's machine answered with; undefined for anything else. */
export function remoteRefusal(error: unknown): StorageError | undefined {
  // From this very node the errors come as they are.
  const code = remoteCodeOf(error) ?? ownCodeOf(error)
  if (code === 'STORAGE_GRANT_SPENT') return spent(error)
  const refusal = code === undefined ? undefined : REFUSALS[code]
  return refusal === undefined ? undefined : new StorageError(refusal.code, refusal.message, { cause: error })
}

function ownCodeOf(error: unknown): string | undefined {
  return [...Object.keys(REFUSALS), 'STORAGE_GRANT_SPENT'].find((code) => hasCode(error, code))
}

function spent(error: unknown): StorageError {
  const { details } = error as StorageError
  const leftBytes = details.remoteLeftBytes ?? details.leftBytes
  const known = typeof leftBytes === 'number' ? { leftBytes } : {}
  const left = typeof leftBytes === 'number' ? `takes ${leftBytes} bytes more` : 'takes no more'
  return new StorageError('STORAGE_GRANT_SPENT', `the link ${left}, and this needs more`, {
    details: known,
    cause: error,
  })
}
