import { mkdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DaemonClient } from '@stead/sdk'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { keepFile, targetOf } from './keep-file.ts'
import { isSafePath } from './safe-path.ts'
import { parseSharedPlace, type SharedPlace } from './share-link.ts'
import { TransferProgress } from './transfer-progress.ts'

/** Brings an object that a link shows, or all of a folder. @throws CliError CLI_USAGE */
export async function getShared(
  client: DaemonClient,
  context: CommandContext,
  { text, given }: { readonly text: string; readonly given: string | undefined },
): Promise<void> {
  const place = parseSharedPlace(text)
  const { name, isObject } = await client.narrowShare({ link: place.link })
  const isFolder = !isObject && (place.path === '' || place.path.endsWith('/'))
  if (isFolder)
    await getFolder(client, context, { place, to: given ?? folderName(place.path === '' ? name : place.path) })
  else await getOne(client, context, { place, name: isObject ? name : place.path, given })
}

async function getOne(
  client: DaemonClient,
  context: CommandContext,
  { place, name, given }: { readonly place: SharedPlace; readonly name: string; readonly given: string | undefined },
): Promise<void> {
  const file = given === '-' ? undefined : targetOf(given, name)
  const { lengthBytes, body } = await client.getShared(place)
  const progress = new TransferProgress(context.terminal, name, lengthBytes)
  const source = Readable.from(progress.count(body))
  if (file === undefined) {
    await pipeline(source, process.stdout, { end: false })
    return
  }
  await keepFile(source, file, context.interruption())
  context.terminal.message(`${name} is in ${file}: ${progress.end()}`)
}

/** Whoever made the link chose the names: none of them leads out of the folder. */
async function getFolder(
  client: DaemonClient,
  context: CommandContext,
  { place: { link, path }, to }: { readonly place: SharedPlace; readonly to: string },
): Promise<void> {
  if (to === '-') throw new CliError('CLI_USAGE', 'a folder cannot be written to standard output: name an object in it')
  if (statSync(to, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new CliError('CLI_USAGE', `${to} is there and is no folder`)
  const signal = context.interruption()
  let [files, left] = [0, 0]
  const progress = new TransferProgress(context.terminal, to, undefined)
  for await (const key of keysOf(client, { link, path })) {
    const below = key.slice(path.length)
    if (!isSafePath(below)) {
      left++
      context.terminal.message(`${JSON.stringify(key)} is left out: it is no name for a file here`)
      continue
    }
    const file = join(to, below)
    mkdirSync(dirname(file), { recursive: true })
    const { body } = await client.getShared({ link, path: key })
    await keepFile(Readable.from(progress.count(body)), file, signal)
    files++
  }
  const without = left === 0 ? '' : `, ${left} left out`
  context.terminal.message(`${files} files are in ${to}${without}: ${progress.end()}`)
}

async function* keysOf(client: DaemonClient, { link, path }: SharedPlace): AsyncGenerator<string> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page = await client.listShared({ link, folder: path, isRecursive: true, after })
    for (const { key } of page.objects) yield key
    after = page.next
  }
}

/** @throws CliError CLI_USAGE */
function folderName(name: string): string {
  const folder = basename(name)
  if (isSafePath(folder)) return folder
  throw new CliError('CLI_USAGE', 'the share gives no name for a folder: name one')
}
