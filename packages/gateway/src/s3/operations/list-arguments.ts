import type { ObjectInfo, ObjectPage } from '@stead/storage'
import type { S3Call } from '../call.ts'
import { percentEncodePath } from '../http/percent-coding.ts'
import { OWNER, xmlTime } from '../owner.ts'
import { invalidArgument } from '../s3-error.ts'
import type { XmlNode } from '../xml/write-xml.ts'

const PAGE_MAX = 1000

/** An empty page: what is answered when nothing at all is asked for. */
export const EMPTY_PAGE: ObjectPage = { objects: [], commonPrefixes: [], next: undefined }

/** What all listings are asked with. */
export interface ListArguments {
  readonly prefix: string
  readonly delimiter: string | undefined
  /** 0 .. 1000. */
  readonly limit: number
  /** Spells a key as the client asked for. */
  spell(key: string): string
  /** The element that says how keys are spelt. */
  readonly encodingType: 'url' | undefined
}

/** Reads the query of a listing; `limitName` is what it calls its limit. @throws S3Error InvalidArgument */
export function readListArguments({ request: { query } }: S3Call, limitName: string): ListArguments {
  const encoding = query.get('encoding-type')
  if (encoding !== undefined && encoding !== 'url')
    throw invalidArgument('encoding-type', encoding, 'The encoding type must be url.')
  const delimiter = query.get('delimiter')
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: delimiter === '' ? undefined : delimiter,
    limit: readCount(query.get(limitName), limitName),
    spell: encoding === 'url' ? percentEncodePath : (key) => key,
    encodingType: encoding,
  }
}

/** A count of at most 1,000, which is also what nothing means. @throws S3Error InvalidArgument */
export function readCount(text: string | undefined, name: string): number {
  if (text === undefined || text === '') return PAGE_MAX
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 31 - 1)
    throw invalidArgument(name, text, `${name} must be 0 .. 2147483647.`)
  return Math.min(PAGE_MAX, Number(text))
}

/** A marker that is empty is none. */
export function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** The elements of one object that all listings share. */
export function objectElements(
  info: ObjectInfo,
  spell: ListArguments['spell'],
  withOwner: boolean,
): readonly XmlNode[] {
  return [
    ['Key', spell(info.key)],
    ['LastModified', xmlTime(info.modifiedAt)],
    ['ETag', `"${info.etag}"`],
    ['Size', info.lengthBytes],
    ['StorageClass', 'STANDARD'],
    ['Owner', withOwner ? OWNER : undefined],
  ]
}

/** The elements of what was rolled up. */
export function prefixElements(page: Pick<ObjectPage, 'commonPrefixes'>, spell: ListArguments['spell']): XmlNode[] {
  return page.commonPrefixes.map((prefix) => ['CommonPrefixes', [['Prefix', spell(prefix)]]])
}
