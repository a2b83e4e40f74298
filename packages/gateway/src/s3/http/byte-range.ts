import { S3Error } from '../s3-error.ts'

/** Bytes that were asked for: the first, and the one after the last. */
export interface ByteRange {
  readonly fromByte: number
  readonly toByte: number
}

/**
 * Reads a Range header for an object of this length: `bytes=a-b`, `bytes=a-` or `bytes=-n`. Undefined for everything
 * that S3 takes no notice of: several ranges, other units, and what is not a range.
 * @throws S3Error InvalidRange when it begins behind the end
 */
export function readByteRange(header: string | undefined, lengthBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(' ', '') ?? '')
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return undefined
  if (first === '')
    return within({ fromByte: Math.max(0, lengthBytes - Number(last)), toByte: lengthBytes }, lengthBytes)
  if (last !== '' && Number(last) < Number(first)) return undefined
  const toByte = last === '' ? lengthBytes : Math.min(lengthBytes, Number(last) + 1)
  return within({ fromByte: Number(first), toByte }, lengthBytes)
}

function within(range: ByteRange, lengthBytes: number): ByteRange {
  if (range.fromByte < lengthBytes) return range
  throw new S3Error('InvalidRange', {
    fields: { ActualObjectSize: String(lengthBytes) },
    headers: { 'content-range': `bytes */${lengthBytes}` },
  })
}
