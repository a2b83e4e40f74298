import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { SteadErrorOptions } from '@stead/core'
import { CliError } from '../errors.ts'
import { shownName } from '../terminal/shown-name.ts'

/** Files that are being brought have names that begin so; no object may have one, and none is taken for content. */
export const PARTIAL_PREFIX = '.stead-part-'

/** Of a name of a file or a folder, on the disks that there are. */
export const SEGMENT_BYTES_MAX = 255
const PATH_BYTES_MAX = 4000
/** What Windows cannot have in a name, or takes for a device. */
const WINDOWS_FAULT = /[\\:*?"<>|\p{Cc}]|[. ]$|^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/iu

/** What the disk is like. */
export interface FolderTerms {
  /** @default that of this machine */
  readonly platform?: NodeJS.Platform
  /** Whether `A` and `a` are one file. @default as the folder's disk does it */
  readonly isCaseBlind?: boolean
}

/** What keeps a name from being a file: it is no folder on the way to it, or a folder in its place. */
export interface Obstacle {
  /** Below the folder, with `/`. */
  readonly name: string
  readonly path: string
  readonly kind: 'file' | 'folder' | 'link' | 'device'
}

/**
 * A folder that strangers' names are written into: keys of objects, and paths that a guest chose. What could leave the
 * folder, follow a link, name a device, or destroy another file of the same run is refused with CLI_UNSAFE_NAME.
 */
export class SafeFolder {
  readonly root: string
  readonly #platform: NodeJS.Platform
  #isCaseBlind: boolean | undefined
  /** Folders and files of this run, by their names as the disk sees them. */
  readonly #claimed = new Map<string, { readonly spelling: string; readonly isFolder: boolean }>()
  readonly #leaving = new Set<string>()

  constructor(root: string, terms: FolderTerms = {}) {
    this.root = root
    this.#platform = terms.platform ?? process.platform
    this.#isCaseBlind = terms.isCaseBlind
  }

  /** Where the file of a name is, without a look at the disk. @throws CliError CLI_UNSAFE_NAME */
  fileOf(name: string): string {
    for (const segment of name.split('/')) {
      const fault = this.#faultOf(segment)
      if (fault !== undefined) throw unsafe(name, fault)
    }
    if (Buffer.byteLength(name) > PATH_BYTES_MAX) throw unsafe(name, 'is longer than paths can be')
    return join(this.root, name)
  }

  /** Makes the folders of a file, none of which is a link. Gives its path. @throws CliError CLI_UNSAFE_NAME */
  prepare(name: string): string {
    const file = this.fileOf(name)
    mkdirSync(this.root, { recursive: true })
    this.#isCaseBlind ??= isCaseBlind(this.root)
    this.#checkWay(name, this.obstacleOf(name))
    let folder = this.root
    for (const segment of name.split('/').slice(0, -1)) {
      folder = join(folder, segment)
      if (statOf(folder) === undefined) mkdirSync(folder)
    }
    return file
  }

  /** Refuses what {@link prepare} would refuse, and writes nothing. @throws CliError CLI_UNSAFE_NAME */
  check(name: string): void {
    this.fileOf(name)
    this.#isCaseBlind ??= seemsCaseBlind(this.root)
    this.#checkWay(name, this.#obstacle(name.split('/'), this.#leaving))
  }

  /** Has {@link check} take for gone what is going to be removed before anything is written. */
  noteLeaving(names: readonly string[]): void {
    for (const name of names) this.#leaving.add(name.replace(/\/$/, ''))
  }

  /** What is in the way of a name; undefined where nothing is, and for names that no file can have. */
  obstacleOf(name: string): Obstacle | undefined {
    const segments = name.split('/')
    return segments.some((segment) => this.#faultOf(segment) !== undefined) ? undefined : this.#obstacle(segments)
  }

  /**
   * Deletes a file, or a folder in which nothing is, which ends with `/`. No link is followed.
   * @throws CliError CLI_UNSAFE_NAME; SystemError
   */
  remove(name: string): void {
    const isFolder = name.endsWith('/')
    const plain = isFolder ? name.slice(0, -1) : name
    const file = this.fileOf(plain)
    const obstacle = this.obstacleOf(plain)
    if (obstacle !== undefined && obstacle.name !== plain) throw inTheWay(plain, obstacle)
    if (isFolder) rmdirSync(file)
    else rmSync(file, { force: true })
  }

  #checkWay(name: string, obstacle: Obstacle | undefined): void {
    this.#claim(name.split('/'))
    if (obstacle !== undefined) throw inTheWay(name, obstacle)
  }

  #obstacle(segments: readonly string[], leaving: ReadonlySet<string> = new Set()): Obstacle | undefined {
    for (let length = 1; length <= segments.length; length++) {
      const name = segments.slice(0, length).join('/')
      const path = join(this.root, name)
      const found = leaving.has(name) ? undefined : statOf(path)
      if (found === undefined) return undefined
      const kind = kindOf(found)
      const isFile = kind === 'file' || kind === 'link'
      if (length === segments.length ? !isFile : kind !== 'folder') return { name, path, kind }
    }
    return undefined
  }

  /** Writes a small file: as a whole or not at all. @throws CliError CLI_UNSAFE_NAME */
  write(name: string, content: string | Uint8Array): void {
    const file = this.prepare(name)
    const partial = join(dirname(file), `${PARTIAL_PREFIX}${process.pid}`)
    try {
      writeFileSync(partial, content, { flag: 'wx' })
      renameSync(partial, file)
    } catch (error) {
      rmSync(partial, { force: true })
      throw error
    }
  }

  #faultOf(segment: string): string | undefined {
    if (segment === '') return 'has a part without a name'
    if (segment === '.' || segment === '..') return `has the part ${segment}`
    if (segment.includes('\0')) return 'has the character 0'
    if (segment.startsWith(PARTIAL_PREFIX)) return `has a part that begins with ${PARTIAL_PREFIX}`
    if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) return 'has a part that is longer than names of files can be'
    if (this.#platform === 'win32' && WINDOWS_FAULT.test(segment)) return 'is none that Windows can have'
    return undefined
  }

  /** In a run each path is a folder or a file, and has one spelling where the disk cannot tell two apart. */
  #claim(segments: readonly string[]): void {
    const name = segments.join('/')
    for (let length = 1; length <= segments.length; length++) {
      const spelling = segments.slice(0, length).join('/')
      const seen = this.#isCaseBlind === true ? spelling.normalize('NFC').toLowerCase() : spelling
      const isFolder = length < segments.length
      const known = this.#claimed.get(seen) ?? { spelling, isFolder }
      if (known.spelling !== spelling)
        throw unsafe(name, `is the same file as ${JSON.stringify(known.spelling)} on this disk`)
      if (known.isFolder !== isFolder) throw unsafe(name, `makes ${JSON.stringify(spelling)} both a folder and a file`)
      this.#claimed.set(seen, known)
    }
  }
}

