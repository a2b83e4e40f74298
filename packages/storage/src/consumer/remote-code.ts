import { hasCode } from '@stead/core'

/** The code of the error that a node answered with; undefined for an error of another kind. */
export function remoteCodeOf(error: unknown): string | undefined {
  if (!hasCode(error, 'NETWORK_REMOTE')) return undefined
  const code = error.details.remoteCode
  return typeof code === 'string' ? code : undefined
}

/** Whether a node said that there is no agreement, or not any more. */
export function isEnded(error: unknown): boolean {
  const code = remoteCodeOf(error)
  return code === 'STORAGE_AGREEMENT_UNKNOWN' || code === 'STORAGE_AGREEMENT_ENDED'
}
