import type { ShareView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { parseObjectUrl } from '../objects/object-url.ts'
import { isShareLink } from '../objects/share-link.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead unshare`: takes shares back. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<what>', 'stead://bucket/folder/ as it was shared, which ends all shares of it; or the id of one share')
    .action(async (what: string, given: GivenMember) => {
      if (isShareLink(what))
        throw new CliError('CLI_USAGE', 'a link does not say which share it is of: give the id of that share', {
          next: 'See what is shared, with its ids and links: stead shares --links',
        })
      const client = clientFor(context, given)
      const { shares } = await client.listShares()
      const meant = shares.filter(matcherOf(what))
      if (meant.length === 0) throw new CliError('CLI_USAGE', `${what} is not shared: see stead shares`)
      for (const { bucket, id } of meant) await client.unshare({ bucket, id })
      const { terminal } = context
      terminal.out(
        terminal.isJson
          ? toJson({ ended: meant.map(({ id }) => id) })
          : `${meant.length} ended: their links show nothing any more; what was read before may have been kept`,
      )
    })
}

function matcherOf(what: string): (share: ShareView) => boolean {
  if (/^[0-9a-f]{32}$/.test(what)) return ({ id }) => id === what
  const { bucket, key } = parseObjectUrl(what)
  return (share) => share.bucket === bucket && share.prefix === key
}
