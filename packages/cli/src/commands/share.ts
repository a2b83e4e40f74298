import type { UnixMs } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { GrantRequest, ShareRequest } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { narrowGrant, narrowShare } from '../objects/narrow-share.ts'
import { formatBytes, parseObjectUrl, shownObjectUrl } from '../objects/object-url.ts'
import { isShareLink, isWriteLink, parseByteCount, parseDuration, parseSharedPlace } from '../objects/share-link.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'

/** What the smallest object counts as. */
const LIMIT_BYTES_MIN = 4096

interface GivenShare extends GivenMember {
  readonly expires?: string
  readonly write?: boolean
  readonly limit?: string
  readonly replace?: boolean
}

const HELP = `
Whoever has the link reads what is under the prefix, as it is at that moment, from any node: no account, no money.
It shows nothing else, neither names nor versions nor metadata. What is there is shown within seconds; a large folder
is filled after the link is made, and whoever reads it meanwhile is told so (stead shares: filling).
A link can be narrowed without asking anybody: stead share <link>/folder/ or <link>/folder/file.

What ends a share: stead unshare, or its time. Its list is then gone from the nodes, and nothing new is ever shown.
What nobody can do is make somebody forget: who read the list may have kept it, with the keys of the files in it, and
can read those files until they are deleted or replaced, and what was copied for good. The time in a link to read that
was narrowed is a wish to whoever gets it; the time of the share itself is kept by the node of its owner.

With --write whoever has the link writes there: stead put <file> <link>/ or stead cp -r <folder> <link>/, with no account
and no money. You pay for what they write, and this node must be on for it. It takes --limit bytes in all, each object and
each part of 4 MiB as 4 KiB at least, whether what came is still there or not, and objects of up to 39 GiB; it shows nothing, deletes nothing, and replaces nothing without
--replace. Each object says in its metadata by which link it came. Give a link to read as well to who is to see it.
`

/** `stead share`: a link to a folder or an object. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<what>', 'stead://bucket/folder/, stead://bucket/key, stead://bucket; or a link, to narrow it')
    .option('--expires <time>', 'when it ends: 30m, 12h, 7d, 4w from now (default: when it is taken back)')
    .option('--write', 'a link to write, and not to read')
    .option('--limit <bytes>', 'with --write: how much may be written with it in all: 500MB, 1GiB')
    .option('--replace', 'with --write: objects that are there may be replaced')
    .addHelpText('after', HELP)
    .action(async (what: string, given: GivenShare) => {
      const limitBytes = checkOptions(what, given)
      const client = clientFor(context, given)
      const expiresAt =
        given.expires === undefined ? {} : { expiresAt: (Date.now() + parseDuration(given.expires)) as UnixMs }
      const make = async (): Promise<{ readonly link: string }> => {
        if (isShareLink(what))
          return await narrowShare(client, context.terminal, { ...parseSharedPlace(what), ...expiresAt })
        if (isWriteLink(what))
          return await narrowGrant(client, context.terminal, { ...parseSharedPlace(what), ...expiresAt })
        const { bucket, key: prefix } = parseObjectUrl(what)
        if (limitBytes === undefined) return await share(client, context, { bucket, prefix, ...expiresAt })
        const mayReplace = given.replace === true
        return await grant(client, context, { bucket, prefix, limitBytes, mayReplace, ...expiresAt })
      }
      const made = await namingBuckets(client, make)
      context.terminal.out(context.terminal.isJson ? toJson(made) : made.link)
    })
}

/** What may be written; undefined for a link to read. @throws CliError CLI_USAGE */
function checkOptions(what: string, { write = false, limit, replace = false }: GivenShare): number | undefined {
  const isGiven = write || limit !== undefined || replace
  if (isGiven && (isShareLink(what) || isWriteLink(what)))
    throw new CliError(
      'CLI_USAGE',
      'a link is narrowed to a part of it, or an earlier end: what it is for stays as it is',
    )
  if (!write && isGiven)
    throw new CliError('CLI_USAGE', '--limit and --replace are about what is written: give --write')
  if (!write) return undefined
  if (limit === undefined)
    throw new CliError('CLI_USAGE', 'you pay for what is written with the link: say how much that may be', {
      next: `For example: stead share --write --limit 1GiB --expires 7d ${shownName(what)}`,
    })
  const limitBytes = parseByteCount(limit)
  if (limitBytes < LIMIT_BYTES_MIN)
    throw new CliError('CLI_USAGE', `the smallest object counts as 4 KiB: --limit ${limit} would take none`)
  return limitBytes
}

async function share(
  client: DaemonClient,
  { terminal }: CommandContext,
  request: ShareRequest,
): Promise<{ readonly link: string }> {
  const { bucket, prefix } = request
  const made = await client.share(request)
  const shown = shownObjectUrl({ bucket, key: prefix })
  terminal.message(`whoever has this link reads ${shown}${untilOf(made)}`)
  if (!made.isFilled)
    terminal.message('the share is still being filled: this node goes on by itself, and whoever reads it is told')
  if (await isEmpty(client, bucket, prefix))
    terminal.message(`nothing is there yet under ${shown}: is that the folder you meant?`)
  return made
}

async function grant(
  client: DaemonClient,
  { terminal }: CommandContext,
  request: GrantRequest,
): Promise<{ readonly link: string }> {
  const { bucket, prefix, limitBytes, mayReplace } = request
  const shown = shownObjectUrl({ bucket, key: prefix })
  const isFolder = prefix === '' || prefix.endsWith('/')
  const found = isFolder ? undefined : await placeOf(client, bucket, prefix)
  if (found === 'object' && mayReplace !== true)
    throw new CliError('CLI_USAGE', `${shown} is there already, and a link that replaces nothing could not write it`, {
      next: 'Let it be replaced: --replace; or give a folder, which ends with /',
    })
  const made = await client.grantWrite(request)
  const replacing = mayReplace === true ? 'may replace what is there' : 'replaces nothing'
  terminal.message(
    `whoever has this link writes ${isFolder ? 'into' : 'the one object'} ${shown}, ${formatBytes(limitBytes)} in all, at your expense${untilOf(made)}; it ${replacing}, and shows nothing`,
  )
  if (found === 'folder')
    terminal.message(`${shown}/ is a folder, and this link is to no object in it: a folder ends with /`)
  return made
}

/** What is at a key, or below it. */
async function placeOf(client: DaemonClient, bucket: string, key: string): Promise<'object' | 'folder' | undefined> {
  const { objects } = await client.listObjects({ bucket, prefix: key, limit: 1 })
  if (objects[0]?.key === key) return 'object'
  const below = await client.listObjects({ bucket, prefix: `${key}/`, limit: 1 })
  return below.objects.length > 0 ? 'folder' : undefined
}

/** Whether there is no object under a folder; the marker that some programs keep for an empty one is none. */
async function isEmpty(client: DaemonClient, bucket: string, prefix: string): Promise<boolean> {
  const { objects } = await client.listObjects({ bucket, prefix, limit: 2 })
  return objects.every(({ key }) => key === prefix && key.endsWith('/'))
}

function untilOf({ expiresAt }: { readonly expiresAt?: UnixMs }): string {
  return expiresAt === undefined
    ? ' until it is taken back: stead unshare'
    : ` until ${new Date(expiresAt).toISOString()}`
}
