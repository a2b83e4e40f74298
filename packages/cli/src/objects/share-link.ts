import { CliError } from '../errors.ts'

/** A link and where in what it is to: `stead:share:…/folder/object`, `stead:write:…/folder/object`. */
export interface SharedPlace {
  readonly link: string
  /** Empty for all that the link is to. */
  readonly path: string
}

const READ_SCHEME = 'stead:share:'
const WRITE_SCHEME = 'stead:write:'
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Whether a text is meant as a link to read. */
export function isShareLink(text: string): boolean {
  return text.trim().startsWith(READ_SCHEME)
}

/** Whether a text is meant as a link to write. */
export function isWriteLink(text: string): boolean {
  return text.trim().startsWith(WRITE_SCHEME)
}

/**
 * Refuses a link where a file or an object is meant, without repeating it: whoever has it may do what it is for.
 * @throws CliError CLI_USAGE
 */
export function checkNoLink(...texts: readonly string[]): void {
  if (texts.some(isShareLink))
    throw new CliError('CLI_USAGE', 'a link to read is no file, no folder and no stead://bucket/key', {
      next: 'What a link shows is brought with: stead get <link> <folder>',
    })
  if (texts.some(isWriteLink))
    throw new CliError(
      'CLI_USAGE',
      'a link to write shows nothing, and is no file, no folder and no stead://bucket/key',
      {
        next: 'Write with it: stead put <file> <link>/, stead cp -r <folder> <link>/',
      },
    )
}

/** Refuses a link to read where one writes. @throws CliError CLI_USAGE */
export function checkWrites(text: string): void {
  if (isShareLink(text))
    throw new CliError('CLI_USAGE', 'this link is to read, and nothing is written with it', {
      next: 'Ask its owner for one to write: stead share --write --limit 1GiB stead://<bucket>/<folder>/',
    })
}

/** What a link says, and what stands behind it; the node looks whether it is one. */
export function parseSharedPlace(text: string): SharedPlace {
  const trimmed = text.trim()
  const slash = trimmed.indexOf('/')
  if (slash < 0) return { link: trimmed, path: '' }
  return { link: trimmed.slice(0, slash), path: trimmed.slice(slash + 1) }
}

/** What a person is told who reads a share that does not show all yet. */
export function stillFilling(shown: number): string {
  return `the share is still being filled: ${shown} shown so far`
}

/** Milliseconds of a length of time as people write it: 30m, 12h, 7d, 4w. @throws CliError CLI_USAGE */
export function parseDuration(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,6})([mhdw])$/.exec(text) ?? []
  const unitMs = UNITS_MS[unit]
  if (unitMs === undefined || Number(amount) === 0)
    throw new CliError('CLI_USAGE', `${text} is no length of time: say for example 30m, 12h, 7d or 4w`)
  return Number(amount) * unitMs
}

const BYTES_OF_UNIT: Readonly<Record<string, number>> = {
  ...{ B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
}

/** Bytes as people write them: 500MB, 1GiB, 1.5GiB. @throws CliError CLI_USAGE */
export function parseByteCount(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]{1,3})$/.exec(text.trim()) ?? []
  const found = Object.entries(BYTES_OF_UNIT).find(([name]) => name.toLowerCase() === unit.toLowerCase())
  const bytes = found === undefined ? 0 : Math.round(Number(amount) * found[1])
  if (bytes < 1 || !Number.isSafeInteger(bytes))
    throw new CliError('CLI_USAGE', `${text} is no number of bytes: say for example 500MB, 1GiB or 1.5TiB`)
  return bytes
}