/** Whether a folder's disk takes names of other case for the same. */
function isCaseBlind(folder: string): boolean {
  const probe = join(folder, `${PARTIAL_PREFIX}${process.pid}-case`)
  try {
    closeSync(openSync(probe, 'wx'))
  } catch {
    // Where nothing can be written, the file that is meant says so better.
    return seemsCaseBlind(folder)
  }
  try {
    return statOf(join(folder, basename(probe).toUpperCase())) !== undefined
  } finally {
    rmSync(probe, { force: true })
  }
}

/** The same without a write: whether the nearest folder that is there has its name in other case too. */
function seemsCaseBlind(folder: string): boolean {
  for (let path = resolve(folder); path !== dirname(path); path = dirname(path)) {
    const name = basename(path)
    const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase()
    const found = statOf(path)
    if (found === undefined || other === name) continue
    return statOf(join(dirname(path), other))?.ino === found.ino
  }
  return false
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function kindOf(found: Stats): Obstacle['kind'] {
  if (found.isDirectory()) return 'folder'
  return found.isSymbolicLink() ? 'link' : found.isFile() ? 'file' : 'device'
}

const KIND_WORDS = { file: 'file', folder: 'folder', link: 'link', device: 'device or a pipe' } as const

function inTheWay(name: string, { name: obstacle, path, kind }: Obstacle): CliError {
  const fault =
    obstacle === name
      ? `has the name of a ${KIND_WORDS[kind]} that is there`
      : `needs a folder ${JSON.stringify(path)}, which is a ${KIND_WORDS[kind]}`
  return unsafe(name, fault, {
    details: { inTheWay: path },
    next: `Rename or remove what is in the way: rm ${kind === 'folder' ? '-r ' : ''}${shownName(path)}`,
  })
}

function unsafe(name: string, fault: string, { details, next }: Pick<SteadErrorOptions, 'details' | 'next'> = {}) {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name
  return new CliError('CLI_UNSAFE_NAME', `${JSON.stringify(shown)} ${fault}`, {
    details: { name: shown, ...details },
    ...(next === undefined ? {} : { next }),
  })
}
