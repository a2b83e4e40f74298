import type { Hash, Store } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import { createRecoveryPhrase, type PathSecret, registerOf, rootSecretOf } from '@stead/storage'
import { NodeError } from '../errors.ts'
import { phrasePath, readPhrase, writePhrase } from '../identity/phrase-file.ts'
import type { Foundation } from './foundation.ts'

/** register, or {@link LOST_BOOKS} -> nothing */
const MARKS_TABLE = 'storage-marks'
/** The phrase came from elsewhere with the key of a payer, whose books are still to be made again. */
const LOST_BOOKS = 'lost-books'

/** Puts a phrase that was made elsewhere into a folder. @throws StorageError STORAGE_BAD_PHRASE; NodeError NODE_PHRASE_OTHER */
export function placePhrase(dataDir: string, phrase: string): void {
  rootSecretOf(phrase)
  const words = phrase.trim().toLowerCase().split(/\s+/).join(' ')
  const known = readPhrase(dataDir) ?? words
  if (known !== words)
    throw new NodeError('NODE_PHRASE_OTHER', 'this folder has another recovery phrase already', {
      details: { path: phrasePath(dataDir) },
    })
  writePhrase(dataDir, words, { isNew: false })
}

/** The secret of the phrase of a folder; the phrase is made at the first time. @throws StorageError STORAGE_BAD_PHRASE; CoreError */
export async function secretOf(foundation: Foundation): Promise<PathSecret> {
  const { dataDir, random, store, logger, secp256k1 } = foundation
  const known = readPhrase(dataDir)
  if (known !== undefined) return rootSecretOf(known)
  const phrase = createRecoveryPhrase(random)
  const secret = rootSecretOf(phrase)
  // First: a phrase without the mark is one that came from elsewhere.
  await mark(store, catalogueOf(secp256k1, secret))
  writePhrase(dataDir, phrase, { isNew: true })
  logger.warn('a recovery phrase was made; write it down, nobody can read the objects without it: stead phrase', {
    file: phrasePath(dataDir),
  })
  return secret
}

/** The register of the catalogue of buckets. */
export function catalogueOf(secp256k1: Secp256k1, secret: PathSecret): Hash {
  return registerOf(secp256k1, secret.key('pointer'))
}

/** Whether a phrase was made here: only then the catalogue may be begun. */
export async function isMadeHere(store: Store, catalogue: Hash): Promise<boolean> {
  return (await store.get(MARKS_TABLE, catalogue)) !== undefined
}

export async function hasLostBooks(store: Store): Promise<boolean> {
  return (await store.get(MARKS_TABLE, LOST_BOOKS)) !== undefined
}

/** Notes that the books of this payer are to be made again, or that they were. */
export async function noteLostBooks(store: Store, areLost: boolean): Promise<void> {
  if (areLost) await mark(store, LOST_BOOKS)
  else await store.write([{ kind: 'delete', table: MARKS_TABLE, key: LOST_BOOKS }], 'power')
}

async function mark(store: Store, key: string): Promise<void> {
  await store.write([{ kind: 'put', table: MARKS_TABLE, key, value: new Uint8Array(0) }], 'power')
}
