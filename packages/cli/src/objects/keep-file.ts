import { realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CliError } from '../errors.ts'
import { SEGMENT_BYTES_MAX } from './safe-folder.ts'

/** The file that is meant: in a folder it gets the last part of the key. @throws CliError CLI_USAGE */
export function targetOf(given: string | undefined, key: string): string {
  if (given === '') throw new CliError('CLI_USAGE', 'the name of the file is empty: name one, or - for standard output')
  const name = basename(key)
  const isNamed = name !== '' && name !== '.' && name !== '..'
  const isFolder = given !== undefined && (given.endsWith('/') || statOf(given)?.isDirectory() === true)
  if (!isNamed && (given === undefined || isFolder))
    throw new CliError('CLI_USAGE', `the key ${JSON.stringify(key)} gives no name for a file: name one`)
  if ((given === undefined || isFolder) && Buffer.byteLength(name) > SEGMENT_BYTES_MAX)
    throw new CliError('CLI_USAGE', 'the last part of the key is longer than names of files can be', {
      next: 'Name a file: stead get <object> <file>',
    })
  const file = given === undefined ? name : isFolder ? join(given, name) : given
  if (statOf(file)?.isDirectory() === true) throw new CliError('CLI_USAGE', `${file} is a folder`)
  if (statOf(dirname(file))?.isDirectory() !== true)
    throw new CliError('CLI_USAGE', `there is no folder ${dirname(file)}`)
  return file
}

/** The file that comes whole or not at all, behind links; undefined for a pipe or a device, which is written to as it is. */
export function replaceableFile(file: string): string | undefined {
  const found = statOf(file)
  if (found === undefined) return file
  return found.isFile() ? realpathSync(file) : undefined
}

/** What is at a path; undefined when nothing is. */
function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

/** Writes to a pipe or a device. Whoever reads it may have enough before the end: that is no fault. @throws SystemError */
export async function pourInto(target: NodeJS.WritableStream, source: Readable, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(source, target, { end: target !== process.stdout, signal })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}
