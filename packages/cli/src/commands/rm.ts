import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { VersionView } from '@stead/sdk/api'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { uploadsBelow } from '../objects/half-sent.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { type ObjectVersion, parseObjectVersion, prefixOf, shownObjectUrl } from '../objects/object-url.ts'
import { giveUpUploads, type Removal, removeObjects, removeVersion, removeVersions } from '../objects/remove-objects.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenRemoval extends GivenMember {
  readonly recursive?: boolean
  readonly allVersions?: boolean
  readonly uploads?: boolean
}

const ROOM_COMES_BACK = "their room is paid for until the node's daily sweep gives it back"

const HELP = `
A bucket keeps versions when an S3 client said so (PutBucketVersioning). Then a deletion puts a delete marker on an object,
which hides it: its versions stay, can be read as stead://bucket/key?version=<version>, and are paid for. What there is:
stead ls --versions. --all-versions deletes versions and markers for good, and stead://bucket/key?version=<version> that one
alone: a marker that is deleted so hides its object no longer. A ?version= that is part of a key is %3Fversion= in an address, as stead ls prints it.
What is half-sent under the name goes as well; with --uploads it alone goes, and what is stored stays.
`

/** `stead rm`: deletes objects. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument(
      '<object>',
      'stead://bucket/key, or a folder with --recursive; stead://bucket/key?version=<version> for one version',
    )
    .option('-r, --recursive', 'all objects below, and the bucket itself when no key is given')
    .option('--all-versions', 'where versions are kept: delete each of them for good, and delete markers')
    .addOption(
      new Option('--uploads', 'give up what is half-sent, and nothing else; stead ls --uploads lists it').conflicts(
        'allVersions',
      ),
    )
    .addHelpText('after', HELP)
    .action(async (object: string, given: GivenRemoval) => {
      const client = clientFor(context, given)
      await namingBuckets(client, () => run(client, context, { object, given }))
    })
}

async function run(
  client: DaemonClient,
  context: CommandContext,
  { object, given }: { readonly object: string; readonly given: GivenRemoval },
): Promise<void> {
  const { version, ...url } = parseObjectVersion(object)
  if (version !== undefined) return await removeOneVersion(client, { ...url, version }, { context, given })
  const removal: Removal = { ...url, isRecursive: given.recursive === true }
  if (removal.key === '' && !removal.isRecursive)
    throw new CliError(
      'CLI_USAGE',
      `${object} is a bucket: give -r to ${given.uploads === true ? 'give up all that is half-sent in it' : 'remove all of it'}`,
    )
  if (given.uploads === true) return await giveUp(client, object, { context, removal })
  const removed = await remove(client, removal, given.allVersions === true)
  const isBucket = removal.key === ''
  if (removed.deleted + removed.uploads === 0 && !isBucket) await explainNothing(client, object, { context, removal })
  const left = isBucket ? await removeBucket(client, object, { removal, removed }) : undefined
  if (left !== undefined) context.exitWith(exitCodeOf(left))
  context.terminal.out(
    context.terminal.isJson
      ? toJson({ ...removed, ...(left === undefined ? {} : { error: errorFacts(left) }) })
      : describe(object, removal, { removed, left }),
  )
  if (left !== undefined && !context.terminal.isJson) printError(context.terminal, left)
}

/** Deletes one version for good. @throws CliError CLI_USAGE with options that are about more */
async function removeOneVersion(
  client: DaemonClient,
  { bucket, key, version }: Required<ObjectVersion>,
  { context: { terminal }, given }: { readonly context: CommandContext; readonly given: GivenRemoval },
): Promise<void> {
  if (given.recursive === true || given.allVersions === true || given.uploads === true)
    throw new CliError('CLI_USAGE', 'one version is deleted alone, without -r, --all-versions and --uploads')
  const removed = await removeVersion(client, { bucket, key }, version)
  const url = shownObjectUrl({ bucket, key })
  const which = `See which there are: stead ls --versions ${url}`
  if (removed === undefined) terminal.message(`there is no version ${version} of ${url}. ${which}`)
  const deleted = removed === undefined ? 0 : 1
  if (terminal.isJson) terminal.out(toJson({ kind: 'versions', deleted, uploads: 0 } satisfies Removed))
  else terminal.out(removed === undefined ? '0 deleted' : describeVersion(removed))
}

