import type { ObjectPage } from '@stead/storage'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { invalidArgument } from '../s3-error.ts'
import { writeXml, type XmlNode } from '../xml/write-xml.ts'
import { defined } from './defined.ts'
import {
  EMPTY_PAGE,
  given,
  type ListArguments,
  objectElements,
  prefixElements,
  readListArguments,
} from './list-arguments.ts'

/** Begins every token, so that what is not one of ours is noticed. */
const TOKEN_MARK = '1'

/** ListObjects, the first version: pages begin behind a marker. */
export async function listObjects(call: S3Call): Promise<S3Answer> {
  const list = readListArguments(call, 'max-keys')
  const marker = given(call.request.query.get('marker'))
  const page = await pageOf(call, list, marker)
  return xmlAnswer(
    writeXml('ListBucketResult', [
      ['Name', call.request.bucket],
      ['Prefix', list.spell(list.prefix)],
      ['Marker', list.spell(marker ?? '')],
      ['NextMarker', page.next === undefined ? undefined : list.spell(page.next.after)],
      ...commonElements(list, page),
      ...contents(list, page, true),
    ]),
  )
}

/** ListObjectsV2: pages begin at a token that only the gateway reads. */
export async function listObjectsV2(call: S3Call): Promise<S3Answer> {
  const { query, bucket } = call.request
  const type = query.get('list-type') ?? ''
  if (type !== '2') throw invalidArgument('list-type', type, 'The list type must be 2.')
  const list = readListArguments(call, 'max-keys')
  const token = query.get('continuation-token')
  const startAfter = given(query.get('start-after'))
  const page = await pageOf(call, list, token === undefined ? startAfter : readToken(token))
  return xmlAnswer(
    writeXml('ListBucketResult', [
      ['Name', bucket],
      ['Prefix', list.spell(list.prefix)],
      ['StartAfter', startAfter === undefined ? undefined : list.spell(startAfter)],
      ['ContinuationToken', token],
      ['NextContinuationToken', page.next === undefined ? undefined : writeToken(page.next.after)],
      ['KeyCount', page.objects.length + page.commonPrefixes.length],
      ...commonElements(list, page),
      ...contents(list, page, query.get('fetch-owner') === 'true'),
    ]),
  )
}

async function pageOf(
  { store, request, signal }: S3Call,
  list: ListArguments,
  after: string | undefined,
): Promise<ObjectPage> {
  const { prefix, delimiter, limit } = list
  if (limit > 0) return store.list(request.bucket, { prefix, limit, signal, ...defined({ delimiter, after }) })
  await store.bucket(request.bucket)
  return EMPTY_PAGE
}

function commonElements(list: ListArguments, page: ObjectPage): readonly XmlNode[] {
  return [
    ['MaxKeys', list.limit],
    ['Delimiter', list.delimiter === undefined ? undefined : list.spell(list.delimiter)],
    ['EncodingType', list.encodingType],
    ['IsTruncated', page.next !== undefined],
  ]
}

function contents(list: ListArguments, page: ObjectPage, withOwner: boolean): readonly XmlNode[] {
  return [
    ...page.objects.map((info): XmlNode => ['Contents', objectElements(info, list.spell, withOwner)]),
    ...prefixElements(page, list.spell),
  ]
}

function writeToken(after: string): string {
  return Buffer.from(`${TOKEN_MARK}${after}`).toString('base64url')
}

function readToken(token: string): string {
  const bytes = Buffer.from(token, 'base64url')
  const text = bytes.toString('utf8')
  if (!text.startsWith(TOKEN_MARK) || writeToken(text.slice(1)) !== token)
    throw invalidArgument('continuation-token', token, 'The continuation token is not one of this gateway.')
  return text.slice(1)
}
