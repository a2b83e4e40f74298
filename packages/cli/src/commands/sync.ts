import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@stead/core'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember } from '../node-place.ts'
import { hasEtag } from '../objects/content-hash.ts'
import { deletionOrder } from '../objects/in-the-way.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { LeftOut } from '../objects/left-out.ts'
import { checkFolder, type Entry, localFiles } from '../objects/local-files.ts'
import { addFilterOptions, type FilterRule, nameFilter } from '../objects/name-filter.ts'
import { type ObjectAccess, objectAccess } from '../objects/object-access.ts'
import { folderOf, formatObjectUrl, isObjectUrl, type ObjectUrl, parseObjectUrl } from '../objects/object-url.ts'
import { showNewPhrase } from '../objects/recovery-phrase.ts'
import { remoteObjects } from '../objects/remote-objects.ts'
import { SafeFolder } from '../objects/safe-folder.ts'
import { checkNoLink } from '../objects/share-link.ts'
import { planSync, type SyncPlan } from '../objects/sync-plan.ts'
import { tellingWaits } from '../objects/telling-waits.ts'
import { copy, download, type TransferTerms, upload } from '../objects/transfer-plan.ts'
import type { Transfer } from '../objects/transfer-pool.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import {
  type Deletion,
  type LeftOutOfTransfers,
  printDryRun,
  runAndReport,
  type TransferWay,
} from '../objects/transfer-report.ts'
import { shownName } from '../terminal/shown-name.ts'
import { checkApart } from './cp.ts'

interface GivenSync extends GivenMember {
  readonly delete?: boolean
  readonly dryRun?: boolean
}

/** `stead sync`: makes one folder like another, in either direction and within the network. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<from>', 'a folder, or stead://bucket/folder')
    .argument('<to>', 'the same; what is in <from> gets the same names here')
    .option('--delete', 'delete in <to> what <from> does not have, once all is copied')
    .option('--dry-run', 'say what would be done')
    .addHelpText(
      'after',
      '\nTwo are the same when they have one length and were changed at one time, or have the same MD5. Kept of a file are its' +
        '\ncontent, when it was changed, and whether it can be run; empty folders are not kept.' +
        '\nWith --delete a file in <to> where a folder must be, or a folder where a file must be, goes first, if all in it is' +
        '\nto go. All else is deleted when all is copied, and where something is refused or fails nothing is, which is said.' +
        '\nNames that --exclude leaves out, links, and what cannot be read are neither copied nor deleted. What is left out is' +
        '\nsaid, with --json as "leftOut"; where that is content, which cannot be read or has a name that is not UTF-8, the rest' +
        '\nis copied and the exit code is 1.' +
        '\n--json has counts: "transferred", "deleted", "notDeleted", "same"; with --dry-run those that would be, and the names' +
        '\nas "toCopy" and "toDelete".',
    )
  const rules = addFilterOptions(command)
  command.action(async (from: string, to: string, given: GivenSync) => {
    checkNoLink(from, to)
    if (!isObjectUrl(from) && !isObjectUrl(to))
      throw new CliError('CLI_USAGE', `neither ${from} nor ${to} is on the network: stead://bucket/folder`)
    await run({ from, to, given, rules }, context)
  })
}

interface SyncRequest {
  readonly from: string
  readonly to: string
  readonly given: GivenSync
  readonly rules: readonly FilterRule[]
}

/** What a sync does, before it is known how it is followed. */
interface Work {
  readonly same: number
  readonly left: LeftOutOfTransfers
  /** How many the source has. */
  readonly wanted: number
  readonly totalBytes: number
  readonly transfers: (terms: TransferTerms) => readonly Transfer[]
  /** What is in the way, and must go first. */
  readonly first: readonly Deletion[]
  readonly deletions: readonly Deletion[]
}

async function run(request: SyncRequest, context: CommandContext): Promise<void> {
  const access = objectAccess(context, request.given)
  const { client } = access
  await tellingWaits({ client, terminal: context.terminal }, () => syncAll(request, { access, context }))
}

async function syncAll(request: SyncRequest, { access, context }: Parts): Promise<void> {
  const { given, to } = request
  const signal = context.interruption()
  const work = await namingBuckets(access.client, () => plan(request, { access, context }))
  checkSource(request, work, context)
  if (isObjectUrl(to) && given.dryRun !== true) await access.objects.makeBucket(parseObjectUrl(to).bucket)
  const progress = new TransferProgress(context.terminal, 'sync', work.totalBytes)
  const transfers = work.transfers({ access, terminal: context.terminal, progress, signal })
  const extras = {
    same: work.same,
    left: work.left,
    first: work.first,
    deletions: given.delete === true ? work.deletions : [],
  }
  if (given.dryRun === true) return printDryRun(context, transfers, extras)
  await runAndReport(context, { transfers, progress, signal, way: wayOf(request) }, extras)
  showNewPhrase(context, access.dataDir)
}

/**
 * A source that has nothing is a typing error more often than a wish to delete all.
 * @throws CliError CLI_USAGE where all would be deleted
 */
function checkSource({ from, to, given }: SyncRequest, { wanted }: Work, { terminal }: CommandContext): void {
  if (wanted > 0) return
  const nothing = `nothing is under ${shownName(from)}`
  if (given.delete !== true) {
    terminal.message(nothing)
    return
  }
  const removal = `${isObjectUrl(to) ? 'stead rm' : 'rm'} -r ${shownName(to)}`
  throw new CliError('CLI_USAGE', `${nothing}: --delete would delete all of ${shownName(to)}; nothing was deleted`, {
    next: `Correct the name of the source. If all is to be deleted: ${removal}`,
  })
}

