import { createWriteStream, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { shownLine, shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'
import { downloadShared, sharedObjectAt } from './download-shared.ts'
import { pourInto, replaceableFile, targetOf } from './keep-file.ts'
import { type FillingTerms, fillingTerms, objectsAsShown } from './objects-as-shown.ts'
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
    const isPoured = request.given === '-'
    throw interrupted({ kind: 'down', partsAt: isPoured ? undefined : 'beside its file' })
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
  const signal = context.interruption()
  const object = await sharedObjectAt(client, place, signal)
  const progress = new TransferProgress(context.terminal, name, object.lengthBytes)
  const target = isChosen ? file : file === undefined ? undefined : replaceableFile(file)
  if (target === undefined) {
    const { body } = await client.getShared(place, { signal })
    const pipe = file === undefined ? process.stdout : createWriteStream(file)
    await pourInto(pipe, Readable.from(progress.count(body)), signal)
  } else await downloadShared(client, { place, object, file: target, progress, signal })
  const rate = progress.end()
  // What is written to standard output is the object and nothing else.
  if (file === undefined) return
  const { terminal } = context
  const { lengthBytes } = object
  if (terminal.isJson) terminal.out(toJson({ name, lengthBytes, file, resumedBytes: progress.resumedBytes }))
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
  if (to === '') throw new CliError('CLI_USAGE', 'the name of the folder is empty: name one')
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
    for await (const object of objectsAsShown(client, context, { place: { link, path }, terms, signal })) {
      const { key } = object
      const file = left.has(key) ? undefined : placeIn(folder, key.slice(path.length), context)
      if (file === undefined) {
        left.add(key)
        continue
      }
      await downloadShared(client, { place: { link, path: key }, object, file, progress, signal })
      files.add(key)
    }
  } catch (error) {
    if (hasCode(error, 'CLI_SHARE_FILLING')) tell()
    throw error
  }
  if (context.terminal.isJson) {
    progress.end()
    const { resumedBytes } = progress
    context.terminal.out(toJson({ folder: to, files: files.size, leftOut: left.size, resumedBytes }))
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
