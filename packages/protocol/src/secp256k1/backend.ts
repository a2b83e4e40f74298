/** The three operations on secp256k1 that Stead needs; every implementation gives the same bytes. Synchronous. */
export interface Secp256k1 {
  /** Which library answers: shown by `doctor`. */
  readonly name: 'native' | 'wasm' | 'noble'
  /** Compressed public key (33 bytes) of a private key (32 bytes). @throws RangeError for a key outside 1 .. n-1 */
  publicKey(privateKey: Uint8Array): Uint8Array
  /** `r (32) || s (32, low) || v (1: 27 or 28)` over a digest of 32 bytes; nonce by RFC 6979 without extra entropy. */
  sign(digest: Uint8Array, privateKey: Uint8Array): Uint8Array
  /** Uncompressed public key (65 bytes) that made a 65-byte signature; undefined when there is none or s is not low. */
  recover(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined
  /** True when the 65-byte signature (v is not looked at) is by this compressed key and s is low. */
  verify(digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean
}

/** Half of the group's order; a signature with a larger s is refused (the other of two spellings). */
const HALF_ORDER = Uint8Array.from([
  0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
  0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
])

/** True for 65 bytes with v 27 or 28 and a low s. */
export function isCanonicalSignature(signature: Uint8Array): boolean {
  if (signature.length !== 65 || (signature[64] !== 27 && signature[64] !== 28)) return false
  for (let i = 0; i < 32; i++) {
    const difference = (signature[32 + i] ?? 0) - (HALF_ORDER[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return true
}

/** Puts a compact signature and its recovery bit together. */
export function joinSignature(compact: Uint8Array, recoveryId: number): Uint8Array {
  const signature = new Uint8Array(65)
  signature.set(compact)
  signature[64] = 27 + (recoveryId & 1)
  return signature
}
