/** AES-256-GCM over one frame. */
export interface FrameCipher {
  readonly name: string
  /**
   * Writes ciphertext and tag, 16 bytes longer than the plaintext, to the beginning of `sealed`.
   * @param key 32 bytes
   * @param nonce 12 bytes, never twice with one key
   */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, sealed: Uint8Array): void
  /** The plaintext; undefined when the tag is not right. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined
}

/** Bytes that a frame's tag takes. */
export const TAG_BYTES = 16
