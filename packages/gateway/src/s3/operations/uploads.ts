import { hasCode } from '@stead/core'
import { etagOfParts, type PartInfo } from '@stead/storage'
import { readXmlBody } from '../body/read-xml-body.ts'
import type { S3Call } from '../call.ts'
import { type S3Answer, xmlAnswer } from '../http/answer.ts'
import { plainEtag, writeConditionOf } from '../http/conditions.ts'
import { descriptionOf, versionHeader } from '../http/object-headers.ts'
import { percentEncode, percentEncodePath } from '../http/percent-coding.ts'
import { S3Error } from '../s3-error.ts'
import { childOf, type ReadElement } from '../xml/read-xml.ts'
import { writeXml } from '../xml/write-xml.ts'
import { defined } from './defined.ts'
import { PARTS_MAX } from './parts.ts'
import { readUploadId, writeUploadId } from './upload-id.ts'
import { onCondition } from './write-object.ts'

const PARTS_PER_PAGE = 1000

interface ListedPart {
  readonly number: number
  readonly etag: string
}

/** CreateMultipartUpload. */
export async function createUpload({ store, request }: S3Call): Promise<S3Answer> {
  const { bucket, key, headers } = request
  const { id } = await store.beginUpload(bucket, key, descriptionOf(headers))
  return xmlAnswer(
    writeXml('InitiateMultipartUploadResult', [
      ['Bucket', bucket],
      ['Key', key],
      ['UploadId', writeUploadId(bucket, key, id)],
    ]),
  )
}

/** CompleteMultipartUpload. */
export async function completeUpload(call: S3Call): Promise<S3Answer> {
  const { store, request } = call
  const { bucket, key, headers } = request
  const upload = readUploadId(call)
  const condition = writeConditionOf(headers)
  const parts = readParts(await readXmlBody(call, 'CompleteMultipartUpload'))
  await checkParts(call, upload, parts)
  // Also one that is not there any more: a client that lost the answer says it again, and the store knows what it became.
  const options = { key, etag: etagOfParts(parts.map((part) => part.etag)), ...defined({ condition }) }
  const info = await onCondition(call, condition, store.completeUpload(bucket, upload, parts, options))
  const answer = xmlAnswer(
    writeXml('CompleteMultipartUploadResult', [
      ['Location', `/${percentEncode(bucket)}/${percentEncodePath(key)}`],
      ['Bucket', bucket],
      ['Key', key],
      ['ETag', `"${info.etag}"`],
    ]),
  )
  return { ...answer, headers: { ...answer.headers, ...versionHeader(info.version) } }
}

/** AbortMultipartUpload. */
export async function abortUpload(call: S3Call): Promise<S3Answer> {
  const upload = readUploadId(call)
  await call.store.abortUpload(call.request.bucket, upload)
  return { status: 204 }
}

function readParts(root: ReadElement): readonly ListedPart[] {
  const parts = root.children.filter(({ name }) => name === 'Part').map(readPart)
  if (parts.length === 0 || parts.length > PARTS_MAX)
    throw new S3Error('MalformedXML', { message: `An upload has 1 to ${PARTS_MAX} parts.` })
  const isAscending = parts.every(({ number }, index) => index === 0 || (parts[index - 1]?.number ?? 0) < number)
  if (!isAscending) throw new S3Error('InvalidPartOrder')
  return parts
}

function readPart(element: ReadElement): ListedPart {
  const number = childOf(element, 'PartNumber')?.text.trim() ?? ''
  const etag = childOf(element, 'ETag')?.text
  if (!/^\d{1,5}$/.test(number) || Number(number) < 1 || Number(number) > PARTS_MAX || etag === undefined)
    throw new S3Error('MalformedXML', { message: 'A part has a number and an entity tag.' })
  return { number: Number(number), etag: plainEtag(etag) }
}

/** Compares what is to be put together with what is there, if the upload is. @throws S3Error InvalidPart, EntityTooSmall */
async function checkParts(call: S3Call, upload: string, listed: readonly ListedPart[]): Promise<void> {
  const there = await allParts(call, upload).catch((error: unknown) => {
    if (hasCode(error, 'STORAGE_UPLOAD_UNKNOWN')) return undefined
    throw error
  })
  if (there === undefined) return
  for (const [index, { number, etag }] of listed.entries()) {
    const part = there.get(number)
    if (part?.etag !== etag) throw new S3Error('InvalidPart', { fields: { PartNumber: String(number), ETag: etag } })
    if (index === listed.length - 1 || part.lengthBytes >= call.options.partBytesMin) continue
    throw new S3Error('EntityTooSmall', {
      fields: {
        PartNumber: String(number),
        ProposedSize: String(part.lengthBytes),
        MinSizeAllowed: String(call.options.partBytesMin),
      },
    })
  }
}

async function allParts({ store, request }: S3Call, upload: string): Promise<ReadonlyMap<number, PartInfo>> {
  const parts = new Map<number, PartInfo>()
  for (let after = 0; ; ) {
    const page = await store.parts(request.bucket, upload, { after, limit: PARTS_PER_PAGE })
    for (const part of page) parts.set(part.number, part)
    const last = page.at(-1)
    if (last === undefined || page.length < PARTS_PER_PAGE) return parts
    after = last.number
  }
}
