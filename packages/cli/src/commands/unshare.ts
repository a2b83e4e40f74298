import type { ShareView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { parseObjectUrl } from '../objects/object-url.ts'
import { isShareLink, isWriteLink } from '../objects/share-link.ts'
import { toJson } from '../terminal/terminal.ts'

/** A share or a grant, as far as it is to be found. */
type Ended = Pick<ShareView, 'id' | 'bucket' | 'prefix'>

/** `stead unshare`: takes shares back, to read and to write. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<what>', 'stead://bucket/folder/ as it was shared, which ends all links to it; or the id of one')
    .action(async (what: string, given: GivenMember) => {
      if (isShareLink(what) || isWriteLink(what))
        throw new CliError('CLI_USAGE', 'a link does not say which share it is of: give the id of that share', {
          next: 'See what is shared, with its ids and links: stead shares --links',
        })
      const client = clientFor(context, given)
      const isMeant = matcherOf(what)
      const shares = (await client.listShares()).shares.filter(isMeant)
      const grants = (await client.listGrants()).grants.filter(isMeant)
      if (shares.length + grants.length === 0)
        throw new CliError('CLI_USAGE', `${what} is not shared: see stead shares`)
      for (const { bucket, id } of shares) await client.unshare({ bucket, id })
      for (const { bucket, id } of grants) await client.endGrant({ bucket, id })
      const { terminal } = context
      if (terminal.isJson) terminal.out(toJson({ ended: [...shares, ...grants].map(({ id }) => id) }))
      else terminal.out(describeEnd(shares.length, grants.length))
    })
}

function describeEnd(shares: number, grants: number): string {
  const read = `${shares} ended: their links show nothing any more; what was read before may have been kept`
  const written = `${grants} to write ended: nothing is written with their links any more; what was written stays`
  return [shares > 0 ? read : '', grants > 0 ? written : ''].filter(Boolean).join('\n')
}

function matcherOf(what: string): (share: Ended) => boolean {
  if (/^[0-9a-f]{32}$/.test(what)) return ({ id }) => id === what
  const { bucket, key } = parseObjectUrl(what)
  return (share) => share.bucket === bucket && share.prefix === key
}
