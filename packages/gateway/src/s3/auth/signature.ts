import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** The hash of no bytes at all. */
export const EMPTY_SHA256: string = sha256Hex('')

/** What a signature holds for: one secret on one day in one region. */
export interface SigningScope {
  /** YYYYMMDD. */
  readonly date: string
  readonly region: string
}

/** SHA-256 in hexadecimal; text is taken byte for byte (latin1), as headers come. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash('sha256')
    .update(typeof content === 'string' ? Buffer.from(content, 'latin1') : content)
    .digest('hex')
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** The text of a scope: `date/region/s3/aws4_request`. */
export function scopeText({ date, region }: SigningScope): string {
  return `${date}/${region}/s3/aws4_request`
}

/** The key that signs within a scope. */
export function signingKey(secretAccessKey: string, { date, region }: SigningScope): Uint8Array {
  return hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, date), region), 's3'), 'aws4_request')
}

/** Signs the lines of a string to sign; hexadecimal. */
export function sign(key: Uint8Array, lines: readonly string[]): string {
  return hmac(key, lines.join('\n')).toString('hex')
}

/** Compares two hexadecimal signatures in a time that does not depend on where they differ. */
export function isSameSignature(left: string, right: string): boolean {
  const [bytesLeft, bytesRight] = [Buffer.from(left, 'latin1'), Buffer.from(right, 'latin1')]
  return bytesLeft.length === bytesRight.length && timingSafeEqual(bytesLeft, bytesRight)
}
