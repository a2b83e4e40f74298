import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'

/** SHA-256, 32 bytes, wherever there is no faster one; Node.js gets `node/sha256.ts` by the condition in package.json. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}
