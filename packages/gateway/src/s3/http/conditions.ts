import type { ObjectInfo, WriteCondition } from '@stead/storage'
import { notImplemented } from '../s3-error.ts'
import type { RequestHeaders } from '../s3-request.ts'

/** What became of the conditions of a read. */
export type ReadVerdict = 'go-on' | 'not-modified' | 'failed'

/** Names of the four conditional headers; those of a copy's source begin with `x-amz-copy-source-`. */
const NAMES = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'] as const

/** Weighs the conditional headers of a read in the order of RFC 9110, section 13.2.2. */
export function weighRead(headers: RequestHeaders, info: ObjectInfo, prefix = ''): ReadVerdict {
  const [match, noneMatch, modifiedSince, unmodifiedSince] = NAMES.map((name) => headers.get(`${prefix}${name}`))
  if (match !== undefined) {
    if (!matchesAny(match, info.etag)) return 'failed'
  } else if (isBefore(unmodifiedSince, info)) return 'failed'
  if (noneMatch !== undefined) return matchesAny(noneMatch, info.etag) ? 'not-modified' : 'go-on'
  const since = secondsOf(modifiedSince)
  return since !== undefined && modifiedSeconds(info) <= since ? 'not-modified' : 'go-on'
}

/** Whether a Range may be heeded: If-Range names the version that is here, or there is none. */
export function heedsRange(headers: RequestHeaders, info: ObjectInfo): boolean {
  const given = headers.get('if-range')
  if (given === undefined) return true
  if (given.startsWith('"') || !given.includes(' ')) return matchesAny(given, info.etag)
  return secondsOf(given) === modifiedSeconds(info)
}

/** What must hold for a write, by its headers. @throws S3Error NotImplemented for what S3 does not have either */
export function writeConditionOf(headers: RequestHeaders): WriteCondition | undefined {
  const [match, noneMatch, modifiedSince, unmodifiedSince] = NAMES.map((name) => headers.get(name))
  if (modifiedSince !== undefined || unmodifiedSince !== undefined) throw notImplemented('write on condition of a time')
  if (match !== undefined && noneMatch !== undefined) throw notImplemented('write on two conditions')
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== '*') throw notImplemented('If-None-Match but * on a write')
    return { is: 'absent' }
  }
  if (match === undefined) return undefined
  if (match.trim() === '*' || match.includes(',')) throw notImplemented('If-Match but one entity tag on a write')
  return { is: 'present', etag: plainEtag(match) }
}

/** An entity tag without its quotes. */
export function plainEtag(etag: string): string {
  return etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1')
}

function matchesAny(list: string, etag: string): boolean {
  return list.split(',').some((item) => item.trim() === '*' || plainEtag(item) === etag)
}

function isBefore(unmodifiedSince: string | undefined, info: ObjectInfo): boolean {
  const since = secondsOf(unmodifiedSince)
  return since !== undefined && modifiedSeconds(info) > since
}

/** Whole seconds since 1970 of an HTTP date; undefined for what is none. */
function secondsOf(date: string | undefined): number | undefined {
  const time = date === undefined ? Number.NaN : Date.parse(date)
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000)
}

function modifiedSeconds({ modifiedAt }: ObjectInfo): number {
  return Math.floor(modifiedAt / 1000)
}
