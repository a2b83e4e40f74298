import { type IncomingMessage, request as openRequest } from 'node:http'
import type { Clock } from '@stead/core'
import { canonicalRequest } from '../src/s3/auth/canonical-request.ts'
import { scopeText, sha256Hex, sign, signingKey } from '../src/s3/auth/signature.ts'
import { readRequest } from '../src/s3/s3-request.ts'
import type { RunningGateway } from './system-ports.ts'

/** What signing needs to know of a gateway. */
export type Signer = Pick<RunningGateway, 'endpoint' | 'credentials'> & { readonly clock: Pick<Clock, 'now'> }

const REGION = 'us-east-1'

/** A request as a test writes it; the target goes over the wire as it stands. */
export interface RawRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** What the signature says of the body. @default its hash */
  readonly payloadHash?: string
  /** @default the gateway's own time */
  readonly signedAtMs?: number
  /** The day that the key is made for, YYYYMMDD. @default that of the signature */
  readonly scopeDate?: string
}

/** A request with its signature, which a test may spoil before it is sent. */
export interface SignedRequest {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A time as signatures have it: YYYYMMDDTHHMMSSZ. */
export function amzTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** Signs in the header; all headers but `unsigned-…` are signed. */
export function signRequest(running: Signer, raw: RawRequest): SignedRequest {
  const { body = '' } = raw
  const signedAt = amzTime(raw.signedAtMs ?? running.clock.now())
  const payloadHash = raw.payloadHash ?? sha256Hex(Buffer.from(body))
  const headers: Record<string, string> = {
    host: new URL(running.endpoint).host,
    'x-amz-date': signedAt,
    'x-amz-content-sha256': payloadHash,
    ...raw.headers,
  }
  const names = Object.keys(headers).sort()
  const scope = { date: raw.scopeDate ?? signedAt.slice(0, 8), region: REGION }
  const signature = signatureOf(running, { ...raw, headers }, { names, signedAt, payloadHash, scope })
  const credential = `${running.credentials.accessKeyId}/${scopeText(scope)}`
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  return { method: raw.method, target: raw.target, headers, body }
}

/** A target that is good without headers for so many seconds. */
export function presign(running: Signer, raw: RawRequest, expiresSeconds: number): string {
  const signedAt = amzTime(raw.signedAtMs ?? running.clock.now())
  const scope = { date: signedAt.slice(0, 8), region: REGION }
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${running.credentials.accessKeyId}/${scopeText(scope)}`,
    'X-Amz-Date': signedAt,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
  })
  const target = `${raw.target}${raw.target.includes('?') ? '&' : '?'}${query}`
  const headers = { host: new URL(running.endpoint).host }
  const terms = { names: ['host'], signedAt, payloadHash: 'UNSIGNED-PAYLOAD', scope }
  return `${target}&X-Amz-Signature=${signatureOf(running, { ...raw, target, headers }, terms)}`
}

interface SignatureTerms {
  readonly names: readonly string[]
  readonly signedAt: string
  readonly payloadHash: string
  readonly scope: { readonly date: string; readonly region: string }
}

function signatureOf(running: Signer, raw: RawRequest, terms: SignatureTerms): string {
  const rawHeaders = Object.entries(raw.headers ?? {}).flat()
  const message = { method: raw.method, url: raw.target, rawHeaders } as unknown as IncomingMessage
  const canonical = canonicalRequest(readRequest(message, []), terms.names, terms.payloadHash)
  const key = signingKey(running.credentials.secretAccessKey, terms.scope)
  return sign(key, ['AWS4-HMAC-SHA256', terms.signedAt, scopeText(terms.scope), sha256Hex(canonical)])
}

/** Sends a request as it is. */
export function send(running: RunningGateway, request: SignedRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(running.endpoint)
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>()
  const { method, target, headers, body } = request
  const sending = openRequest({ hostname, port, method, path: target, headers, agent: false }, (answer) => {
    const parts: Buffer[] = []
    answer.on('data', (part: Buffer) => parts.push(part))
    answer.on('error', reject)
    answer.on('end', () => {
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts).toString() })
    })
  })
  sending.on('error', reject)
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined)
    sending.setHeader('content-length', Buffer.byteLength(body))
  sending.end(body)
  return promise
}

/** Signs and sends. */
export function call(running: RunningGateway, raw: RawRequest): Promise<RawAnswer> {
  return send(running, signRequest(running, raw))
}

/** The code of an error answer. */
export function codeOf(answer: RawAnswer): string | undefined {
  return /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1]
}
