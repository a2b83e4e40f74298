import { type ContentId, isSteadError } from '@stead/core'
import { parseContentId } from '@stead/protocol'
import { SdkError } from '@stead/sdk'

/** A content id in a request's path; one that is none is the mistake of who asked, not of a peer. @throws SdkError API_BAD_REQUEST */
export function contentIdOfPath(text: string): ContentId {
  try {
    return parseContentId(text)
  } catch (cause) {
    if (!isSteadError(cause)) throw cause
    const shown = JSON.stringify(text.slice(0, 80))
    throw new SdkError('API_BAD_REQUEST', `id: ${shown} is no content id: ${cause.message}`, { cause })
  }
}
