import type { GrantView, ShareName, ShareView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { formatBytes, shownObjectUrl } from '../objects/object-url.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenShares extends GivenMember {
  readonly links?: boolean
}

const HELP = `
STATE of a link to read is "filling" until all that is there is shown, and whenever something could not be shown: it is
tried again within half a minute, and whoever reads the link is told meanwhile. That of a link to write is what was
written with it, of how much it takes, and in how many objects.
`

/** A share, to read or to write, with its link where that was asked for. */
export type ShownShare = (ShareView | GrantView) & { readonly link?: string }

/** `stead shares`: what is shared. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .option('--links', 'with their links: whoever sees them may read and write what is shared')
    .addHelpText('after', HELP)
    .action(async (given: GivenShares) => {
      const client = clientFor(context, given)
      const { terminal } = context
      const { shares } = await client.listShares()
      const { grants } = await client.listGrants()
      const withLinks = given.links === true
      const read = withLinks ? await Promise.all(shares.map((share) => client.getShare(nameOf(share)))) : shares
      const written = withLinks ? await Promise.all(grants.map((each) => client.getGrant(nameOf(each)))) : grants
      if (terminal.isJson) terminal.out(toJson({ shares: read, grants: written }))
      else terminal.out(describeShares([...read, ...written]))
    })
}

function nameOf({ bucket, id }: ShareName): ShareName {
  return { bucket, id }
}

/** What is shared, as a table. */
export function describeShares(shares: readonly ShownShare[]): string {
  if (shares.length === 0) return 'nothing is shared'
  const hasLinks = shares.some(({ link }) => link !== undefined)
  return renderTable<ShownShare>(
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'TO', value: (share) => (isGrant(share) ? 'write' : 'read') },
      { title: 'WHAT', value: ({ bucket, prefix }) => shownObjectUrl({ bucket, key: prefix }) },
      { title: 'SINCE', value: ({ createdAt }) => new Date(createdAt).toISOString() },
      {
        title: 'UNTIL',
        value: ({ expiresAt }) => (expiresAt === undefined ? 'no end' : new Date(expiresAt).toISOString()),
      },
      { title: 'STATE', value: stateOf },
      ...(hasLinks ? [{ title: 'LINK', value: ({ link = '' }: ShownShare) => link }] : []),
    ],
    shares,
  )
}

function stateOf(share: ShownShare): string {
  if (!isGrant(share)) return share.isFilled ? 'shows all' : 'filling'
  const { usedBytes, limitBytes, objects, mayReplace } = share
  const of = `${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}, ${objects} ${objects === 1 ? 'object' : 'objects'}`
  return mayReplace ? `${of}, may replace` : of
}

function isGrant(share: ShownShare): share is GrantView {
  return 'limitBytes' in share
}
