import { hasCode } from '@stead/core'
import type { ObjectInfo } from '@stead/storage'
import type { S3Call } from '../call.ts'
import type { S3Answer } from '../http/answer.ts'
import { type ByteRange, readByteRange } from '../http/byte-range.ts'
import { heedsRange, weighRead } from '../http/conditions.ts'
import { headersOfObject, versionHeader } from '../http/object-headers.ts'
import { S3Error } from '../s3-error.ts'
import { defined } from './defined.ts'

/** How often an object may be replaced between looking at it and opening it. */
const TRIES = 3

const NOTHING: ByteRange = { fromByte: 0, toByte: 0 }

/** HeadObject. */
export async function headObject(call: S3Call): Promise<S3Answer> {
  const info = await findObject(call)
  const plan = planRead(call, info)
  return plan.answer ?? { status: plan.status, headers: plan.headers }
}

/** GetObject, whole or a range: looked at once, so that whoever waits for the first byte waits for one answer. */
export async function getObject(call: S3Call): Promise<S3Answer> {
  const { store, request, signal } = call
  const { bucket, key, query } = request
  const version = query.get('versionId')
  // Also asked about what the object was before: it only says what would be read.
  const range = (info: ObjectInfo): ByteRange => planRead(call, info).range
  for (let left = TRIES; left > 0; left--) {
    try {
      const { info, body } = await store.get(bucket, key, { range, signal, ...defined({ version }) })
      const plan = planRead(call, info)
      return plan.answer ?? { status: plan.status, headers: plan.headers, body }
    } catch (error) {
      if (!hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) throw error
      await findObject(call)
    }
  }
  throw new S3Error('ServiceUnavailable', { message: 'The object is replaced all the time; try again.' })
}

/** The version that a request names. @throws S3Error NoSuchKey, NoSuchVersion, MethodNotAllowed for a deletion */
async function findObject({ store, request }: S3Call): Promise<ObjectInfo> {
  const { bucket, key, query } = request
  const version = query.get('versionId')
  const info = await store.head(bucket, key, version)
  if (info === undefined) {
    if (version !== undefined) throw new S3Error('NoSuchVersion', { fields: { Key: key, VersionId: version } })
    throw new S3Error('NoSuchKey', { fields: { Key: key }, headers: await deletionHeaders(store, bucket, key) })
  }
  if (!info.isDeleted) return info
  throw new S3Error('MethodNotAllowed', {
    message: 'This version says that the object was deleted.',
    headers: {
      ...versionHeader(info.version),
      'x-amz-delete-marker': 'true',
      'last-modified': new Date(info.modifiedAt).toUTCString(),
      allow: 'DELETE',
    },
  })
}

/** What says that a key is absent because it was deleted; nothing where it never was. */
async function deletionHeaders(
  store: S3Call['store'],
  bucket: string,
  key: string,
): Promise<Readonly<Record<string, string>>> {
  const { objects } = await store.list(bucket, { prefix: key, limit: 1, versions: true })
  const [first] = objects
  if (first?.key !== key || !first.isDeleted) return {}
  return { ...versionHeader(first.version), 'x-amz-delete-marker': 'true' }
}

interface ReadPlan {
  /** Instead of the object. */
  readonly answer?: S3Answer
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly range: ByteRange
}

/** What a read gives by its conditions and range. @throws S3Error PreconditionFailed, InvalidRange */
function planRead({ request: { headers, query } }: S3Call, info: ObjectInfo): ReadPlan {
  const described = headersOfObject(info, query)
  const whole = { fromByte: 0, toByte: info.lengthBytes }
  const verdict = weighRead(headers, info)
  if (verdict === 'failed') throw new S3Error('PreconditionFailed')
  if (verdict === 'not-modified') {
    const { etag = '', 'last-modified': modified = '' } = described
    const answer = { status: 304, headers: { etag, 'last-modified': modified, ...versionHeader(info.version) } }
    return { answer, status: 304, headers: {}, range: NOTHING }
  }
  const range = heedsRange(headers, info) ? readByteRange(headers.get('range'), info.lengthBytes) : undefined
  const { fromByte, toByte } = range ?? whole
  const lengths: Record<string, string> = { 'content-length': String(toByte - fromByte) }
  if (range !== undefined) lengths['content-range'] = `bytes ${fromByte}-${toByte - 1}/${info.lengthBytes}`
  return {
    status: range === undefined ? 200 : 206,
    headers: { ...described, ...lengths },
    range: { fromByte, toByte },
  }
}
