import { md5 } from '@noble/hashes/legacy.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/**
 * What an object of parts is known by, as S3 makes it: MD5 of the parts' MD5, and how many there are. A part that is known
 * by something else counts by the text of that.
 */
export function etagOfParts(etags: readonly string[]): string {
  const hash = md5.create()
  for (const etag of etags) hash.update(/^[0-9a-f]{32}$/.test(etag) ? hexToBytes(etag) : utf8ToBytes(etag))
  return `${bytesToHex(hash.digest())}-${etags.length}`
}
