import { S3Error } from '../s3-error.ts'
import type { S3ErrorCode } from '../s3-error-codes.ts'
import type { S3Request } from '../s3-request.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'
const EXPIRES_SECONDS_MAX = 604_800

/** What a request says of its own signature; not checked yet. */
export interface SignatureClaim {
  readonly accessKeyId: string
  /** YYYYMMDD. */
  readonly date: string
  readonly region: string
  /** Lower-case names, sorted; `host` is one of them. */
  readonly signedHeaders: readonly string[]
  /** 64 hexadecimal digits. */
  readonly signature: string
  /** YYYYMMDDTHHMMSSZ. */
  readonly signedAt: string
  /** How long a presigned address is good for; undefined for a signature in a header. */
  readonly expiresSeconds: number | undefined
  /** A hash in hexadecimal, or the name of a way to sign the body. */
  readonly payloadHash: string
}

/** Reads the signature of a request, from its header or its query. @throws S3Error when there is none, or none of ours */
export function readClaim(request: S3Request): SignatureClaim {
  const header = request.headers.get('authorization')
  const { query } = request
  if (query.has('AWSAccessKeyId') || header?.startsWith('AWS '))
    throw new S3Error('InvalidRequest', {
      message: 'Signatures of version 2 are not taken; please use AWS4-HMAC-SHA256.',
    })
  const isPresigned = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature')
  if (header !== undefined && isPresigned)
    throw new S3Error('InvalidArgument', { message: 'A request is signed in its header or in its query, not in both.' })
  if (header !== undefined) return claimOfHeader(request, header)
  if (isPresigned) return claimOfQuery(request)
  throw new S3Error('AccessDenied', { message: 'The request is not signed.' })
}

function claimOfHeader(request: S3Request, header: string): SignatureClaim {
  const malformed = 'AuthorizationHeaderMalformed'
  if (!header.startsWith(`${ALGORITHM} `)) throw new S3Error(malformed)
  const fields = new Map(
    header
      .slice(ALGORITHM.length)
      .split(',')
      .map((field) => {
        const at = field.indexOf('=')
        return [field.slice(0, at).trim(), field.slice(at + 1).trim()] as const
      }),
  )
  const payloadHash = request.headers.get('x-amz-content-sha256')
  if (payloadHash === undefined)
    throw new S3Error('InvalidRequest', { message: 'The header x-amz-content-sha256 is missing.' })
  return {
    ...credentialOf(fields.get('Credential') ?? '', malformed),
    signedHeaders: headersOf(fields.get('SignedHeaders') ?? '', malformed),
    signature: signatureOf(fields.get('Signature') ?? '', malformed),
    signedAt: timeOfHeaders(request),
    expiresSeconds: undefined,
    payloadHash,
  }
}

function claimOfQuery(request: S3Request): SignatureClaim {
  const malformed = 'AuthorizationQueryParametersError'
  const field = (name: string): string => {
    if (request.query.count(name) !== 1)
      throw new S3Error(malformed, { message: `${name} must be in the query, and once.` })
    return request.query.get(name) ?? ''
  }
  if (field('X-Amz-Algorithm') !== ALGORITHM) throw new S3Error(malformed)
  const expires = field('X-Amz-Expires')
  const expiresSeconds = /^\d{1,6}$/.test(expires) ? Number(expires) : 0
  if (expiresSeconds < 1 || expiresSeconds > EXPIRES_SECONDS_MAX)
    throw new S3Error(malformed, { message: `X-Amz-Expires must be 1 .. ${EXPIRES_SECONDS_MAX} seconds.` })
  return {
    ...credentialOf(field('X-Amz-Credential'), malformed),
    signedHeaders: headersOf(field('X-Amz-SignedHeaders'), malformed),
    signature: signatureOf(field('X-Amz-Signature'), malformed),
    signedAt: field('X-Amz-Date'),
    expiresSeconds,
    payloadHash:
      request.query.get('X-Amz-Content-Sha256') ?? request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD',
  }
}

function credentialOf(text: string, code: S3ErrorCode): Pick<SignatureClaim, 'accessKeyId' | 'date' | 'region'> {
  const [accessKeyId, date, region, service, end, ...more] = text.split('/')
  const isWhole = service === 's3' && end === 'aws4_request' && more.length === 0
  if (!isWhole || accessKeyId === undefined || !/^\d{8}$/.test(date ?? '') || !/^[\w-]{1,64}$/.test(region ?? ''))
    throw new S3Error(code, { message: 'A credential is: access key/YYYYMMDD/region/s3/aws4_request' })
  return { accessKeyId, date: date ?? '', region: region ?? '' }
}

function headersOf(text: string, code: S3ErrorCode): readonly string[] {
  const names = text.split(';')
  const isSorted = names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name)
  if (!names.includes('host') || !isSorted || names.some((name) => name !== name.toLowerCase()))
    throw new S3Error(code, { message: 'Signed headers are in lower case and sorted, and host is one of them.' })
  return names
}

function signatureOf(text: string, code: S3ErrorCode): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new S3Error(code, { message: 'A signature has 64 hexadecimal digits.' })
  return text
}

/** The time in `x-amz-date`, or in `date` where there is no other. */
function timeOfHeaders({ headers }: S3Request): string {
  const given = headers.get('x-amz-date')
  if (given !== undefined) return given
  const date = new Date(headers.get('date') ?? '')
  if (Number.isNaN(date.getTime()))
    throw new S3Error('AccessDenied', { message: 'The request needs a valid x-amz-date or date header.' })
  return date.toISOString().replace(/[-:]|\.\d{3}/g, '')
}
