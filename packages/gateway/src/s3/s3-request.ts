import type { IncomingMessage } from 'node:http'
import { percentDecode } from './http/percent-coding.ts'
import { Query } from './http/query.ts'
import { S3Error } from './s3-error.ts'

/** Bytes of a key in UTF-8. */
export const KEY_BYTES_MAX = 1024

/** A request as S3 sees it; nothing in it is believed before its signature was checked. */
export interface S3Request {
  readonly method: string
  /** The whole path, decoded once, with its leading slash and no normalisation: `..` and `//` are part of keys. */
  readonly path: string
  /** Empty for the list of buckets. */
  readonly bucket: string
  /** Empty for the bucket itself. */
  readonly key: string
  readonly query: Query
  readonly headers: RequestHeaders
}

/** Headers by lower-case name; each byte is one character (latin1), as they came over the wire. */
export class RequestHeaders {
  readonly #values = new Map<string, string[]>()

  /** @param raw names and values in turn */
  constructor(raw: readonly string[]) {
    for (let index = 0; index + 1 < raw.length; index += 2) {
      const name = (raw[index] ?? '').toLowerCase()
      const value = raw[index + 1] ?? ''
      const values = this.#values.get(name)
      if (values === undefined) this.#values.set(name, [value])
      else values.push(value)
    }
  }

  /** All values of this name, joined by commas. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.join(',')
  }

  /** Values in the order they came. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  get names(): readonly string[] {
    return [...this.#values.keys()]
  }
}

/** Reads path, query and headers. @throws S3Error InvalidURI, KeyTooLongError */
export function readRequest(message: IncomingMessage, domains: readonly string[]): S3Request {
  const headers = new RequestHeaders(message.rawHeaders)
  // Some clients and all proxies name the whole address; what stands before the path is not believed.
  const target = (message.url ?? '/').replace(/^https?:\/\/[^/?]*/i, '')
  const at = target.indexOf('?')
  const path = percentDecode(at < 0 ? target : target.slice(0, at))
  const query = new Query(at < 0 ? '' : target.slice(at + 1))
  const rooted = path.startsWith('/') ? path : `/${path}`
  const { bucket, key } = placeOf(rooted, bucketOfHost(headers.get('host') ?? '', domains))
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw new S3Error('KeyTooLongError')
  if (key.includes('\0')) throw new S3Error('InvalidURI', { message: 'Keys cannot hold the character 0.' })
  return { method: message.method ?? 'GET', path: rooted, bucket, key, query, headers }
}

function placeOf(path: string, hostBucket: string | undefined): { bucket: string; key: string } {
  if (hostBucket !== undefined) return { bucket: hostBucket, key: path.slice(1) }
  const slash = path.indexOf('/', 1)
  return slash < 0 ? { bucket: path.slice(1), key: '' } : { bucket: path.slice(1, slash), key: path.slice(slash + 1) }
}

/** The bucket that a host names below one of our domains. */
function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  const name = host.toLowerCase().replace(/:\d+$/, '')
  const domain = domains.find((candidate) => name.endsWith(`.${candidate}`))
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1)
}
