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

/** `stead shares`: what is shared. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .option('--links', 'with their links: whoever sees them reads what is shared')
    .action(async (given: GivenShares) => {
      const client = clientFor(context, given)
      const { terminal } = context
      const { shares } = await client.listShares()
      const shown =
        given.links === true ? await Promise.all(shares.map((share) => client.getShare(nameOf(share)))) : shares
      terminal.out(terminal.isJson ? toJson({ shares: shown }) : describe(shown))
    })
}

function nameOf({ bucket, id }: ShareView): { readonly bucket: string; readonly id: string } {
  return { bucket, id }
}

function describe(shares: readonly (ShareView & { readonly link?: string })[]): string {
  if (shares.length === 0) return 'nothing is shared'
  return renderTable<ShareView & { readonly link?: string }>(
    [
      { title: 'ID', value: ({ id }) => id },
      { title: 'WHAT', value: ({ bucket, prefix }) => shownObjectUrl({ bucket, key: prefix }) },
      { title: 'SINCE', value: ({ createdAt }) => new Date(createdAt).toISOString() },
      {
        title: 'UNTIL',
        value: ({ expiresAt }) => (expiresAt === undefined ? 'taken back' : new Date(expiresAt).toISOString()),
      },
      { title: 'LINK', value: ({ link, isFilled }) => link ?? (isFilled ? 'shows all' : 'does not show all yet') },
    ],
    shares,
  )
}
