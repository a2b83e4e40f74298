import type { DaemonClient } from '@stead/sdk'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { parseObjectUrl } from '../objects/object-url.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenRemoval extends GivenMember {
  readonly recursive?: boolean
}

/** `stead rm`: deletes objects. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<object>', 'stead://bucket/key, or a prefix with --recursive')
    .option('-r, --recursive', 'all objects below, and the bucket itself when no key is given')
    .action(async (object: string, given: GivenRemoval) => {
      const client = clientFor(context, given)
      const { bucket, key } = parseObjectUrl(object)
      const isAll = given.recursive === true
      if (key === '' && !isAll) throw new CliError('CLI_USAGE', `${object} is a bucket: give -r to remove all of it`)
      const deleted = isAll ? await removeAll(client, bucket, key) : await removeOne(client, bucket, key)
      if (isAll && key === '') await client.deleteBucket(bucket)
      context.terminal.out(context.terminal.isJson ? toJson({ deleted }) : `${deleted} deleted`)
    })
}

async function removeOne(client: DaemonClient, bucket: string, key: string): Promise<number> {
  await client.deleteObject({ bucket, key })
  return 1
}

async function removeAll(client: DaemonClient, bucket: string, prefix: string): Promise<number> {
  let deleted = 0
  for (;;) {
    const { objects } = await client.listObjects({ bucket, prefix })
    if (objects.length === 0) return deleted
    for (const { key } of objects) deleted += await removeOne(client, bucket, key)
  }
}
