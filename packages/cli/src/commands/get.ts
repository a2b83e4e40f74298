import { createWriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { downloadFile, ownObject } from '../objects/download-file.ts'
import { findObject } from '../objects/find-object.ts'
import { pourInto, replaceableFile, targetOf } from '../objects/keep-file.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { type ObjectAccess, objectAccess } from '../objects/object-access.ts'
import { formatObjectUrl, type ObjectVersion, parseObjectVersion, shownObjectUrl } from '../objects/object-url.ts'
import { type RemoteEntry, remoteEntry } from '../objects/remote-objects.ts'
import { isShareLink } from '../objects/share-link.ts'
import { tellingWaits } from '../objects/telling-waits.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import { interrupted } from '../objects/transfer-report.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'

const HELP = `
A long object that was interrupted goes on where it stopped: the same command again.
A folder of a share that is still being filled: what is shown comes, and the rest as it is shown. When nothing new is
shown for a minute, this ends with exit code 5; the same command again brings what is shown then.
Nodes that do not answer are waited for about a minute, twice where some bytes had come; then this ends with exit code 5.
Which versions there are: stead ls --versions stead://bucket/key
A ?version= that is part of a key is %3Fversion= in an address, as stead ls prints it.
`

/** `stead get`: brings an object back. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument(
      '<object>',
      'stead://bucket/key, also stead://bucket/key?version=<version>; or a link to a share, with /path behind it for a part of that',
    )
    .argument('[file]', 'where to; - for standard output; the last part of the key by default')
    .addHelpText('after', HELP)
    .action(async (object: string, given: string | undefined, options: GivenMember) => {
      if (isShareLink(object)) {
        const { getShared } = await import('../objects/get-shared.ts')
        await getShared(clientFor(context, options), context, { text: object, given })
        return
      }
      const url = parseObjectVersion(object)
      const access = objectAccess(context, options)
      const { client } = access
      await tellingWaits({ client, terminal: context.terminal }, () => getOwn(access, context, { url, given }))
    })
}

async function getOwn(
  access: ObjectAccess,
  context: CommandContext,
  { url, given }: { readonly url: ObjectVersion; readonly given: string | undefined },
): Promise<void> {
  const signal = context.interruption()
  const { key } = url
  const { terminal } = context
  const found = await namingBuckets(access.client, () => findObject(access.client, url, () => isFolder(url)))
  const progress = new TransferProgress(terminal, key, found.lengthBytes)
  const terms = { access, url, entry: remoteEntry(found, ''), progress, signal }
  const file = given === '-' ? undefined : targetOf(given, key)
  try {
    await (file === undefined ? pour(terms, process.stdout) : keep(terms, file))
    const rate = progress.end()
    // What is written to standard output is the object and nothing else.
    if (file !== undefined && terminal.isJson)
      terminal.out(toJson({ bucket: url.bucket, ...found, file, resumedBytes: progress.resumedBytes }))
    else if (file !== undefined) terminal.message(`${shownObjectUrl(url)} is in ${shownName(file)}: ${rate}`)
  } catch (error) {
    progress.end()
    if (!signal.aborted) throw error
    throw interrupted({ kind: 'down', partsAt: file === undefined ? undefined : `in ${dirname(file)}` })
  }
}

function isFolder(url: ObjectVersion): CliError {
  const name = formatObjectUrl(url)
  return new CliError('CLI_USAGE', `${name} is a ${url.key === '' ? 'bucket' : 'folder'}, and get brings one object`, {
    details: { name },
    next: `Bring all that is below it: stead cp -r ${name} <folder>`,
  })
}

interface GetTerms {
  readonly access: ObjectAccess
  readonly url: ObjectVersion
  readonly entry: RemoteEntry
  readonly progress: TransferProgress
  readonly signal: AbortSignal
}

async function keep(terms: GetTerms, file: string): Promise<void> {
  const { access, url, entry, progress, signal } = terms
  const target = replaceableFile(file)
  if (target === undefined) return await pour(terms, createWriteStream(file))
  await progress.follow({ name: url.key, lengthBytes: entry.lengthBytes }, signal, (listener) =>
    downloadFile(ownObject(access.objects, url, entry, signal), target, { signal, ...listener }),
  )
}

async function pour({ access, url, entry, progress, signal }: GetTerms, target: NodeJS.WritableStream): Promise<void> {
  const { bucket, key, version } = url
  const pinned = version === undefined ? {} : { version }
  const { body } = await access.objects.get({ bucket, key }, { ifMatch: entry.object.etag, signal, ...pinned })
  await pourInto(target, Readable.from(progress.count(body)), signal)
}
