import { keccak_256 } from '@noble/hashes/sha3.js'

/** Keccak-256, 32 bytes, wherever there is no faster one; Node.js gets `node/keccak256.ts` by the condition in package.json. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes)
}
