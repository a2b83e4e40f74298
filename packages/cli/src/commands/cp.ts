import { statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StorageError } from '@stead/storage'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember } from '../node-place.ts'
import { findObject } from '../objects/find-object.ts'
import { type GivingContext, givenFolder, givenPlace } from '../objects/give-file.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { LeftOut } from '../objects/left-out.ts'
import { checkFolder, checkReadable, type Entry, entryOfFile, isMissing, localFiles } from '../objects/local-files.ts'
import { addFilterOptions, type FilterRule, nameFilter } from '../objects/name-filter.ts'
import { type ObjectAccess, objectAccess } from '../objects/object-access.ts'
import {
  folderOf,
  formatObjectUrl,
  isObjectUrl,
  type ObjectUrl,
  parseObjectUrl,
  parseObjectVersion,
} from '../objects/object-url.ts'
import { showNewPhrase } from '../objects/recovery-phrase.ts'
import { type RemoteEntry, remoteEntry, remoteObjects } from '../objects/remote-objects.ts'
import { SafeFolder } from '../objects/safe-folder.ts'
import { checkNoLink, checkWrites, isWriteLink, parseSharedPlace } from '../objects/share-link.ts'
import { tellingWaits } from '../objects/telling-waits.ts'
import { copy, download, give, type TransferTerms, upload } from '../objects/transfer-plan.ts'
import type { Transfer } from '../objects/transfer-pool.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import { interrupted, printDryRun, runAndReport, type TransferWay } from '../objects/transfer-report.ts'
import { shownName } from '../terminal/shown-name.ts'

interface GivenCopy extends GivenMember {
  readonly recursive?: boolean
  readonly dryRun?: boolean
}

/** `stead cp`: copies files and objects, in either direction and within the network. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<from>', 'a file, or stead://bucket/key; with -r a folder of either')
    .argument('<to>', 'the same, or a link to write; a / at the end means a folder')
    .option('-r, --recursive', 'all that is below: what is in <from> gets the same names in <to>')
    .option('--dry-run', 'say what would be done')
    .addHelpText(
      'after',
      '\nWith -r links and pipes are left out, which is said, with --json as "leftOut". What cannot be read or has a name that' +
        '\nis not UTF-8 is left out as well: the rest is copied, and the exit code is 1.' +
        '\n--json has how many as "transferred"; with --dry-run how many would be, and their names as "toCopy".',
    )
  const rules = addFilterOptions(command)
  command.action(async (from: string, to: string, given: GivenCopy) => {
    checkNoLink(from)
    checkWrites(to)
    if (isWriteLink(to) && isObjectUrl(from))
      throw new CliError('CLI_USAGE', 'what is written with a link is sent from a file, and not from an object', {
        next: `Bring it here first: stead get ${shownName(from)}`,
      })
    if (!isObjectUrl(from) && !isObjectUrl(to) && !isWriteLink(to))
      throw new CliError('CLI_USAGE', `neither ${from} nor ${to} is on the network: stead://bucket/key`)
    await run({ from, to, given, rules }, context)
  })
}

interface CopyRequest {
  readonly from: string
  readonly to: string
  readonly given: GivenCopy
  readonly rules: readonly FilterRule[]
}

async function run(request: CopyRequest, context: CommandContext): Promise<void> {
  const access = objectAccess(context, request.given)
  const { client } = access
  await tellingWaits({ client, terminal: context.terminal }, () => copyAll(request, { access, context }))
}

async function copyAll(
  request: CopyRequest,
  { access, context }: { readonly access: ObjectAccess; readonly context: CommandContext },
): Promise<void> {
  const { from, to, given } = request
  const signal = context.interruption()
  const left = new LeftOut(context, request.rules)
  const giving = { client: access.client, terminal: context.terminal, signal }
  const planned = await namingBuckets(access.client, () => entriesOf(request, { access, left, signal, giving }))
  if (planned.length === 0) context.terminal.message(`nothing is under ${shownName(from)}`)
  if (isObjectUrl(to) && given.dryRun !== true) await access.objects.makeBucket(parseObjectUrl(to).bucket)
  const totalBytes = planned.reduce((sum, { entry }) => sum + entry.lengthBytes, 0)
  const progress = new TransferProgress(context.terminal, `${planned.length} files`, totalBytes)
  const terms: TransferTerms = { access, terminal: context.terminal, progress, signal }
  const transfers = planned.map(({ make }) => make(terms))
  const extras = { left }
  if (given.dryRun === true) return printDryRun(context, transfers, extras)
  await runAndReport(context, { transfers, progress, signal, way: wayOf(request) }, extras)
  showNewPhrase(context, access.dataDir)
}

function wayOf({ from, to, given }: CopyRequest): TransferWay {
  if (isWriteLink(to)) return { kind: 'given' }
  if (!isObjectUrl(from)) return { kind: 'up' }
  if (isObjectUrl(to)) return { kind: 'within' }
  if (given.recursive === true) return { kind: 'down', partsAt: `below ${to}` }
  return { kind: 'down', partsAt: `in ${isFolderName(to) ? to : dirname(to)}` }
}

function isFolderName(path: string): boolean {
  return path.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

interface Planned {
  readonly entry: Entry
  readonly make: (terms: TransferTerms) => Transfer
}

type Access = {
  readonly access: ReturnType<typeof objectAccess>
  readonly left: LeftOut
  readonly signal: AbortSignal
  readonly giving: GivingContext
}

/** What is copied: known as a whole before anything is, so that copies are never copied again. */
async function entriesOf(request: CopyRequest, parts: Access): Promise<readonly Planned[]> {
  const { from, to, given } = request
  if (given.recursive === true) return await folderEntries(request, parts)
  if (isObjectUrl(from)) return [await oneObject(from, to, parts)]
  const found = statSync(from, { throwIfNoEntry: false })
  if (found === undefined) throw isMissing('file', from)
  if (!found.isFile())
    throw new CliError(
      'CLI_USAGE',
      `${from} is ${found.isDirectory() ? 'a folder: give -r to copy what is in it' : 'not a file'}`,
    )
  checkReadable(from)
  const entry = entryOfFile(basename(from), found)
  if (isWriteLink(to)) {
    const place = await givenPlace(parts.giving, parseSharedPlace(to), entry.name)
    return [{ entry, make: (terms) => give(terms, { entry, file: from, to: place }) }]
  }
  const target = namedIn(parseObjectUrl(to), entry.name)
  return [{ entry, make: (terms) => upload(terms, { entry, file: from, to: target }) }]
}

