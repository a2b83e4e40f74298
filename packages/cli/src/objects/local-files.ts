import { closeSync, type Dirent, openSync, readdirSync, type Stats, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CliError } from '../errors.ts'
import { shownName } from '../terminal/shown-name.ts'
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

/** Says what is looked at below a folder, and hears of what is left out. */
export interface LocalFilesTerms {
  /** Whether a folder is looked into. */
  isEntered(folder: string): boolean
  onLeftOut(left: LeftOutName): void
  /** A folder below in which nothing is: there is no object that stands for it. */
  onEmptyFolder(name: string): void
}

/** A name below a folder that is not taken. */
export interface LeftOutName {
  readonly name: string
  /** As it stands behind the name. */
  readonly reason: string
  /** Whether it is content that is missing then: not for links and pipes, of which nothing is kept. */
  readonly isContent: boolean
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

/** A file that is put, and may be read. @throws CliError CLI_USAGE, SystemError */
export function fileStats(file: string): Stats {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile() === true) {
    checkReadable(file)
    return found
  }
  if (found?.isDirectory() === true)
    throw new CliError('CLI_USAGE', `${file} is a folder, and put keeps one file`, {
      next: `Keep all that is in it: stead cp -r ${shownName(file)} stead://<bucket>/<folder>`,
    })
  throw found === undefined ? isMissing('file', file) : new CliError('CLI_USAGE', `${file} is not a file`)
}

/** @throws CliError CLI_USAGE for what is no folder */
export function checkFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return
  throw found === undefined ? isMissing('folder', path) : new CliError('CLI_USAGE', `${path} is a file, and no folder`)
}

/** What is said of a path of a command line at which nothing is. */
export function isMissing(what: 'file' | 'folder', path: string): CliError {
  if (isMaybeNotUtf8(path))
    return new CliError('CLI_USAGE', `the ${what} ${path} ${NOT_UTF8}, or is not there`, {
      next: 'Give it another name: keys are UTF-8.',
    })
  return new CliError('CLI_USAGE', `there is no ${what} ${path === '' ? '""' : path}`, {
    next: `Look what is there: ls ${shownName(dirname(path))}`,
  })
}

/** What an argument has in place of letters that are not UTF-8, and what a listing has. */
const NO_LETTER = '\ufffd'
/** Said of a name that is not found as it is read. */
export const NOT_UTF8 = 'has a name that is not UTF-8'

/** Whether a name that is not found may be one that is not UTF-8. */
function isMaybeNotUtf8(name: string): boolean {
  return name.includes(NO_LETTER)
}

/**
 * All regular files below a folder, in the order of their names. Links are not followed: what lies outside of the folder
 * stays there. @throws SystemError for the folder itself, when it cannot be read
 */
export function* localFiles(root: string, terms: LocalFilesTerms): Generator<Entry, void> {
  yield* below(root, '', terms)
}

function* below(root: string, prefix: string, terms: LocalFilesTerms): Generator<Entry, void> {
  const entries = entriesOf(root, prefix, terms)
  if (entries?.length === 0 && prefix !== '') terms.onEmptyFolder(prefix.slice(0, -1))
  for (const entry of entries ?? []) {
    const name = `${prefix}${entry.name}`
    if (entry.name.startsWith(PARTIAL_PREFIX)) continue
    if (entry.isDirectory()) {
      if (terms.isEntered(name)) yield* below(root, `${name}/`, terms)
    } else if (!entry.isFile()) terms.onLeftOut({ name, reason: kindOf(entry), isContent: false })
    else {
      const found = unlessRefused(name, terms, () => statSync(join(root, name)))
      if (found !== undefined) yield entryOfFile(name, found)
    }
  }
}

/** In the order of their names; undefined, which is said, for a folder that cannot be read. */
function entriesOf(root: string, prefix: string, terms: LocalFilesTerms): readonly Dirent[] | undefined {
  const read = (): Dirent[] => readdirSync(join(root, prefix), { withFileTypes: true })
  const entries = prefix === '' ? read() : unlessRefused(prefix.slice(0, -1), terms, read)
  return entries?.toSorted((left, right) => (left.name < right.name ? -1 : 1))
}

/** What the system says of a name; undefined where it does not, which is said. */
function unlessRefused<Value>(name: string, terms: LocalFilesTerms, ask: () => Value): Value | undefined {
  try {
    return ask()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const isGone = code === 'ENOENT' && !isMaybeNotUtf8(name)
    const reason = isGone ? 'is gone' : code === 'ENOENT' ? NOT_UTF8 : `cannot be read (${code})`
    terms.onLeftOut({ name, reason, isContent: !isGone })
    return undefined
  }
}

function kindOf(entry: Dirent): string {
  return entry.isSymbolicLink() ? 'is a link' : 'is no regular file'
}
