import { S3Error } from '../s3-error.ts'

/** Decodes what a client wrote into a path or query. @throws S3Error InvalidURI when it is not percent-encoded UTF-8 */
export function percentDecode(text: string): string {
  if (/[^\x21-\x7e]/.test(text)) throw new S3Error('InvalidURI')
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new S3Error('InvalidURI', { cause })
  }
}

/** Encodes all but letters, digits and `-._~`, as signatures have it. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** As {@link percentEncode}, leaving slashes; once, not twice: that is S3's own way. */
export function percentEncodePath(text: string): string {
  return text.split('/').map(percentEncode).join('/')
}
