import { createWriteStream, realpathSync, renameSync, rmSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CliError } from '../errors.ts'
import { PARTIAL_PREFIX } from './safe-folder.ts'

/** The file that is meant: in a folder it gets the last part of the key. @throws CliError CLI_USAGE */
export function targetOf(given: string | undefined, key: string): string {
  const name = basename(key)
  const isNamed = name !== '' && name !== '.' && name !== '..'
  const isFolder = given !== undefined && (given.endsWith('/') || statOf(given)?.isDirectory() === true)
  if (!isNamed && (given === undefined || isFolder))
    throw new CliError('CLI_USAGE', `the key ${JSON.stringify(key)} gives no name for a file: name one`)
  const file = given === undefined ? name : isFolder ? join(given, name) : given
  if (statOf(file)?.isDirectory() === true) throw new CliError('CLI_USAGE', `${file} is a folder`)
  if (statOf(dirname(file))?.isDirectory() !== true)
    throw new CliError('CLI_USAGE', `there is no folder ${dirname(file)}`)
  return file
}

/** What is at a path; undefined when nothing is. */
export function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

/** A file comes whole or not at all; a pipe or a device is written to as it is. */
export async function keepFile(source: Readable, file: string, signal: AbortSignal): Promise<void> {
  const found = statOf(file)
  if (found !== undefined && !found.isFile()) {
    await pipeline(source, createWriteStream(file), { signal })
    return
  }
  await replaceFile(source, found === undefined ? file : realpathSync(file), signal)
}

/** A file comes whole or not at all, in place of what has its name: a link or a device is not written to. */
export async function replaceFile(source: Readable, file: string, signal: AbortSignal): Promise<void> {
  const partial = join(dirname(file), `${PARTIAL_PREFIX}${process.pid}`)
  rmSync(partial, { force: true })
  try {
    await pipeline(source, createWriteStream(partial, { flags: 'wx' }), { signal })
    renameSync(partial, file)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}
