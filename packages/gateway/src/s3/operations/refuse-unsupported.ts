import { OWNER_ID } from '../owner.ts'
import { notImplemented, S3Error } from '../s3-error.ts'
import type { S3Request } from '../s3-request.ts'

/** Access that means: the owner, and nobody else. */
const PRIVATE_ACCESS = new Set(['private', 'bucket-owner-read', 'bucket-owner-full-control'])

/** Headers that ask for what is not here: what would be lost without a word is refused in words. */
const UNSUPPORTED = [
  /^x-amz-server-side-encryption-/,
  /^x-amz-copy-source-server-side-encryption-/,
  /^x-amz-object-lock-/,
  /^x-amz-website-redirect-location$/,
  /^x-amz-write-offset-bytes$/,
  /^x-amz-if-match-/,
  /^x-amz-rename-source/,
]

/** Refuses what headers ask for in vain. @throws S3Error NotImplemented and others */
export function refuseUnsupported({ headers }: S3Request): void {
  const unsupported = headers.names.find((name) => UNSUPPORTED.some((pattern) => pattern.test(name)))
  if (unsupported !== undefined) throw notImplemented(unsupported)
  // All objects are AES-256 encrypted before they leave; keys of others are not taken.
  if ((headers.get('x-amz-server-side-encryption') ?? 'AES256') !== 'AES256')
    throw notImplemented('encryption but AES256')
  if ((headers.get('x-amz-storage-class') ?? 'STANDARD') !== 'STANDARD') throw new S3Error('InvalidStorageClass')
  if ((headers.get('x-amz-tagging') ?? '') !== '') throw notImplemented('tagging')
  if (headers.get('x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true') throw notImplemented('object lock')
  const acl = headers.get('x-amz-acl')
  if ((acl !== undefined && !PRIVATE_ACCESS.has(acl)) || headers.names.some((name) => name.startsWith('x-amz-grant-')))
    throw new S3Error('AccessControlListNotSupported')
  for (const name of ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner'])
    if ((headers.get(name) ?? OWNER_ID) !== OWNER_ID) throw new S3Error('AccessDenied')
}
