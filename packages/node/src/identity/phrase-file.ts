import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writePrivateFile } from './private-file.ts'

/** Where the recovery phrase of a node is. */
export function phrasePath(dataDir: string): string {
  return join(dataDir, 'storage.phrase')
}

/** The recovery phrase of a node; undefined before the first use of storage. */
export function readPhrase(dataDir: string): string | undefined {
  const path = phrasePath(dataDir)
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
}

/** Keeps a phrase, for this user alone. `isNew`: it was made here, and nobody has seen it. */
export function writePhrase(dataDir: string, phrase: string, { isNew }: { readonly isNew: boolean }): void {
  // First: one that nobody was shown must not pass for one that was.
  if (isNew) writePrivateFile(unseenPath(dataDir), '', true)
  writePrivateFile(phrasePath(dataDir), `${phrase}\n`, true)
}

/** Whether a phrase was made that no person was shown yet. */
export function isPhraseUnseen(dataDir: string): boolean {
  return existsSync(phrasePath(dataDir)) && existsSync(unseenPath(dataDir))
}

/** Notes that a person was shown the phrase. */
export function notePhraseSeen(dataDir: string): void {
  rmSync(unseenPath(dataDir), { force: true })
}

function unseenPath(dataDir: string): string {
  return join(dataDir, 'storage.phrase-unseen')
}