function describeVersion({ isLatest, isDeleted }: VersionView): string {
  const what = isDeleted ? '1 delete marker deleted for good' : '1 version deleted for good'
  const before = isLatest ? '; the version before it, if there is one, is the latest now' : ''
  return `${what}${before}${isDeleted ? '' : `; ${ROOM_COMES_BACK}`}`
}

/** What was done. */
interface Removed {
  /** What `deleted` counts; a marker hides an object whose versions stay. */
  readonly kind: 'objects' | 'markers' | 'versions'
  readonly deleted: number
  readonly uploads: number
}

async function remove(client: DaemonClient, removal: Removal, isAllVersions: boolean): Promise<Removed> {
  const { buckets } = await client.listBuckets()
  const { versioning = 'off' } = buckets.find(({ name }) => name === removal.bucket) ?? {}
  const kind = versioning === 'off' ? 'objects' : isAllVersions ? 'versions' : 'markers'
  const deleted = await (kind === 'versions' ? removeVersions : removeObjects)(client, removal)
  return { kind, deleted, uploads: await giveUpUploads(client, removal) }
}

/** Gives up what is half-sent. @throws CliError CLI_USAGE for a folder that was meant as one object */
async function giveUp(
  client: DaemonClient,
  object: string,
  { context: { terminal }, removal }: { readonly context: CommandContext; readonly removal: Removal },
): Promise<void> {
  const uploads = await giveUpUploads(client, removal)
  if (uploads === 0 && !removal.isRecursive) {
    const below = await uploadsBelow(client, removal.bucket, prefixOf(removal.key)).next()
    if (below.done !== true)
      throw new CliError('CLI_USAGE', `${object} is a folder: give -r to give up all that is half-sent below it`)
  }
  if (terminal.isJson) terminal.out(toJson({ uploads }))
  else terminal.out(`${uploads} half-sent given up${uploads === 0 ? '' : `; ${ROOM_COMES_BACK}`}`)
}

/** Deletes a bucket that has nothing any more; gives what keeps it. */
async function removeBucket(
  client: DaemonClient,
  object: string,
  { removal: { bucket }, removed }: { readonly removal: Removal; readonly removed: Removed },
): Promise<CliError | undefined> {
  try {
    await client.deleteBucket(bucket)
    return undefined
  } catch (error) {
    if (removed.kind !== 'markers' || !hasCode(error, 'STORAGE_BUCKET_NOT_EMPTY')) throw error
    return new CliError('CLI_VERSIONS_STAY', `${object} keeps versions of what was deleted, and stays`, {
      details: { bucket },
      next: `To delete it with all versions, for good: stead rm -r --all-versions ${object}`,
      cause: error,
    })
  }
}

/** @throws CliError CLI_USAGE for a folder that was meant as one object */
async function explainNothing(
  client: DaemonClient,
  object: string,
  { context, removal }: { readonly context: CommandContext; readonly removal: Removal },
): Promise<void> {
  const { bucket, key, isRecursive } = removal
  const below = isRecursive ? [] : (await client.listObjects({ bucket, prefix: prefixOf(key), limit: 1 })).objects
  if (below.length > 0) throw new CliError('CLI_USAGE', `${object} is a folder: give -r to remove all that is below it`)
  context.terminal.message(`nothing is under ${shownName(object)}`)
}

function describe(
  object: string,
  { bucket, key, isRecursive }: Removal,
  { removed, left }: { readonly removed: Removed; readonly left: CliError | undefined },
): string {
  const { kind, deleted, uploads } = removed
  const halves = uploads === 0 ? '' : `, ${uploads} half-sent given up`
  if (kind === 'markers' && deleted > 0) {
    const hidden = `${deleted} hidden by delete markers${halves}; their versions stay and are paid for`
    // Where the bucket stays, that is said with how to delete it.
    return left === undefined
      ? `${hidden}. For good: stead rm ${isRecursive ? '-r ' : ''}--all-versions ${shownName(object)}`
      : hidden
  }
  if (deleted + uploads > 0) {
    const what = kind === 'versions' ? `${deleted} versions deleted for good` : `${deleted} deleted`
    return `${what}${halves}; ${ROOM_COMES_BACK}`
  }
  return key === '' && left === undefined ? `the empty bucket ${bucket} is deleted` : '0 deleted'
}
