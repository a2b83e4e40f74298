import { createHash } from 'node:crypto'
import type { SignedRequest } from '../auth/authenticate.ts'
import { invalidArgument, notImplemented, S3Error } from '../s3-error.ts'
import type { RequestHeaders, S3Request } from '../s3-request.ts'
import { type ExpectedChecksum, expectedChecksum, settleChecksum } from './checksum.ts'
import { ChunkedBody } from './chunked-body.ts'

const CHUNKED: ReadonlyMap<string, { readonly isSigned: boolean; readonly hasTrailer: boolean }> = new Map([
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { isSigned: true, hasTrailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { isSigned: true, hasTrailer: true }],
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { isSigned: false, hasTrailer: true }],
])
const NO_TRAILERS: ReadonlyMap<string, string> = new Map()

/** A body whose checks are made while it is read: whoever has read it to its end may believe it. */
export interface CheckedBody {
  /** @throws S3Error for each check that fails, at the end at the latest */
  readonly bytes: AsyncIterable<Uint8Array>
  /** MD5 in hexadecimal, when the bytes have ended. */
  md5Hex(): string
  /** The checksum that was asked for, as a header to answer with; empty before the end, and where none was. */
  readonly checksumHeaders: Readonly<Record<string, string>>
}

interface Checks {
  readonly sha256: string | undefined
  readonly md5Base64: string | undefined
  readonly checksum: ExpectedChecksum | undefined
}

/** Sees how a body is signed and checked. Nothing is read before it is asked for. @throws S3Error */
export async function openBody(
  request: S3Request,
  signed: SignedRequest,
  source: AsyncIterable<Uint8Array>,
): Promise<CheckedBody> {
  const { headers } = request
  const checksum = await expectedChecksum(request)
  const chunked = CHUNKED.get(signed.payloadHash)
  const sha256 = chunked === undefined ? plainHash(signed.payloadHash) : undefined
  if (checksum?.value === undefined && checksum !== undefined && chunked?.hasTrailer !== true)
    throw new S3Error('InvalidRequest', { message: 'x-amz-trailer needs a body that is streamed with a trailer.' })
  const checks = { sha256, md5Base64: md5Of(headers), checksum }
  if (chunked === undefined) return new HashedBody(source, NO_TRAILERS, checks)
  const decodedBytes = decodedLengthOf(headers)
  const seed = chunked.isSigned ? signed.seed : undefined
  const body = new ChunkedBody(source, { seed, hasTrailer: chunked.hasTrailer, decodedBytes })
  return new HashedBody(body.bytes(), body.trailers, checks)
}

class HashedBody implements CheckedBody {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly #checks: Checks
  readonly #trailers: ReadonlyMap<string, string>
  #md5: string | undefined
  checksumHeaders: Readonly<Record<string, string>> = {}

  constructor(source: AsyncIterable<Uint8Array>, trailers: ReadonlyMap<string, string>, checks: Checks) {
    this.#checks = checks
    this.#trailers = trailers
    this.bytes = this.#hash(source)
  }

  md5Hex(): string {
    if (this.#md5 === undefined) throw new RangeError('the body has not ended yet')
    return this.#md5
  }

  async *#hash(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { sha256, md5Base64, checksum } = this.#checks
    const md5 = createHash('md5')
    const payload = sha256 === undefined ? undefined : createHash('sha256')
    for await (const bytes of source) {
      md5.update(bytes)
      payload?.update(bytes)
      checksum?.running.update(bytes)
      yield bytes
    }
    if (payload !== undefined && payload.digest('hex') !== sha256) throw new S3Error('XAmzContentSHA256Mismatch')
    const digest = md5.digest()
    if (md5Base64 !== undefined && digest.toString('base64') !== md5Base64) throw new S3Error('BadDigest')
    if (checksum !== undefined) this.checksumHeaders = { [checksum.header]: settleChecksum(checksum, this.#trailers) }
    this.#md5 = digest.toString('hex')
  }
}

/** The hash that was signed; undefined when it was said that there is none. */
function plainHash(payloadHash: string): string | undefined {
  if (payloadHash === 'UNSIGNED-PAYLOAD') return undefined
  if (/^[0-9a-f]{64}$/.test(payloadHash)) return payloadHash
  if (payloadHash.startsWith('STREAMING-')) throw notImplemented(`way to sign a body: ${payloadHash.slice(0, 100)}`)
  throw invalidArgument(
    'x-amz-content-sha256',
    payloadHash,
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD (-TRAILER), STREAMING-UNSIGNED-PAYLOAD-TRAILER or a SHA-256.',
  )
}

function md5Of(headers: RequestHeaders): string | undefined {
  const value = headers.get('content-md5')
  if (value === undefined) return undefined
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== 16 || bytes.toString('base64') !== value) throw new S3Error('InvalidDigest')
  return value
}

function decodedLengthOf(headers: RequestHeaders): number {
  const name = 'x-amz-decoded-content-length'
  const value = headers.get(name)
  if (value === undefined) throw new S3Error('MissingContentLength')
  if (!/^\d{1,15}$/.test(value)) throw invalidArgument(name, value, `${name} must be a count of bytes.`)
  return Number(value)
}
