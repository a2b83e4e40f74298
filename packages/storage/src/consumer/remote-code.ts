import { hasCode } from '@stead/core'

/** The code of the error that a node answered with; undefined for an error of another kind. */
export function remoteCodeOf(error: unknown): string | undefined {
  if (!hasCode(error, 'NETWORK_REMOTE')) return undefined
  const code = error.details.remoteCode
  return typeof code === 'string' ? code : undefined
}
