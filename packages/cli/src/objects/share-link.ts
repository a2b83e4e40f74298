import { CliError } from '../errors.ts'

/** A link and where in what it shows: `stead:share:…/folder/object`. */
export interface SharedPlace {
  readonly link: string
  /** Empty for all that the link shows. */
  readonly path: string
}

const SCHEME = 'stead:share:'
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Whether a text is meant as a link to a share. */
export function isShareLink(text: string): boolean {
  return text.trim().startsWith(SCHEME)
}

/**
 * Refuses a link where a file or an object is meant, without repeating it: whoever reads it reads what is shared.
 * @throws CliError CLI_USAGE
 */
export function checkNoLink(...texts: readonly string[]): void {
  if (texts.some(isShareLink))
    throw new CliError('CLI_USAGE', 'a link to a share is no file, no folder and no stead://bucket/key', {
      next: 'What a link shows is brought with: stead get <link> <folder>',
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
