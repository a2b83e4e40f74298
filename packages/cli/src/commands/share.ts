import type { UnixMs } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { narrowShare } from '../objects/narrow-share.ts'
import { parseObjectUrl, shownObjectUrl } from '../objects/object-url.ts'
import { isShareLink, parseDuration, parseSharedPlace } from '../objects/share-link.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenShare extends GivenMember {
  readonly expires?: string
  readonly write?: boolean
}

const HELP = `
Whoever has the link reads what is under the prefix, as it is at that moment, from any node: no account, no money.
It shows nothing else, neither names nor versions nor metadata. What is there is shown within seconds; a large folder
is filled after the link is made, and whoever reads it meanwhile is told so (stead shares: filling).
A link can be narrowed without asking anybody: stead share <link>/folder/ or <link>/folder/file.

What ends a share: stead unshare, or its time. Its list is then gone from the nodes, and nothing new is ever shown.
What nobody can do is make somebody forget: who read the list may have kept it, with the keys of the files in it, and
can read those files until they are deleted or replaced, and what was copied for good. The time in a link that was
narrowed is a wish to whoever gets it; the time of the share itself is kept by the node of its owner.
`

/** `stead share`: a link to a folder or an object. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<what>', 'stead://bucket/folder/, stead://bucket/key, stead://bucket; or a link, to narrow it')
    .option('--expires <time>', 'when it ends: 30m, 12h, 7d, 4w from now (default: when it is taken back)')
    .option('--write', 'refused: a link is to read')
    .addHelpText('after', HELP)
    .action(async (what: string, given: GivenShare) => {
      if (given.write === true)
        throw new CliError(
          'CLI_USAGE',
          'a link is to read: what is written must be paid for, and no link can spend the money of its owner',
        )
      const client = clientFor(context, given)
      const expiresAt =
        given.expires === undefined ? {} : { expiresAt: (Date.now() + parseDuration(given.expires)) as UnixMs }
      const made = isShareLink(what)
        ? await narrowShare(client, context.terminal, { ...parseSharedPlace(what), ...expiresAt })
        : await namingBuckets(client, () => share(client, what, { ...expiresAt, context }))
      context.terminal.out(context.terminal.isJson ? toJson(made) : made.link)
    })
}

async function share(
  client: DaemonClient,
  text: string,
  { context, ...expiresAt }: { readonly context: CommandContext; readonly expiresAt?: UnixMs },
): Promise<{ readonly link: string }> {
  const { bucket, key } = parseObjectUrl(text)
  const made = await client.share({ bucket, prefix: key, ...expiresAt })
  const { terminal } = context
  terminal.message(`whoever has this link reads ${shownObjectUrl({ bucket, key })}${untilOf(made)}`)
  if (!made.isFilled)
    terminal.message('the share is still being filled: this node goes on by itself, and whoever reads it is told')
  if (await isEmpty(client, bucket, key))
    terminal.message(`nothing is there yet under ${shownObjectUrl({ bucket, key })}: is that the folder you meant?`)
  return made
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