function wayOf({ from, to }: SyncRequest): TransferWay {
  if (!isObjectUrl(from)) return { kind: 'up' }
  return isObjectUrl(to) ? { kind: 'within' } : { kind: 'down', partsAt: `below ${to}` }
}

type Parts = { readonly access: ObjectAccess; readonly context: CommandContext }

async function plan(request: SyncRequest, parts: Parts): Promise<Work> {
  const { from, to } = request
  if (!isObjectUrl(from)) return await planUp(request, parts)
  if (!isObjectUrl(to)) return await planDown(request, parts)
  const [source, target] = [folderOf(parseObjectUrl(from)), folderOf(parseObjectUrl(to))]
  checkApart(source, target)
  // Else what is to be copied would be what the source does not have.
  if (request.given.delete === true) checkApart(target, source)
  const isTaken = nameFilter(request.rules)
  const { objects } = parts.access
  const there = orNone(remoteObjects(objects, target))
  const sides = [taken(remoteObjects(objects, source), isTaken), taken(there, isTaken)] as const
  const found = await planSync(...sides, async (left, right) => left.object.etag === right.object.etag)
  return workOf(found, {
    transfer: (terms, entry) => copy(terms, { entry, from: placed(source, entry), to: placed(target, entry) }),
    deletion: (entry) => remoteDeletion(parts, placed(target, entry)),
  })
}

async function planUp(request: SyncRequest, parts: Parts): Promise<Work> {
  const { from, to, rules } = request
  checkFolder(from)
  const target = folderOf(parseObjectUrl(to))
  const isTaken = nameFilter(rules)
  const there = taken(orNone(remoteObjects(parts.access.objects, target)), isTaken)
  const left = new LeftOut(parts.context, rules)
  const found = await planSync(
    taken(localFiles(from, left), isTaken),
    there,
    async (file, { object }) => await isSameAs(join(from, file.name), object.etag, file.lengthBytes),
  )
  // What could not be read is not known to be gone.
  const known = { ...found, extra: found.extra.filter(({ name }) => !left.isUnder(name)) }
  const work = workOf(known, {
    transfer: (terms, entry) => upload(terms, { entry, file: join(from, entry.name), to: placed(target, entry) }),
    deletion: (entry) => remoteDeletion(parts, placed(target, entry)),
  })
  return { ...work, left }
}

async function planDown({ from, to, given, rules }: SyncRequest, parts: Parts): Promise<Work> {
  const source = folderOf(parseObjectUrl(from))
  const folder = new SafeFolder(to)
  const isTaken = nameFilter(rules)
  const isThere = statSync(to, { throwIfNoEntry: false }) !== undefined
  if (isThere) checkFolder(to)
  const left = new LeftOut(parts.context, rules)
  const here = isThere ? taken(localFiles(to, left), isTaken) : []
  const wanted = taken(remoteObjects(parts.access.objects, source), isTaken)
  const found = await planSync(
    wanted,
    here,
    async ({ object }, file) => await isSameAs(join(to, file.name), object.etag, file.lengthBytes),
  )
  // Both sides are known as a whole by now: nothing is taken for extra because it could not be listed.
  const { first, last } =
    given.delete === true ? deletionOrder(folder, found.transfers, found.extra) : { first: [], last: found.extra }
  folder.noteLeaving(first)
  const work = workOf(
    { ...found, extra: last },
    {
      transfer: (terms, entry) => download(terms, { entry, from: placed(source, entry), folder }),
      deletion: ({ name }) => localDeletion(to, name, () => rmSync(folder.prepare(name), { force: true })),
    },
  )
  return {
    ...work,
    first: first.map((name) => localDeletion(to, name, () => folder.remove(name))),
    // They are none of what is brought.
    left: { emptyFolders: 0, names: left.names.map((each) => ({ ...each, isContent: false })) },
  }
}

function workOf<Source extends Entry, Target extends Entry>(
  { transfers, extra, same }: SyncPlan<Source, Target>,
  make: {
    readonly transfer: (terms: TransferTerms, entry: Source) => Transfer
    readonly deletion: (entry: Target) => Deletion
  },
): Work {
  return {
    same,
    left: { emptyFolders: 0, names: [] },
    wanted: transfers.length + same,
    totalBytes: transfers.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    transfers: (terms) => transfers.map((entry) => make.transfer(terms, entry)),
    first: [],
    deletions: extra.map(make.deletion),
  }
}

/** A file that cannot be read is not the same: why not is said when it is its turn. */
async function isSameAs(file: string, etag: string, lengthBytes: number): Promise<boolean> {
  return (await hasEtag(file, etag, lengthBytes).catch(() => false)) === true
}

function localDeletion(to: string, name: string, remove: () => void): Deletion {
  return { name: join(to, name), run: async () => remove() }
}

function remoteDeletion({ access }: Parts, place: ObjectUrl): Deletion {
  return { name: formatObjectUrl(place), run: () => access.objects.delete(place) }
}

function placed({ bucket, key }: ObjectUrl, { name }: Entry): ObjectUrl {
  return { bucket, key: `${key}${name}` }
}

async function* taken<Each extends Entry>(
  entries: AsyncIterable<Each> | Iterable<Each>,
  isTaken: (name: string) => boolean,
): AsyncGenerator<Each, void> {
  for await (const entry of entries) if (isTaken(entry.name)) yield entry
}

/** A bucket that would be made is empty yet. */
async function* orNone<Each>(entries: AsyncIterable<Each>): AsyncGenerator<Each, void> {
  try {
    yield* entries
  } catch (error) {
    if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN')) throw error
  }
}
