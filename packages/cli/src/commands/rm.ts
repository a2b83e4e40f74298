import type { DaemonClient } from '@stead/sdk'
import type { UploadView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { parseObjectUrl } from '../objects/object-url.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenRemoval extends GivenMember {
  readonly recursive?: boolean
}

/** `stead rm`: deletes objects. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<object>', 'stead://bucket/key, or a folder with --recursive')
    .option('-r, --recursive', 'all objects below, and the bucket itself when no key is given')
    .action(async (object: string, given: GivenRemoval) => {
      const client = clientFor(context, given)
      const { bucket, key } = parseObjectUrl(object)
      const isAll = given.recursive === true
      if (key === '' && !isAll) throw new CliError('CLI_USAGE', `${object} is a bucket: give -r to remove all of it`)
      const deleted = isAll ? await removeAll(client, bucket, key) : await removeOne(client, bucket, key)
      const uploads = await giveUpUploads(client, bucket, { key, isAll })
      if (isAll && key === '') await client.deleteBucket(bucket)
      const isBucket = isAll && key === ''
      if (deleted + uploads === 0 && !isBucket) await explainNothing(client, object, { context, isAll })
      const halves = uploads === 0 ? '' : `, ${uploads} half-sent given up`
      context.terminal.out(
        context.terminal.isJson
          ? toJson({ deleted, uploads })
          : deleted + uploads === 0
            ? isBucket
              ? `the empty bucket ${bucket} is deleted`
              : '0 deleted'
            : `${deleted} deleted${halves}; their room is paid for until the node's daily sweep gives it back`,
      )
    })
}

/** @throws CliError CLI_USAGE for a folder that was meant as one object */
async function explainNothing(
  client: DaemonClient,
  object: string,
  { context, isAll }: { readonly context: CommandContext; readonly isAll: boolean },
): Promise<void> {
  const { bucket, key } = parseObjectUrl(object)
  const below = isAll ? [] : (await client.listObjects({ bucket, prefix: folderPrefix(key), limit: 1 })).objects
  if (below.length > 0) throw new CliError('CLI_USAGE', `${object} is a folder: give -r to remove all that is below it`)
  context.terminal.message(`nothing is under ${shownName(object)}`)
}

async function removeOne(client: DaemonClient, bucket: string, key: string): Promise<number> {
  const { objects } = await client.listObjects({ bucket, prefix: key, limit: 1 })
  if (objects[0]?.key !== key) return 0
  await client.deleteObject({ bucket, key })
  return 1
}

/** What was begun to be sent to a key, or below it, takes room as well. */
async function giveUpUploads(
  client: DaemonClient,
  bucket: string,
  { key, isAll }: { readonly key: string; readonly isAll: boolean },
): Promise<number> {
  const isMeant = (of: string): boolean => of === key || (isAll && of.startsWith(folderPrefix(key)))
  let given = 0
  for (let after: UploadView | undefined; ; ) {
    const place = after === undefined ? {} : { afterKey: after.key, afterId: after.id }
    const { uploads } = await client.listUploads({ bucket, prefix: key, ...place })
    for (const { id } of uploads.filter(({ key: of }) => isMeant(of))) {
      await client.abortUpload({ bucket, upload: id })
      given++
    }
    after = uploads.at(-1)
    if (after === undefined) return given
  }
}

function folderPrefix(key: string): string {
  return key === '' || key.endsWith('/') ? key : `${key}/`
}

/** What is below a folder, and the object of its name: `a` means neither `ab` nor `a.txt`. */
async function removeAll(client: DaemonClient, bucket: string, key: string): Promise<number> {
  const isFolder = key === '' || key.endsWith('/')
  let deleted = isFolder ? 0 : await removeOne(client, bucket, key)
  for (;;) {
    const { objects } = await client.listObjects({ bucket, prefix: folderPrefix(key) })
    if (objects.length === 0) return deleted
    for (const each of objects) await client.deleteObject({ bucket, key: each.key })
    deleted += objects.length
  }
}
