import { createHash, type Hash } from 'node:crypto'
import { hasCode } from '@stead/core'
import type { ObjectBody, ObjectInfo } from '@stead/storage'
import { freedAfterUse } from '../body/freed-after-use.ts'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { type ByteRange, readByteRange } from '../http/byte-range.ts'
import { OWNER, xmlTime } from '../owner.ts'
import { invalidArgument, S3Error } from '../s3-error.ts'
import { writeXml, type XmlNode } from '../xml/write-xml.ts'
import { sourceVersionHeader } from './copy-object.ts'
import { findCopySource, readCopySource } from './copy-source.ts'
import { defined } from './defined.ts'
import { readCount } from './list-arguments.ts'
import { readUploadId } from './upload-id.ts'

/** Parts that one upload may have. */
export const PARTS_MAX = 10_000

/** UploadPart; with a source in its headers UploadPartCopy. */
export async function uploadPart(call: S3Call): Promise<S3Answer> {
  const { store, request, signal } = call
  const number = readPartNumber(request.query.get('partNumber') ?? '')
  const upload = readUploadId(call)
  if (request.headers.get('x-amz-copy-source') !== undefined) return uploadPartCopy(call, upload, number)
  const body = await call.openBody()
  const { etag } = await store.putPart(request.bucket, upload, number, freedAfterUse(body.bytes), {
    etag: () => body.md5Hex(),
    signal,
  })
  return { status: 200, headers: { etag: `"${etag}"`, ...body.checksumHeaders } }
}

async function uploadPartCopy(call: S3Call, upload: string, number: number): Promise<S3Answer> {
  const { store, request, signal } = call
  const source = readCopySource(call)
  const info = await findCopySource(call, source)
  const range = readCopyRange(call, info)
  const opened = await openObject(call, { bucket: source.bucket, info }, range)
  if (opened === undefined) throw new S3Error('PreconditionFailed', { message: 'The source was replaced meanwhile.' })
  const md5 = createHash('md5')
  const options = { etag: () => md5.digest('hex'), signal }
  const part = await store.putPart(request.bucket, upload, number, hashed(opened.body, md5), options)
  const document = writeXml('CopyPartResult', [
    ['LastModified', xmlTime(part.modifiedAt)],
    ['ETag', `"${part.etag}"`],
  ])
  const answer = xmlAnswer(document)
  return { ...answer, headers: { ...answer.headers, ...sourceVersionHeader(info.version) } }
}

/** Opens the version that was looked at; undefined when another one has taken its place. */
async function openObject(
  { store, signal }: S3Call,
  { bucket, info }: { readonly bucket: string; readonly info: ObjectInfo },
  range: ByteRange,
): Promise<ObjectBody | undefined> {
  try {
    const wanted = range.fromByte === 0 && range.toByte === info.lengthBytes ? {} : { range }
    const opened = await store.get(bucket, info.key, { version: info.version, signal, ...defined(wanted) })
    const isSame = opened.info.etag === info.etag && opened.info.lengthBytes === info.lengthBytes
    return isSame && opened.info.modifiedAt === info.modifiedAt ? opened : undefined
  } catch (error) {
    // The range was right for the object that was looked at.
    if (error instanceof RangeError || hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) return undefined
    throw error
  }
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const part of bytes) {
    hash.update(part)
    yield part
  }
}

function readCopyRange({ request: { headers } }: S3Call, info: ObjectInfo): ByteRange {
  const text = headers.get('x-amz-copy-source-range')
  if (text === undefined) return { fromByte: 0, toByte: info.lengthBytes }
  const [, last] = /^bytes=\d{1,15}-(\d{1,15})$/.exec(text) ?? []
  const range = last === undefined ? undefined : readByteRange(text, info.lengthBytes)
  // Unlike on reads, a range that reaches behind the end is a mistake.
  if (range === undefined || Number(last) >= info.lengthBytes)
    throw invalidArgument('x-amz-copy-source-range', text, 'The range must be bytes=first-last, within the source.')
  return range
}

/** ListParts. */
export async function listParts(call: S3Call): Promise<S3Answer> {
  const { store, request } = call
  const { bucket, key, query } = request
  const upload = readUploadId(call)
  const limit = readCount(query.get('max-parts'), 'max-parts')
  const marker = query.get('part-number-marker') ?? ''
  if (!/^\d{0,5}$/.test(marker)) throw invalidArgument('part-number-marker', marker, 'The marker must be a number.')
  const after = Number(marker)
  // One more is asked for: whether there is another page.
  const found = await store.parts(bucket, upload, { after, limit: limit + 1 })
  const parts = found.slice(0, limit)
  return xmlAnswer(
    writeXml('ListPartsResult', [
      ['Bucket', bucket],
      ['Key', key],
      ['UploadId', query.get('uploadId')],
      ['Initiator', OWNER],
      ['Owner', OWNER],
      ['StorageClass', 'STANDARD'],
      ['PartNumberMarker', after],
      ['NextPartNumberMarker', parts.at(-1)?.number ?? after],
      ['MaxParts', limit],
      ['IsTruncated', found.length > limit],
      ...parts.map((part): XmlNode => {
        const row: readonly XmlNode[] = [
          ['PartNumber', part.number],
          ['LastModified', xmlTime(part.modifiedAt)],
          ['ETag', `"${part.etag}"`],
          ['Size', part.lengthBytes],
        ]
        return ['Part', row]
      }),
    ]),
  )
}

/** A part's number, 1 .. 10000. @throws S3Error InvalidArgument */
function readPartNumber(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > PARTS_MAX)
    throw invalidArgument('partNumber', text, `A part number is an integer, 1 .. ${PARTS_MAX}.`)
  return number
}
