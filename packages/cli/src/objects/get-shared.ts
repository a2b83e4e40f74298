import { statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { shownLine, shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'
import { keepFile, pourInto, replaceFile, targetOf } from './keep-file.ts'
import { type FillingTerms, fillingTerms, keysAsShown } from './keys-as-shown.ts'
import { SafeFolder } from './safe-folder.ts'
import { parseSharedPlace, type SharedPlace } from './share-link.ts'
import { TransferProgress } from './transfer-progress.ts'
import { interrupted } from './transfer-report.ts'

/** What shows what is behind a link. */
type SharedReader = Pick<DaemonClient, 'narrowShare' | 'listShared' | 'getShared'>

/** What is brought, and where to. */
interface SharedRequest {
  readonly text: string
  readonly given: string | undefined
}

/**
 * Brings an object that a link shows, or all of a folder; what is still being filled is waited for.
 * @throws CliError CLI_USAGE, CLI_UNSAFE_NAME, CLI_INTERRUPTED, CLI_SHARE_FILLING
 */
export async function getShared(
  client: SharedReader,
  context: CommandContext,
  request: SharedRequest,
  terms: FillingTerms = fillingTerms,
): Promise<void> {
  try {
    await bring(client, context, { ...request, terms })
  } catch (error) {
    if (!context.interruption().aborted) throw error
    throw interrupted({ kind: 'down', partsAt: undefined })
  }
}

async function bring(
  client: SharedReader,
  context: CommandContext,
  { text, given, terms }: SharedRequest & { readonly terms: FillingTerms },
): Promise<void> {
  const place = parseSharedPlace(text)
  const { name, isObject } = await client.narrowShare({ link: place.link })
  const isFolder = !isObject && (place.path === '' || place.path.endsWith('/'))
  if (isFolder)
    await getFolder(client, context, { place, to: given ?? folderName(place.path === '' ? name : place.path), terms })
  else await getOne(client, context, { place, name: isObject ? name : place.path, given })
}

async function getOne(
  client: SharedReader,
  context: CommandContext,
  { place, name, given }: { readonly place: SharedPlace; readonly name: string; readonly given: string | undefined },
): Promise<void> {
  const file = given === '-' ? undefined : targetOf(given, name)
  // Whoever made the link chose the name, unless the person who gets it names the file.
  const isChosen = file !== undefined && file !== given
  if (isChosen) new SafeFolder(dirname(file)).prepare(basename(file))
  const { lengthBytes, body } = await client.getShared(place)
  const progress = new TransferProgress(context.terminal, name, lengthBytes)
  const source = Readable.from(progress.count(body))
  if (file === undefined) {
    await pourInto(process.stdout, source, context.interruption())
    return
  }
  await (isChosen ? replaceFile : keepFile)(source, file, context.interruption())
  const rate = progress.end()
  const { terminal } = context
  if (terminal.isJson) terminal.out(toJson({ name, lengthBytes, file }))
  else terminal.message(`${shownName(name)} is in ${shownName(file)}: ${rate}`)
}

/** Whoever made the link chose the names: none of them leads out of the folder. */
async function getFolder(
  client: SharedReader,
  context: CommandContext,
  {
    place: { link, path },
    to,
    terms,
  }: { readonly place: SharedPlace; readonly to: string; readonly terms: FillingTerms },
): Promise<void> {
  if (to === '-') throw new CliError('CLI_USAGE', 'a folder cannot be written to standard output: name an object in it')
  if (statSync(to, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new CliError('CLI_USAGE', `${to} is there and is no folder`)
  const signal = context.interruption()
  const folder = new SafeFolder(to)
  const files = new Set<string>()
  const left = new Set<string>()
  const progress = new TransferProgress(context.terminal, to, undefined)
  const tell = (): void => {
    const without = left.size === 0 ? '' : `, ${left.size} left out`
    context.terminal.message(`${files.size} files are in ${shownName(to)}${without}: ${progress.end()}`)
  }
  try {
    for await (const key of keysAsShown(client, context, { place: { link, path }, terms, signal })) {
      const file = left.has(key) ? undefined : placeIn(folder, key.slice(path.length), context)
      if (file === undefined) {
        left.add(key)
        continue
      }
      const { body } = await client.getShared({ link, path: key })
      await replaceFile(Readable.from(progress.count(body)), file, signal)
      files.add(key)
    }
  } catch (error) {
    if (hasCode(error, 'CLI_SHARE_FILLING')) tell()
    throw error
  }
  if (context.terminal.isJson) {
    progress.end()
    context.terminal.out(toJson({ folder: to, files: files.size, leftOut: left.size }))
  } else tell()
  if (left.size > 0) context.exitWith(exitCodes.error)
}

/** Where a file goes; undefined, which is said, for a name that it cannot have there. */
function placeIn(folder: SafeFolder, name: string, { terminal }: CommandContext): string | undefined {
  try {
    return folder.prepare(name)
  } catch (error) {
    if (!hasCode(error, 'CLI_UNSAFE_NAME')) throw error
    terminal.message(`left out: ${shownLine(error.message)}`)
    return undefined
  }
}

/** @throws CliError CLI_USAGE */
function folderName(name: string): string {
  try {
    return new SafeFolder('.').fileOf(basename(name))
  } catch (cause) {
    throw new CliError('CLI_USAGE', 'the share gives no name for a folder: name one', { cause })
  }
}
