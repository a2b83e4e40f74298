import type { ObjectInfo } from '@stead/storage'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { OWNER, xmlTime } from '../owner.ts'
import { invalidArgument } from '../s3-error.ts'
import { writeXml, type XmlNode } from '../xml/write-xml.ts'
import { defined } from './defined.ts'
import { EMPTY_PAGE, given, objectElements, prefixElements, readListArguments } from './list-arguments.ts'

/** ListObjectVersions: every version and deletion, newest first within a key. */
export async function listObjectVersions(call: S3Call): Promise<S3Answer> {
  const { query, bucket } = call.request
  const list = readListArguments(call, 'max-keys')
  const { prefix, delimiter, limit, spell } = list
  const after = given(query.get('key-marker'))
  const afterVersion = given(query.get('version-id-marker'))
  if (after === undefined && afterVersion !== undefined)
    throw invalidArgument('version-id-marker', afterVersion, 'A version-id marker needs a key marker beside it.')
  await call.store.bucket(bucket)
  const asked = { prefix, limit, versions: true, signal: call.signal, ...defined({ delimiter, after, afterVersion }) }
  const page = limit === 0 ? EMPTY_PAGE : await call.store.list(bucket, asked)
  return xmlAnswer(
    writeXml('ListVersionsResult', [
      ['Name', bucket],
      ['Prefix', spell(prefix)],
      ['KeyMarker', spell(after ?? '')],
      ['VersionIdMarker', afterVersion ?? ''],
      ['NextKeyMarker', page.next === undefined ? undefined : spell(page.next.after)],
      ['NextVersionIdMarker', page.next?.afterVersion],
      ['MaxKeys', limit],
      ['Delimiter', delimiter === undefined ? undefined : spell(delimiter)],
      ['EncodingType', list.encodingType],
      ['IsTruncated', page.next !== undefined],
      ...page.objects.map((info) => versionElement(info, spell)),
      ...prefixElements(page, spell),
    ]),
  )
}

function versionElement(info: ObjectInfo, spell: (key: string) => string): XmlNode {
  const which: readonly XmlNode[] = [
    ['VersionId', info.version],
    ['IsLatest', info.isLatest],
  ]
  if (!info.isDeleted) return ['Version', [...objectElements(info, spell, true), ...which]]
  return [
    'DeleteMarker',
    [['Key', spell(info.key)], ...which, ['LastModified', xmlTime(info.modifiedAt)], ['Owner', OWNER]],
  ]
}
