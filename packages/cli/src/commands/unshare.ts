import type { ShareView } from '@stead/sdk/api'
import { StorageError } from '@stead/storage'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { isObjectUrl, parseObjectUrl, prefixOf, shownObjectUrl } from '../objects/object-url.ts'
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
      const isMeant = matcherOf(what)
      const client = clientFor(context, given)
      const all = [(await client.listShares()).shares, (await client.listGrants()).grants] as const
      const [shares, grants] = [all[0].filter(isMeant), all[1].filter(isMeant)]
      if (shares.length + grants.length === 0) throw unknownShare(what, all.flat())
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

const ID = /^[0-9a-f]{32}$/

/** @throws CliError CLI_USAGE for what is neither a place nor an id */
function matcherOf(what: string): (share: Ended) => boolean {
  if (ID.test(what)) return ({ id }) => id === what
  if (!isObjectUrl(what))
    throw new CliError('CLI_USAGE', `${what} is neither stead://bucket/folder/ nor an id, which is 32 of 0-9 and a-f`, {
      details: { what },
      next: 'See what is shared, with its ids: stead shares',
    })
  return isAt(what)
}

function isAt(what: string): (share: Ended) => boolean {
  const { bucket, key } = parseObjectUrl(what)
  return (share) => share.bucket === bucket && share.prefix === key
}

/** Where the folder of that name is shared, the error says so. */
function unknownShare(what: string, all: readonly Ended[]): StorageError {
  const folder = ID.test(what) ? undefined : all.find(isAt(prefixOf(what)))
  const isEnded = ID.test(what) ? ', or has ended' : ''
  return new StorageError('STORAGE_SHARE_UNKNOWN', `${what} is not shared${isEnded}`, {
    details: { what },
    ...(folder && {
      next: `A folder ends with /: stead unshare ${shownObjectUrl({ bucket: folder.bucket, key: folder.prefix })}`,
    }),
  })
}
