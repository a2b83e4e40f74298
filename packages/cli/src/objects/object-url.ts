import { CliError } from '../errors.ts'
import { shownName } from '../terminal/shown-name.ts'
import { checkNoLink } from './share-link.ts'

/** What `stead://bucket/key` names; the key is empty for a whole bucket. */
export interface ObjectUrl {
  readonly bucket: string
  readonly key: string
}

const SCHEME = 'stead://'
const VERSION = /\?version=([0-9a-f]{16,128}|null)$/
const VERSION_ASKED = /\?version(id)?=/i
/** What would be taken for a version if it stood in an address as it is in the key, and what would be taken for that. */
const MEANT_IN_KEY = /(\?|%(?:25)*3F)(?=version(?:id)?=)/gi
/** The same as it stands in an address. */
const ESCAPED = /%((?:25)*)3F(?=version(?:id)?=)/gi

/** Whether a word means something on the network and not a file. */
export function isObjectUrl(text: string): boolean {
  return text.startsWith(SCHEME)
}

/** One version of an object: `stead://bucket/key?version=<version>`. */
export interface ObjectVersion extends ObjectUrl {
  /** Undefined means the latest. */
  readonly version?: string
}

/** The same, and a version where one is named. @throws CliError CLI_USAGE */
export function parseObjectVersion(text: string): ObjectVersion {
  const [suffix = '', version] = VERSION.exec(text) ?? []
  const url = parseObjectUrl(text.slice(0, text.length - suffix.length))
  return version === undefined ? url : { ...url, version }
}

/**
 * The key is taken as it stands, but for `%3Fversion=`, which is how `?version=` in a key is written: {@link addressKey}.
 * @throws CliError CLI_USAGE for anything else than `stead://bucket[/key]`; also for one version of an object, or what was
 * meant as one: silently it would be another object
 */
export function parseObjectUrl(text: string): ObjectUrl {
  const rest = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : undefined
  const slash = rest?.indexOf('/') ?? -1
  const bucket = slash < 0 ? (rest ?? '') : (rest ?? '').slice(0, slash)
  checkNoLink(text)
  if (bucket === '') throw new CliError('CLI_USAGE', `${text === '' ? '""' : text} is not stead://bucket/key`)
  const key = slash < 0 ? '' : (rest ?? '').slice(slash + 1)
  if (VERSION_ASKED.test(key)) throw notVersion(key)
  return { bucket, key: key.replace(ESCAPED, unescaped) }
}

/** How a key stands in an address: as it is, but for the `?` before `version=`, which is `%3F` there (and `%3F`, `%253F`). */
export function addressKey(key: string): string {
  return key.replace(MEANT_IN_KEY, (mark) => (mark === '?' ? '%3F' : `%25${mark.slice(1)}`))
}

function unescaped(mark: string, levels: string): string {
  return levels === '' ? '?' : `%${mark.slice(3)}`
}

function notVersion(key: string): CliError {
  const version = key.slice(key.search(VERSION_ASKED))
  return new CliError(
    'CLI_USAGE',
    VERSION.test(version)
      ? `one version of an object cannot be meant here: leave ${version} away`
      : `${JSON.stringify(version)} names no version: one is ?version= and 16 to 128 of 0-9 and a-f, or ?version=null; in a key write it as ${addressKey(version)}`,
  )
}

/** What the keys below a folder begin with: the folder with a `/` at its end, or nothing for a whole bucket. */
export function prefixOf(key: string): string {
  return key === '' || key.endsWith('/') ? key : `${key}/`
}

/** The same as a place. */
export function folderOf({ bucket, key }: ObjectUrl): ObjectUrl {
  return { bucket, key: prefixOf(key) }
}

/** The address; {@link parseObjectUrl} gives the same object again. */
export function formatObjectUrl({ bucket, key }: ObjectUrl): string {
  return `${SCHEME}${bucket}/${addressKey(key)}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** The same for a person to read. */
export function shownObjectUrl(url: ObjectUrl): string {
  return shownName(formatObjectUrl(url))
}

/** Bytes for a person: `1.4 GiB`. */
export function formatBytes(bytes: number): string {
  let [amount, unit] = [bytes, 0]
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024
    unit++
  }
  const digits = unit === 0 || amount >= 100 ? 0 : 1
  return `${amount.toFixed(digits)} ${UNITS[unit]}`
}
