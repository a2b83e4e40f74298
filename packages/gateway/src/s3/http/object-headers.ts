import type { ObjectInfo, PutOptions } from '@stead/storage'
import { invalidArgument, S3Error } from '../s3-error.ts'
import type { RequestHeaders, S3Request } from '../s3-request.ts'

const METADATA_BYTES_MAX = 2048
const PREFIX = 'x-amz-meta-'
const DEFAULT_TYPE = 'binary/octet-stream'

/**
 * Headers that are kept with an object and given back. They are among its metadata, behind a prefix that no name of a
 * client's can have: a colon cannot be in a header's name.
 */
const KEPT = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires'] as const
const KEPT_PREFIX = 'http:'

/** What an object is described by: type, kept headers, metadata. @throws S3Error MetadataTooLarge */
export function descriptionOf(headers: RequestHeaders): Required<Pick<PutOptions, 'contentType' | 'metadata'>> {
  const given = headers.names
    .filter((name) => name.startsWith(PREFIX) && name.length > PREFIX.length)
    .map((name) => [name.slice(PREFIX.length), textOfWire(headers.get(name) ?? '')] as const)
  const kept = KEPT.map((name) => {
    const value = textOfWire(headers.get(name) ?? '')
    return [`${KEPT_PREFIX}${name}`, name === 'content-encoding' ? withoutChunked(value) : value] as const
  })
  const metadata = Object.fromEntries([...given, ...kept.filter(([, value]) => value !== '')])
  const bytes = Object.entries(metadata).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0)
  if (bytes > METADATA_BYTES_MAX) throw new S3Error('MetadataTooLarge')
  const contentType = headers.get('content-type')
  return { contentType: contentType === undefined ? undefined : textOfWire(contentType), metadata }
}

/** Headers that describe an object; `response-…` of the query come in place of its own. @throws S3Error InvalidArgument */
export function headersOfObject(info: ObjectInfo, query: S3Request['query']): Record<string, string> {
  const headers: Record<string, string> = {
    'accept-ranges': 'bytes',
    'content-type': wireOfText(info.contentType ?? DEFAULT_TYPE) ?? DEFAULT_TYPE,
    etag: `"${info.etag}"`,
    'last-modified': new Date(info.modifiedAt).toUTCString(),
    // Pages among the objects must not run as what they do not say they are.
    'x-content-type-options': 'nosniff',
    ...versionHeader(info.version),
  }
  let missing = 0
  for (const [name, text] of Object.entries(info.metadata)) {
    const header = name.startsWith(KEPT_PREFIX) ? name.slice(KEPT_PREFIX.length) : `${PREFIX}${name}`
    const value = wireOfText(text)
    if (value !== undefined && /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(header)) headers[header] = value
    else missing += 1
  }
  if (missing > 0) headers['x-amz-missing-meta'] = String(missing)
  for (const header of [...KEPT, 'content-type'] as const) {
    const name = `response-${header}`
    const override = query.get(name)
    if (override === undefined) continue
    const value = wireOfText(override)
    if (value === undefined) throw invalidArgument(name, override, `${name} cannot be a header.`)
    headers[header] = value
  }
  return headers
}

/** The header that names a version; none for what was written while there were no versions. */
export function versionHeader(version: string): Readonly<Record<string, string>> {
  return version === 'null' ? {} : { 'x-amz-version-id': version }
}

function withoutChunked(encoding: string): string {
  const codings = encoding.split(',').map((coding) => coding.trim())
  return codings.filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked').join(',')
}

/** Text of a header's bytes: UTF-8 where they are, else latin1. */
function textOfWire(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    return value
  }
}

/** A header's bytes of a text; undefined when it cannot be in one. */
function wireOfText(text: string): string | undefined {
  const wire = Buffer.from(text, 'utf8').toString('latin1')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not get into a header
  return /[\x00-\x08\x0a-\x1f\x7f]/.test(wire) ? undefined : wire
}
