import { sha256Hex } from '../auth/signature.ts'
import type { S3Call } from '../call.ts'
import { S3Error } from '../s3-error.ts'

const CHECK_LENGTH = 16

/** The id that clients see: the store's, and a check by which it belongs to one key of one bucket. */
export function writeUploadId(bucket: string, key: string, id: string): string {
  return `${Buffer.from(id).toString('base64url')}.${checkOf(bucket, key, id)}`
}

/** The store's id of the upload that a request names. @throws S3Error NoSuchUpload, also for another key's */
export function readUploadId({ request: { bucket, key, query } }: S3Call): string {
  const given = query.get('uploadId') ?? ''
  const id = storeUploadId(given)
  if (id === '' || given !== writeUploadId(bucket, key, id)) throw new S3Error('NoSuchUpload')
  return id
}

/** The store's part of an id, believed as it is: good for a place in a list, no more. */
export function storeUploadId(given: string): string {
  return Buffer.from(given.split('.', 1)[0] ?? '', 'base64url').toString('utf8')
}

function checkOf(bucket: string, key: string, id: string): string {
  return sha256Hex(Buffer.from(JSON.stringify([bucket, key, id]))).slice(0, CHECK_LENGTH)
}
