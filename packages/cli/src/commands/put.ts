import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import { hasCode } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { formatObjectUrl, type ObjectUrl, parseObjectUrl } from '../objects/object-url.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead put`: keeps a file on the network. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<file>', 'a file, or - for standard input')
    .argument('<object>', 'stead://bucket/key; a key that ends with / or is missing gets the name of the file')
    .action(async (file: string, object: string, given: GivenMember) => {
      const client = clientFor(context, given)
      const url = keyed(parseObjectUrl(object), file)
      const lengthBytes = file === '-' ? undefined : lengthOf(file)
      const progress = new TransferProgress(context.terminal, url.key, lengthBytes)
      await makeBucket(client, url.bucket)
      const source = file === '-' ? process.stdin : createReadStream(file)
      const stored = await client.putObject(url, progress.count(source))
      const rate = progress.end()
      context.terminal.out(
        context.terminal.isJson ? toJson({ bucket: url.bucket, ...stored }) : `${formatObjectUrl(url)}: ${rate}`,
      )
    })
}

function keyed({ bucket, key }: ObjectUrl, file: string): ObjectUrl {
  if (key !== '' && !key.endsWith('/')) return { bucket, key }
  if (file === '-') throw new CliError('CLI_USAGE', 'standard input has no name: give the whole key')
  return { bucket, key: `${key}${basename(file)}` }
}

function lengthOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile() === true) return found.size
  throw new CliError('CLI_USAGE', found === undefined ? `there is no file ${file}` : `${file} is not a file`)
}

/** Whoever puts something into a bucket wants it to be there. */
async function makeBucket(client: DaemonClient, bucket: string): Promise<void> {
  try {
    await client.createBucket(bucket)
  } catch (error) {
    if (!hasCode(error, 'STORAGE_BUCKET_EXISTS')) throw error
  }
}
