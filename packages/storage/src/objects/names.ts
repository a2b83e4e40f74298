import { StorageError } from '../errors.ts'
import { type Description, METADATA_BYTES_MAX, OBJECT_KEY_BYTES_MAX, WORD_BYTES_MAX } from './rows.ts'

/** Characters of a bucket's name. */
export const BUCKET_LENGTH_MAX = 63
const BUCKET_PATTERN = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const IP_ADDRESS_PATTERN = /^\d+(\.\d+){3}$/
const utf8 = new TextEncoder()

function utf8Bytes(text: string): number {
  return utf8.encode(text).length
}

/** The one rule of names of buckets, here and for S3 clients: what S3 itself takes. */
export function isBucketName(name: string): boolean {
  return BUCKET_PATTERN.test(name) && !name.includes('..') && !IP_ADDRESS_PATTERN.test(name)
}

/** @throws StorageError STORAGE_BAD_NAME */
export function checkBucketName(name: string): void {
  if (isBucketName(name)) return
  const shown = JSON.stringify(name.slice(0, 80))
  const rule = 'a letter or a digit first and last, no two dots in a row, and it is no IP address'
  throw new StorageError(
    'STORAGE_BAD_NAME',
    `${shown}: a bucket has a name of 3 to 63 of a-z, 0-9, dots and dashes, ${rule}`,
    {
      details: { name: name.slice(0, 80) },
    },
  )
}

/** @throws StorageError STORAGE_BAD_NAME */
export function checkObjectKey(key: string): void {
  // What is longer in UTF-16 is longer in UTF-8.
  const bytes = key.length > OBJECT_KEY_BYTES_MAX ? key.length : utf8Bytes(key)
  if (bytes < 1 || bytes > OBJECT_KEY_BYTES_MAX)
    throw new StorageError('STORAGE_BAD_NAME', `a key has 1 to ${OBJECT_KEY_BYTES_MAX} bytes of UTF-8, not ${bytes}`)
  if (!key.isWellFormed()) throw new StorageError('STORAGE_BAD_NAME', 'a key is well-formed Unicode')
}

/** @throws RangeError for one that is too long */
export function checkEtag(etag: string): string {
  const bytes = utf8Bytes(etag)
  if (bytes > WORD_BYTES_MAX) throw new RangeError(`an etag has at most ${WORD_BYTES_MAX} bytes, not ${bytes}`)
  return etag
}

/** What a writer says of an object. @throws RangeError for more than there is room for, or names with capitals */
export function descriptionOf({
  contentType,
  metadata = {},
}: {
  readonly contentType?: string | undefined
  readonly metadata?: Readonly<Record<string, string>>
}): Description {
  if (contentType !== undefined && utf8Bytes(contentType) > WORD_BYTES_MAX)
    throw new RangeError(`a content type has at most ${WORD_BYTES_MAX} bytes`)
  const items = Object.entries(metadata).map(([name, value]) => ({ name, value }))
  const bytes = items.reduce((sum, { name, value }) => sum + utf8Bytes(name) + utf8Bytes(value), 0)
  if (bytes > METADATA_BYTES_MAX)
    throw new RangeError(`metadata have at most ${METADATA_BYTES_MAX} bytes in all, not ${bytes}`)
  const capital = items.find(({ name }) => name !== name.toLowerCase())
  if (capital !== undefined) throw new RangeError(`names of metadata are in lower case, not ${capital.name}`)
  return { ...(contentType === undefined ? {} : { contentType }), metadata: items }
}
