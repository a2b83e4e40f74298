import type { UploadInfo } from '@stead/storage'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { OWNER, xmlTime } from '../owner.ts'
import { notImplemented } from '../s3-error.ts'
import { writeXml, type XmlNode } from '../xml/write-xml.ts'
import { defined } from './defined.ts'
import { given, type ListArguments, readListArguments } from './list-arguments.ts'
import { storeUploadId, writeUploadId } from './upload-id.ts'

/** ListMultipartUploads: those that were begun and neither finished nor given up. */
export async function listUploads(call: S3Call): Promise<S3Answer> {
  const { store, request } = call
  const { bucket, query } = request
  const list = readListArguments(call, 'max-uploads')
  if (list.delimiter !== undefined) throw notImplemented('delimiter for uploads')
  const { prefix, limit, spell } = list
  const key = given(query.get('key-marker'))
  const id = given(query.get('upload-id-marker'))
  const after = key === undefined ? undefined : { key, ...(id === undefined ? {} : { id: storeUploadId(id) }) }
  const found = await store.uploads(bucket, { prefix, limit: limit + 1, ...defined({ after }) })
  const uploads = found.slice(0, limit)
  const last = found.length > limit ? uploads.at(-1) : undefined
  return xmlAnswer(
    writeXml('ListMultipartUploadsResult', [
      ['Bucket', bucket],
      ['KeyMarker', spell(key ?? '')],
      ['UploadIdMarker', id ?? ''],
      ['NextKeyMarker', last === undefined ? undefined : spell(last.key)],
      ['NextUploadIdMarker', last === undefined ? undefined : writeUploadId(bucket, last.key, last.id)],
      ['Prefix', spell(prefix)],
      ['MaxUploads', limit],
      ['EncodingType', list.encodingType],
      ['IsTruncated', last !== undefined],
      ...uploads.map((upload): XmlNode => ['Upload', uploadElements(bucket, upload, spell)]),
    ]),
  )
}

function uploadElements(bucket: string, upload: UploadInfo, spell: ListArguments['spell']): readonly XmlNode[] {
  return [
    ['Key', spell(upload.key)],
    ['UploadId', writeUploadId(bucket, upload.key, upload.id)],
    ['Initiator', OWNER],
    ['Owner', OWNER],
    ['StorageClass', 'STANDARD'],
    ['Initiated', xmlTime(upload.begunAt)],
  ]
}
