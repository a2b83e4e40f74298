import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** The id under which a module is known: lower-case hexadecimal sha-256 of its original bytes. */
export function moduleIdOf(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes))
}
