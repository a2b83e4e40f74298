import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PARTIAL_PREFIX } from './safe-folder.ts'

/** A file or an object below the folder that a command is about. */
export interface Entry {
  /** Below the folder, with `/`. */
  readonly name: string
  readonly lengthBytes: number
  /** When its content was last changed, in milliseconds since 1970, with fractions where they are known. */
  readonly changedAtMs: number
}

/** What is left out of a folder, and why. */
export interface LeftOut {
  readonly name: string
  readonly reason: string
}

/**
 * All regular files below a folder, in the order of their names. Links are not followed: what lies outside of the folder
 * stays there. @throws SystemError for a folder that cannot be read
 */
export function* localFiles(root: string, onLeftOut: (left: LeftOut) => void): Generator<Entry, void> {
  yield* below(root, '', onLeftOut)
}

function* below(root: string, prefix: string, onLeftOut: (left: LeftOut) => void): Generator<Entry, void> {
  const entries = readdirSync(join(root, prefix), { withFileTypes: true })
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const name = `${prefix}${entry.name}`
    if (entry.name.startsWith(PARTIAL_PREFIX)) continue
    if (entry.isDirectory()) yield* below(root, `${name}/`, onLeftOut)
    else if (!entry.isFile()) onLeftOut({ name, reason: kindOf(entry) })
    else {
      const found = statSync(join(root, name), { throwIfNoEntry: false })
      // A name that is no UTF-8 is not found by what it is read as.
      if (found === undefined) onLeftOut({ name, reason: 'is gone, or has a name that is not UTF-8' })
      else yield { name, lengthBytes: found.size, changedAtMs: found.mtimeMs }
    }
  }
}

function kindOf(entry: Dirent): string {
  return entry.isSymbolicLink() ? 'is a link' : 'is no regular file'
}
