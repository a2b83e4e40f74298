import { createWriteStream, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember } from '../node-place.ts'
import { downloadObject } from '../objects/download-object.ts'
import { type ObjectAccess, objectAccess } from '../objects/object-access.ts'
import { formatObjectUrl, type ObjectVersion, parseObject, parseObjectVersion } from '../objects/object-url.ts'
import { type RemoteEntry, remoteEntry } from '../objects/remote-objects.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import { interrupted } from '../objects/transfer-report.ts'
import { patiently } from '../patiently.ts'

/** `stead get`: brings an object back. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<object>', 'stead://bucket/key, also stead://bucket/key?version=<version>')
    .argument('[file]', 'where to; - for standard output; the last part of the key by default')
    .addHelpText('after', '\nA long object that was interrupted goes on where it stopped: the same command again.')
    .action(async (object: string, given: string | undefined, options: GivenMember) => {
      const url = parseObjectVersion(object)
      parseObject(formatObjectUrl(url))
      const access = objectAccess(context, options)
      const signal = context.interruption()
      const { bucket, key, version } = url
      const found = await access.client.headObject({ bucket, key, ...(version === undefined ? {} : { version }) })
      const progress = new TransferProgress(context.terminal, key, found.lengthBytes)
      const terms = { access, url, entry: remoteEntry(found, ''), progress, signal }
      try {
        const file = given === '-' ? undefined : targetOf(given, key)
        await (file === undefined ? pour(terms, process.stdout) : keep(terms, file))
        const rate = progress.end()
        if (file !== undefined) context.terminal.message(`${formatObjectUrl(url)} is in ${file}: ${rate}`)
      } catch (error) {
        progress.end()
        throw signal.aborted ? interrupted() : error
      }
    })
}

interface GetTerms {
  readonly access: ObjectAccess
  readonly url: ObjectVersion
  readonly entry: RemoteEntry
  readonly progress: TransferProgress
  readonly signal: AbortSignal
}

/** The file that is meant: in a folder it gets the last part of the key. @throws CliError CLI_USAGE */
function targetOf(given: string | undefined, key: string): string {
  const name = basename(key)
  const isNamed = name !== '' && name !== '.' && name !== '..'
  const isFolder = given !== undefined && (given.endsWith('/') || statOf(given)?.isDirectory() === true)
  if (!isNamed && (given === undefined || isFolder))
    throw new CliError('CLI_USAGE', `the key ${key} gives no name for a file: name one`)
  const file = given === undefined ? name : isFolder ? join(given, name) : given
  if (statOf(file)?.isDirectory() === true) throw new CliError('CLI_USAGE', `${file} is a folder`)
  if (statOf(dirname(file))?.isDirectory() !== true)
    throw new CliError('CLI_USAGE', `there is no folder ${dirname(file)}`)
  return file
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

/** A file comes whole or not at all; a pipe or a device is written to as it is. */
async function keep(terms: GetTerms, file: string): Promise<void> {
  const { access, url, entry, progress, signal } = terms
  const found = statOf(file)
  if (found !== undefined && !found.isFile()) return await pour(terms, createWriteStream(file))
  const target = found === undefined ? file : realpathSync(file)
  await patiently(
    () =>
      progress.counting((onBytes) =>
        downloadObject(access.objects, { from: url, entry, file: target }, { signal, onBytes }),
      ),
    signal,
  )
}

async function pour({ access, url, entry, progress, signal }: GetTerms, target: NodeJS.WritableStream): Promise<void> {
  const { bucket, key, version } = url
  const pinned = version === undefined ? {} : { version }
  const { body } = await access.objects.get({ bucket, key }, { ifMatch: entry.object.etag, signal, ...pinned })
  await pipeline(Readable.from(progress.count(body)), target, { end: target !== process.stdout, signal })
}
