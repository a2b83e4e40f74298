import { type Stats, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { ObjectView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember } from '../node-place.ts'
import { checkReadable, entryOfFile, isMissing } from '../objects/local-files.ts'
import { type ObjectAccess, objectAccess } from '../objects/object-access.ts'
import { type ObjectUrl, parseObjectUrl, shownObjectUrl } from '../objects/object-url.ts'
import { showNewPhrase } from '../objects/recovery-phrase.ts'
import { metadataOf } from '../objects/remote-objects.ts'
import { checkNoLink } from '../objects/share-link.ts'
import { tellingWaits } from '../objects/telling-waits.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import { interrupted } from '../objects/transfer-report.ts'
import { uploadFile } from '../objects/upload-file.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'

const HELP = `
A long file that was interrupted goes on where it stopped: the same command again.
A key is written as it is. Only ?version= in an address names a version; where it is part of the key, write %3Fversion=.`

/** `stead put`: keeps a file on the network. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<file>', 'a file, or - for standard input')
    .argument('<object>', 'stead://bucket/key; a key that ends with / or is missing gets the name of the file')
    .addHelpText('after', HELP)
    .action(async (file: string, object: string, given: GivenMember) => {
      checkNoLink(file)
      const access = objectAccess(context, given)
      const place = keyed(parseObjectUrl(object), file)
      const found = file === '-' ? undefined : statOf(file)
      if (found !== undefined) checkReadable(file)
      const progress = new TransferProgress(context.terminal, place.key, found?.size)
      const signal = context.interruption()
      try {
        const stored = await tellingWaits({ client: access.client, terminal: context.terminal }, async () => {
          // Whoever puts something into a bucket wants it to be there.
          await access.objects.makeBucket(place.bucket, { signal })
          return found === undefined
            ? await access.objects.put(place, progress.count(process.stdin), { signal })
            : await putFile(access, { file, place, found }, { progress, signal })
        })
        const rate = progress.end()
        const { resumedBytes } = progress
        context.terminal.out(
          context.terminal.isJson
            ? toJson({ bucket: place.bucket, ...stored, resumedBytes })
            : `${shownObjectUrl(place)}: ${rate}`,
        )
        showNewPhrase(context, access.dataDir)
      } catch (error) {
        progress.end()
        throw signal.aborted ? interrupted({ kind: file === '-' ? 'within' : 'up' }) : error
      }
    })
}

async function putFile(
  access: ObjectAccess,
  { file, place, found }: { readonly file: string; readonly place: ObjectUrl; readonly found: Stats },
  { progress, signal }: { readonly progress: TransferProgress; readonly signal: AbortSignal },
): Promise<ObjectView> {
  const metadata = metadataOf(entryOfFile(file, found))
  return await progress.follow({ name: place.key, lengthBytes: found.size }, signal, (listener) =>
    uploadFile(access, { file, place }, { metadata, signal, ...listener }),
  )
}

function keyed({ bucket, key }: ObjectUrl, file: string): ObjectUrl {
  if (key !== '' && !key.endsWith('/')) return { bucket, key }
  if (file === '-') throw new CliError('CLI_USAGE', 'standard input has no name: give the whole key')
  return { bucket, key: `${key}${basename(file)}` }
}

function statOf(file: string): Stats {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile() === true) return found
  if (found?.isDirectory() === true)
    throw new CliError('CLI_USAGE', `${file} is a folder, and put keeps one file`, {
      next: `Keep all that is in it: stead cp -r ${shownName(file)} stead://<bucket>/<folder>`,
    })
  throw found === undefined ? isMissing('file', file) : new CliError('CLI_USAGE', `${file} is not a file`)
}
