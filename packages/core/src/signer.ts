import type { Address } from './units.ts'

/**
 * A secp256k1 key that can sign 32-byte digests. The key itself never leaves the implementation. Synchronous, so that
 * the simulator stays deterministic.
 */
export interface Signer {
  readonly address: Address
  /** Compressed public key, 33 bytes. */
  readonly publicKey: Uint8Array
  /** Signature `r (32) || s (32, low) || v (1: 27 or 28)` over `digest` (32 bytes); deterministic (RFC 6979). */
  sign(digest: Uint8Array): Uint8Array
}
