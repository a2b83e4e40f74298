import { isSteadError } from '@stead/core'
import { remoteCodeOf } from '../consumer/remote-code.ts'
import { StorageError, type StorageErrorCode } from '../errors.ts'

interface Refusal {
  readonly code: StorageErrorCode
  readonly message: string
  readonly next?: string
}

const ended: Refusal = {
  code: 'STORAGE_GRANT_ENDED',
  message: 'the link was taken back by its owner, or its time is over',
}
const lost: Refusal = { code: 'STORAGE_WRITE_LATE', message: 'what was sent before is not kept any more' }

/**
 * What a holder hears for good, by what the owner's machine met. In words of our own on both sides: those of the owner's
 * machine tell of objects that the link does not show, and those of another machine may say anything.
 */
const REFUSALS: Partial<Readonly<Record<string, Refusal>>> = {
  STORAGE_BAD_LINK: {
    code: 'STORAGE_BAD_LINK',
    message: 'the node that the link names has not made it, or somebody has changed it',
  },
  STORAGE_BAD_NAME: {
    code: 'STORAGE_BAD_NAME',
    message: 'the owner takes no object of this name',
    next: 'Names have steps of 1 to 255 bytes between /, none of them . or .., and no object is where a folder is.',
  },
  STORAGE_CONDITION: {
    code: 'STORAGE_CONDITION',
    message: 'there is an object of this name already, and the link may not replace it',
    next: 'Give it another name: stead put <file> <link>/<name>',
  },
  STORAGE_GRANT_ENDED: ended,
  STORAGE_BUCKET_UNKNOWN: ended,
  STORAGE_PART_UNKNOWN: lost,
  STORAGE_UPLOAD_UNKNOWN: lost,
  STORAGE_WRITE_LATE: lost,
}

/** What a holder is told of what its request met on the owner's machine; undefined for what is not its business. */
export function toldRefusal(error: unknown): StorageError | undefined {
  if (!isSteadError(error)) return undefined
  if (error.code === 'STORAGE_BUSY') return new StorageError('STORAGE_BUSY', 'too much is written at once with links')
  return refusalOf(error.code, error.details.leftBytes, error)
}

/** The refusal that an owner's machine, or this very one, answered with; undefined for anything else. */
export function remoteRefusal(error: unknown): StorageError | undefined {
  if (!isSteadError(error)) return undefined
  return refusalOf(remoteCodeOf(error) ?? error.code, error.details.remoteLeftBytes ?? error.details.leftBytes, error)
}

function refusalOf(code: string, leftBytes: unknown, cause: unknown): StorageError | undefined {
  if (code === 'STORAGE_GRANT_SPENT') return spent(leftBytes, cause)
  const refusal = REFUSALS[code]
  if (refusal === undefined) return undefined
  const { message, next } = refusal
  return new StorageError(refusal.code, message, { cause, ...(next === undefined ? {} : { next }) })
}

function spent(leftBytes: unknown, cause: unknown): StorageError {
  const isKnown = Number.isSafeInteger(leftBytes) && Number(leftBytes) >= 0
  const left = isKnown ? `takes ${leftBytes} bytes more` : 'takes no more'
  const details = isKnown ? { leftBytes: Number(leftBytes) } : {}
  return new StorageError('STORAGE_GRANT_SPENT', `the link ${left}, and this needs more`, { cause, details })
}
