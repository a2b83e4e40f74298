import type { ObjectInfo } from '@stead/storage'
import type { S3Call } from '../call.ts'
import { weighRead } from '../http/conditions.ts'
import { percentDecode } from '../http/percent-coding.ts'
import { invalidArgument, S3Error } from '../s3-error.ts'
import { KEY_BYTES_MAX } from '../s3-request.ts'

/** What is copied; never more than the name of an object here. */
export interface CopySource {
  readonly bucket: string
  readonly key: string
  readonly version: string | undefined
}

/** Reads `x-amz-copy-source`: bucket/key, encoded, with or without a slash before it. @throws S3Error InvalidArgument */
export function readCopySource({ request: { headers } }: S3Call): CopySource {
  const text = headers.get('x-amz-copy-source') ?? ''
  const [, path = text, query] = /^(.*)\?versionId=([^&]*)$/.exec(text) ?? []
  const place = percentDecode(path).replace(/^\//, '')
  const slash = place.indexOf('/')
  if (slash < 1 || slash === place.length - 1 || place.includes('\0'))
    throw invalidArgument('x-amz-copy-source', text, 'A copy source is: bucket/key, or bucket/key?versionId=…')
  if (Buffer.byteLength(place.slice(slash + 1)) > KEY_BYTES_MAX) throw new S3Error('KeyTooLongError')
  return {
    bucket: place.slice(0, slash),
    key: place.slice(slash + 1),
    version: query === undefined ? undefined : percentDecode(query),
  }
}

/** The version that is copied, when its conditions hold. @throws S3Error NoSuchKey, NoSuchVersion, PreconditionFailed */
export async function findCopySource({ store, request }: S3Call, source: CopySource): Promise<ObjectInfo> {
  const info = await store.head(source.bucket, source.key, source.version)
  if (info === undefined) {
    const code = source.version === undefined ? 'NoSuchKey' : 'NoSuchVersion'
    throw new S3Error(code, { fields: { Key: source.key } })
  }
  if (info.isDeleted)
    throw new S3Error('InvalidRequest', { message: 'A version that says the object was deleted cannot be copied.' })
  if (weighRead(request.headers, info, 'x-amz-copy-source-') !== 'go-on') throw new S3Error('PreconditionFailed')
  return info
}
