import type { PathSecret } from '../keys/path-secret.ts'
import { PathSecret as Secret } from '../keys/path-secret.ts'
import { keyOfBytes, type TreeKey } from '../tree/tree-key.ts'

/** Bytes of a {@link placeOf}. */
export const PLACE_BYTES = 16
const DELIMITER = '/'

/** What follows from the secret of a share; only its owner has all of it. */
export interface ShareSecrets {
  /** Of the share's owner alone. */
  readonly own: PathSecret
  /** Opens pages and root, and no row in them: whoever holds any part of the share has it. */
  readonly pages: PathSecret
  /** Opens all rows; the secret of a folder below opens those of that folder. */
  readonly folder: PathSecret
  /** Of the pointer: who has it can replace the root. */
  readonly pointerSeed: Uint8Array
}

/** The parts of a share's secret. */
export function shareSecretsOf(own: PathSecret): ShareSecrets {
  return {
    own,
    pages: new Secret(own.key('pages')),
    folder: new Secret(own.key('folder')),
    pointerSeed: own.key('pointer'),
  }
}

/** Where a path leads. */
export interface SharePath {
  /** Each with the delimiter at its end, as in the key. */
  readonly folders: readonly string[]
  /** Empty for an object whose key ends with the delimiter, and for a folder itself. */
  readonly name: string
}

/** The steps of a path. */
export function stepsOf(path: string): SharePath {
  const parts = path.split(DELIMITER)
  const name = parts.pop() ?? ''
  return { folders: parts.map((part) => part + DELIMITER), name }
}

/** The secret of a folder below. */
export function folderBelow(folder: PathSecret, steps: readonly string[]): PathSecret {
  return steps.length === 0 ? folder : folder.below(...steps)
}

/** The secret of a file right in a folder. */
export function fileIn(folder: PathSecret, name: string): PathSecret {
  // No file's name has a delimiter and each folder's has one, so that none is taken for the other.
  return name === '' ? new Secret(folder.key('marker')) : folder.below(name)
}

/** Where the row of a secret lies: says nothing of its name to who does not have the secret. */
export function placeOf(secret: PathSecret): TreeKey {
  return keyOfBytes(secret.key('place').subarray(0, PLACE_BYTES))
}
