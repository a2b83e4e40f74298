import type { Stats } from 'node:fs'
import { basename } from 'node:path'
import type { ObjectView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { entryOfFile, fileStats } from '../objects/local-files.ts'
import { type ObjectAccess, objectAccess } from '../objects/object-access.ts'
import { type ObjectUrl, parseObjectUrl, shownObjectUrl } from '../objects/object-url.ts'
import { showNewPhrase } from '../objects/recovery-phrase.ts'
import { metadataOf } from '../objects/remote-objects.ts'
import { checkNoLink, checkWrites, isWriteLink } from '../objects/share-link.ts'
import { tellingWaits } from '../objects/telling-waits.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import { interrupted } from '../objects/transfer-report.ts'
import { uploadFile } from '../objects/upload-file.ts'
import { toJson } from '../terminal/terminal.ts'

const HELP = `
A long file that was interrupted goes on where it stopped: the same command again.
With a link to write no account is needed: whoever made the link pays. It replaces nothing, unless it was made for that.
A key is written as it is. Only ?version= in an address names a version; where it is part of the key, write %3Fversion=.`

/** `stead put`: keeps a file on the network. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<file>', 'a file, or - for standard input')
    .argument(
      '<object>',
      'stead://bucket/key, or a link to write, with /path behind it; what ends with / gets the name of the file',
    )
    .addHelpText('after', HELP)
    .action(async (file: string, object: string, given: GivenMember) => {
      checkNoLink(file)
      checkWrites(object)
      if (isWriteLink(object)) {
        const { putGiven } = await import('../objects/put-given.ts')
        await putGiven(clientFor(context, given), context, { file, text: object })
        return
      }
      const access = objectAccess(context, given)
      const place = keyed(parseObjectUrl(object), file)
      const found = file === '-' ? undefined : fileStats(file)
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