async function oneObject(from: string, to: string, { access }: Access): Promise<Planned> {
  const url = parseObjectVersion(from)
  const isFolder = (): CliError => new CliError('CLI_USAGE', `${from} is a folder: give -r to copy what is in it`)
  if (url.key.endsWith('/')) throw isFolder()
  const { bucket, key, version } = url
  const found = await findObject(access.client, url, isFolder)
  const named = remoteEntry(found, key.slice(0, key.length - basename(key).length))
  if (isObjectUrl(to)) {
    const target = namedIn(parseObjectUrl(to), named.name)
    if (target.bucket === bucket && target.key === key && version === undefined)
      throw new CliError('CLI_USAGE', `${from} is the same object as ${formatObjectUrl(target)}`)
    return { entry: named, make: (terms) => copy(terms, { entry: named, from: url, to: target }) }
  }
  const isInFolder = isFolderName(to)
  const entry: RemoteEntry = isInFolder ? named : { ...named, name: basename(to) }
  const folder = new SafeFolder(isInFolder ? to : dirname(to))
  folder.fileOf(entry.name)
  return { entry, make: (terms) => download(terms, { entry, from: url, folder }) }
}

async function folderEntries(
  request: CopyRequest,
  { access, left, signal, giving }: Access,
): Promise<readonly Planned[]> {
  const { from, to, rules } = request
  const isTaken = nameFilter(rules)
  const planned: Planned[] = []
  if (!isObjectUrl(from)) {
    const sendTo = await senderTo(to, giving)
    checkFolder(from)
    for (const entry of localFiles(from, left))
      if (isTaken(entry.name)) planned.push({ entry, make: sendTo(entry, join(from, entry.name)) })
    return planned
  }
  const source = folderOf(parseObjectUrl(from))
  const target = isObjectUrl(to) ? folderOf(parseObjectUrl(to)) : new SafeFolder(to)
  if (!(target instanceof SafeFolder)) checkApart(source, target)
  let isSomething = false
  for await (const entry of remoteObjects(access.objects, source)) {
    if (signal.aborted) throw interrupted(wayOf(request))
    isSomething = true
    if (!isTaken(entry.name)) continue
    const url = { bucket: source.bucket, key: entry.object.key }
    planned.push({
      entry,
      make: (terms) =>
        target instanceof SafeFolder
          ? download(terms, { entry, from: url, folder: target })
          : copy(terms, { entry, from: url, to: { bucket: target.bucket, key: `${target.key}${entry.name}` } }),
    })
  }
  if (!isSomething) await checkFolderThere(access, source)
  return planned
}

/** How files go to a folder of one's own, or of somebody else who gave a link. */
async function senderTo(to: string, giving: GivingContext): Promise<(entry: Entry, file: string) => Planned['make']> {
  if (isWriteLink(to)) {
    const { link, path } = await givenFolder(giving, parseSharedPlace(to))
    return (entry, file) => (terms) => give(terms, { entry, file, to: { link, path: `${path}${entry.name}` } })
  }
  const { bucket, key } = folderOf(parseObjectUrl(to))
  return (entry, file) => (terms) => upload(terms, { entry, file, to: { bucket, key: `${key}${entry.name}` } })
}

/** A bucket may have nothing in it, and a folder a marker only. @throws StorageError STORAGE_OBJECT_UNKNOWN */
async function checkFolderThere({ client }: ObjectAccess, { bucket, key }: ObjectUrl): Promise<void> {
  if (key === '') return
  const { objects } = await client.listObjects({ bucket, prefix: key, limit: 1 })
  if (objects.length > 0) return
  const name = formatObjectUrl({ bucket, key })
  throw new StorageError('STORAGE_OBJECT_UNKNOWN', `nothing is under ${name}`, {
    details: { name },
    next: `See which there are: stead ls stead://${bucket}`,
  })
}

/** @throws CliError CLI_USAGE for a folder that is copied into itself */
export function checkApart(source: ObjectUrl, target: ObjectUrl): void {
  if (source.bucket !== target.bucket || !target.key.startsWith(source.key)) return
  throw new CliError('CLI_USAGE', `${formatObjectUrl(target)} is within ${formatObjectUrl(source)}`)
}

/** The object that is meant: in a folder it gets a name. */
function namedIn({ bucket, key }: ObjectUrl, name: string): ObjectUrl {
  return key === '' || key.endsWith('/') ? { bucket, key: `${key}${name}` } : { bucket, key }
}
