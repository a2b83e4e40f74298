import type { ShareView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { shownObjectUrl } from '../objects/object-url.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenShares extends GivenMember {
  readonly links?: boolean
}

const HELP = `
STATE is "filling" until all that is there is shown, and whenever something could not be shown: it is tried again
within half a minute, and whoever reads the link is told meanwhile.
`

/** `stead shares`: what is shared. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .option('--links', 'with their links: whoever sees them reads what is shared')
    .addHelpText('after', HELP)
    .action(async (given: GivenShares) => {
      const client = clientFor(context, given)
      const { terminal } = context
      const { shares } = await client.listShares()
      const shown =
        given.links === true ? await Promise.all(shares.map((share) => client.getShare(nameOf(share)))) : shares
      terminal.out(terminal.isJson ? toJson({ shares: shown }) : describeShares(shown))
    })
}

function nameOf({ bucket, id }: ShareView): { readonly bucket: string; readonly id: string } {
  return { bucket, id }
}

/** What is shared, as a table. */
export function describeShares(shares: readonly (ShareView & { readonly link?: string })[]): string {
  if (shares.length === 0) return 'nothing is shared'
  const hasLinks = shares.some(({ link }) => link !== undefined)
  return renderTable<ShareView & { readonly link?: string }>(
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'WHAT', value: ({ bucket, prefix }) => shownObjectUrl({ bucket, key: prefix }) },
      { title: 'SINCE', value: ({ createdAt }) => new Date(createdAt).toISOString() },
      {
        title: 'UNTIL',
        value: ({ expiresAt }) => (expiresAt === undefined ? 'no end' : new Date(expiresAt).toISOString()),
      },
      { title: 'STATE', value: ({ isFilled }) => (isFilled ? 'shows all' : 'filling') },
      ...(hasLinks ? [{ title: 'LINK', value: ({ link = '' }: { readonly link?: string }) => link }] : []),
    ],
    shares,
  )
}
