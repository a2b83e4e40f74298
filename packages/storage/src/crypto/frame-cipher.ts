/** AES-256-GCM over one frame. */
export interface FrameCipher {
  readonly name: string
  /**
   * Writes ciphertext and tag, 16 bytes longer than the plaintext, to the beginning of `sealed`.
   * @param key 32 bytes
   * @param nonce 12 bytes, never twice with one key
   */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, sealed: Uint8Array): void
  /**
   * Writes the plaintext to the beginning of `plaintext`.
   * @returns false when the tag is not right: what `plaintext` holds then is nobody's
   */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array): boolean
}

/** Bytes that a frame's tag takes. */
export const TAG_BYTES = 16
