import type { UnixMs } from '@stead/core'
import type { S3Credentials } from '../../options.ts'
import { S3Error } from '../s3-error.ts'
import type { S3Request } from '../s3-request.ts'
import { canonicalRequest } from './canonical-request.ts'
import { readClaim, type SignatureClaim } from './claim.ts'
import { isSameSignature, scopeText, sha256Hex, sign, signingKey } from './signature.ts'

/** How far the clocks of client and gateway may be apart; older signatures are replays. */
const SKEW_MS = 15 * 60 * 1000

/** A request whose signature holds, and what its body must be checked against. */
export interface SignedRequest {
  readonly accessKeyId: string
  /** A hash in hexadecimal, or the name of a way to sign the body. */
  readonly payloadHash: string
  /** What the first chunk of a streamed body is signed upon. */
  readonly seed: ChunkSeed
}

/** Where the chain of chunk signatures begins. */
export interface ChunkSeed {
  readonly key: Uint8Array
  readonly signedAt: string
  readonly scope: string
  readonly signature: string
}

/**
 * Checks who sent a request and that nothing in it was changed.
 * @throws S3Error AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed, and for malformed ones
 */
export function authenticate(request: S3Request, credentials: readonly S3Credentials[], now: UnixMs): SignedRequest {
  const claim = readClaim(request)
  checkTime(claim, now)
  if (request.headers.get('x-amz-security-token') !== undefined || request.query.has('X-Amz-Security-Token'))
    throw new S3Error('InvalidToken')
  const known = credentials.find(({ accessKeyId }) => accessKeyId === claim.accessKeyId)
  if (known === undefined) throw new S3Error('InvalidAccessKeyId')
  checkSignedHeaders(request, claim)
  const key = signingKey(known.secretAccessKey, claim)
  const scope = scopeText(claim)
  const canonical = canonicalRequest(request, claim.signedHeaders, claim.payloadHash)
  const signature = sign(key, ['AWS4-HMAC-SHA256', claim.signedAt, scope, sha256Hex(canonical)])
  if (!isSameSignature(signature, claim.signature)) throw new S3Error('SignatureDoesNotMatch')
  return {
    accessKeyId: known.accessKeyId,
    payloadHash: claim.payloadHash,
    seed: { key, signedAt: claim.signedAt, scope, signature },
  }
}

function checkTime(claim: SignatureClaim, now: UnixMs): void {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(claim.signedAt)
  const [, year, month, day, hour, minute, second] = match ?? []
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(signedAt))
    throw new S3Error('AccessDenied', { message: 'The request needs a time: YYYYMMDDTHHMMSSZ.' })
  if (!claim.signedAt.startsWith(claim.date))
    throw new S3Error('SignatureDoesNotMatch', { message: 'The credential is of another day than the request.' })
  if (claim.expiresSeconds === undefined) {
    if (Math.abs(now - signedAt) > SKEW_MS)
      throw new S3Error('RequestTimeTooSkewed', {
        fields: { RequestTime: claim.signedAt, ServerTime: new Date(now).toISOString() },
      })
    return
  }
  if (signedAt - now > SKEW_MS) throw new S3Error('AccessDenied', { message: 'The request is not valid yet.' })
  if (now > signedAt + claim.expiresSeconds * 1000)
    throw new S3Error('AccessDenied', {
      message: 'The request has expired.',
      fields: { 'X-Amz-Expires': String(claim.expiresSeconds), ServerTime: new Date(now).toISOString() },
    })
}

/** Headers that say what S3 does must be signed, or somebody on the way could add one. */
function checkSignedHeaders(request: S3Request, claim: SignatureClaim): void {
  const unsigned = request.headers.names.filter(
    (name) => name.startsWith('x-amz-') && name !== 'x-amz-content-sha256' && !claim.signedHeaders.includes(name),
  )
  if (unsigned.length > 0)
    throw new S3Error('AccessDenied', {
      message: 'There were headers present in the request which were not signed.',
      fields: { HeadersNotSigned: unsigned.join(', ').slice(0, 1000) },
    })
}
