import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { messageOf, type Random } from '@stead/core'
import { StorageError } from '../errors.ts'
import { PathSecret } from './path-secret.ts'

const ENTROPY_BYTES = 32
const SECRET_BYTES = 32
const PURPOSE: Uint8Array = new TextEncoder().encode('stead storage 1')

/** A new recovery phrase: 24 words of BIP-39, 256 bits of chance and a checksum of 8. */
export function createRecoveryPhrase(random: Random): string {
  return entropyToMnemonic(random.bytes(ENTROPY_BYTES), wordlist)
}

/**
 * The secret that all keys of a person's objects follow from. Capitals and spaces do not matter.
 * The words are not stretched: with 256 bits of chance nobody guesses them.
 * @throws StorageError STORAGE_BAD_PHRASE, which never repeats the words
 */
export function rootSecretOf(phrase: string): PathSecret {
  const words = phrase.normalize('NFKD').trim().toLowerCase().split(/\s+/)
  if (words.length !== 24)
    throw new StorageError('STORAGE_BAD_PHRASE', `a recovery phrase has 24 words, not ${words.length}`, {
      details: { needWords: 24, haveWords: words.length },
    })
  const unknown = words.flatMap((word, index) => (wordlist.includes(word) ? [] : [index + 1]))
  if (unknown.length > 0)
    throw new StorageError('STORAGE_BAD_PHRASE', `not in the list of words: number ${unknown.join(', ')}`, {
      details: { places: unknown.map(String) },
    })
  return new PathSecret(hkdf(sha256, entropyOf(words), undefined, PURPOSE, SECRET_BYTES))
}

function entropyOf(words: readonly string[]): Uint8Array {
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch (cause) {
    const message = `the words do not fit together: one is wrong, or two changed places (${messageOf(cause)})`
    throw new StorageError('STORAGE_BAD_PHRASE', message)
  }
}
