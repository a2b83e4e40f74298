import { hasCode, isSteadError } from '@stead/core'
import { S3Error } from './s3-error.ts'
import type { S3ErrorCode } from './s3-error-codes.ts'

/** What the store's errors are in the words of S3. */
const CODES: Readonly<Record<string, S3ErrorCode>> = {
  STORAGE_BAD_NAME: 'InvalidBucketName',
  STORAGE_BUCKET_UNKNOWN: 'NoSuchBucket',
  STORAGE_BUCKET_EXISTS: 'BucketAlreadyOwnedByYou',
  STORAGE_BUCKET_NOT_EMPTY: 'BucketNotEmpty',
  STORAGE_OBJECT_UNKNOWN: 'NoSuchKey',
  STORAGE_UPLOAD_UNKNOWN: 'NoSuchUpload',
  STORAGE_PART_UNKNOWN: 'InvalidPart',
  STORAGE_CONDITION: 'PreconditionFailed',
  STORAGE_TOO_FEW_PIECES: 'ServiceUnavailable',
  STORAGE_NOT_AUTHENTIC: 'ServiceUnavailable',
  STORAGE_NO_ROOM: 'ServiceUnavailable',
}

/** The S3 error of anything that was thrown; what is not known to be the client's or the network's is ours. */
export function s3ErrorOf(error: unknown): S3Error {
  if (error instanceof S3Error) return error
  if (!isSteadError(error)) return new S3Error('InternalError', { cause: error })
  const code = CODES[error.code]
  if (code !== undefined) return new S3Error(code, { cause: error })
  return new S3Error(error.retryable ? 'ServiceUnavailable' : 'InternalError', { cause: error })
}

/** Passes errors on, those of one code as another S3 error. */
export async function orElse<Value>(work: Promise<Value>, code: string, instead: () => S3Error): Promise<Value> {
  try {
    return await work
  } catch (error) {
    throw hasCode(error, code) ? instead() : error
  }
}
