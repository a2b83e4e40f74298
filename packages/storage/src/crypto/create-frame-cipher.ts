import { gcm } from '@noble/ciphers/aes.js'
import { type FrameCipher, TAG_BYTES } from './frame-cipher.ts'

/** In JavaScript: runs everywhere, some fifty times as slow as a processor's instructions. */
export const javaScriptFrameCipher: FrameCipher = {
  name: 'javascript',
  seal: (key, nonce, plaintext, sealed) => sealed.set(gcm(key, nonce).encrypt(plaintext)),
  open: (key, nonce, sealed, plaintext) => {
    if (sealed.length < TAG_BYTES) return false
    try {
      plaintext.set(gcm(key, nonce).decrypt(sealed))
      return true
    } catch (error) {
      // The library's only way to say it; anything else is a fault of ours.
      if (error instanceof Error && /tag/.test(error.message)) return false
      throw error
    }
  },
}

/** The cipher of this place; Node.js gets `node/create-frame-cipher.ts` by the condition in package.json. */
export function createFrameCipher(): FrameCipher {
  return javaScriptFrameCipher
}
