import { closeSync, type Dirent, openSync, readdirSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { CliError } from '../errors.ts'
import { PARTIAL_PREFIX } from './safe-folder.ts'

/** The bit of a file's mode that says so. */
export const OWNER_MAY_RUN = 0o100

/** A file or an object below the folder that a command is about. */
export interface Entry {
  /** Below the folder, with `/`. */
  readonly name: string
  readonly lengthBytes: number
  /** When its content was last changed, in milliseconds since 1970, with fractions where they are known. */
  readonly changedAtMs: number
  /** Whether it is a program that its owner may run; undefined where nobody says so. */
  readonly isExecutable?: boolean | undefined
}

/** Hears of what is left out of a folder. */
export interface LeftOutListener {
  onLeftOut(name: string, reason: string): void
  /** A folder below in which nothing is: there is no object that stands for it. */
  onEmptyFolder(name: string): void
}

/** A file as commands compare it. */
export function entryOfFile(name: string, { size, mtimeMs, mode }: Stats): Entry {
  // Windows has no such bit.
  const isExecutable = process.platform === 'win32' ? undefined : (mode & OWNER_MAY_RUN) !== 0
  return { name, lengthBytes: size, changedAtMs: mtimeMs, isExecutable }
}

/** Opens a file for reading, before anything of it is sent. @throws SystemError for one that may not be read */
export function checkReadable(file: string): void {
  closeSync(openSync(file, 'r'))
}

/** @throws CliError CLI_USAGE for what is no folder */
export function checkFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return
  throw new CliError(
    'CLI_USAGE',
    found === undefined ? `there is no folder ${path}` : `${path} is a file, and no folder`,
  )
}

/**
 * All regular files below a folder, in the order of their names. Links are not followed: what lies outside of the folder
 * stays there. @throws SystemError for a folder that cannot be read
 */
export function* localFiles(root: string, listener: LeftOutListener): Generator<Entry, void> {
  yield* below(root, '', listener)
}

function* below(root: string, prefix: string, listener: LeftOutListener): Generator<Entry, void> {
  const entries = readdirSync(join(root, prefix), { withFileTypes: true })
  if (entries.length === 0 && prefix !== '') listener.onEmptyFolder(prefix.slice(0, -1))
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const name = `${prefix}${entry.name}`
    if (entry.name.startsWith(PARTIAL_PREFIX)) continue
    if (entry.isDirectory()) yield* below(root, `${name}/`, listener)
    else if (!entry.isFile()) listener.onLeftOut(name, kindOf(entry))
    else {
      const found = statSync(join(root, name), { throwIfNoEntry: false })
      // A name that is no UTF-8 is not found by what it is read as.
      if (found === undefined) listener.onLeftOut(name, 'is gone, or has a name that is not UTF-8')
      else yield entryOfFile(name, found)
    }
  }
}

function kindOf(entry: Dirent): string {
  return entry.isSymbolicLink() ? 'is a link' : 'is no regular file'
}
