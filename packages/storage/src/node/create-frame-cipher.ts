import { createCipheriv, createDecipheriv } from 'node:crypto'
import { freeMemory } from '@stead/core'
import { type FrameCipher, TAG_BYTES } from '../crypto/frame-cipher.ts'

const ALGORITHM = 'aes-256-gcm'
const OPTIONS = { authTagLength: TAG_BYTES }

/** AES-256-GCM by the processor's instructions. */
export function createFrameCipher(): FrameCipher {
  return { name: 'openssl', seal, open }
}

function seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, sealed: Uint8Array): void {
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS)
  const ciphertext = cipher.update(plaintext)
  sealed.set(ciphertext)
  // A stream cipher holds nothing back, so that the end adds only the tag.
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
  freeMemory(ciphertext)
}

function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array): boolean {
  const lengthBytes = sealed.length - TAG_BYTES
  if (lengthBytes < 0) return false
  const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS)
  decipher.setAuthTag(sealed.subarray(lengthBytes))
  const opened = decipher.update(sealed.subarray(0, lengthBytes))
  plaintext.set(opened)
  // As much as was sealed lay about else before the collector ran.
  freeMemory(opened)
  try {
    decipher.final()
    return true
  } catch (error) {
    if (error instanceof Error && /authenticate/.test(error.message)) return false
    throw error
  }
}
