import { basename } from 'node:path'
import type { CommandContext } from '../command-context.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'
import { type Giver, giveFile, givenPlace } from './give-file.ts'
import { fileStats } from './local-files.ts'
import { parseSharedPlace } from './share-link.ts'
import { TransferProgress } from './transfer-progress.ts'
import { interrupted } from './transfer-report.ts'

/** Writes a file, or standard input, with a link. @throws CliError; StorageError as `giveFile` */
export async function putGiven(
  client: Giver,
  context: CommandContext,
  { file, text }: { readonly file: string; readonly text: string },
): Promise<void> {
  const found = file === '-' ? undefined : fileStats(file)
  const signal = context.interruption()
  const giving = { client, terminal: context.terminal, signal }
  const place = await givenPlace(giving, parseSharedPlace(text), found === undefined ? '' : basename(file))
  const name = place.path === '' ? 'the object of the link' : place.path
  const progress = new TransferProgress(context.terminal, name, found?.size)
  try {
    const given =
      found === undefined
        ? await client.putGranted(place, progress.count(process.stdin), { signal })
        : await progress.follow({ name, lengthBytes: found.size }, signal, (listener) =>
            giveFile(client, { file, place }, { signal, ...listener }),
          )
    const rate = progress.end()
    const { terminal } = context
    terminal.out(terminal.isJson ? toJson({ path: place.path, ...given }) : `${shownName(name)}: ${rate}`)
  } catch (error) {
    progress.end()
    throw signal.aborted ? interrupted({ kind: file === '-' ? 'within' : 'given' }) : error
  }
}
