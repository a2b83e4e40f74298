import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { formatObjectUrl, parseObject } from '../objects/object-url.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'

/** `stead get`: brings an object back. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<object>', 'stead://bucket/key')
    .argument('[file]', 'where to; - for standard output; the last part of the key by default')
    .action(async (object: string, given: string | undefined, options: GivenMember) => {
      const url = parseObject(object)
      const { lengthBytes, body } = await clientFor(context, options).getObject(url)
      const progress = new TransferProgress(context.terminal, url.key, lengthBytes)
      const source = Readable.from(progress.count(body))
      if (given === '-') {
        await pipeline(source, process.stdout, { end: false })
        return
      }
      const file = given ?? basename(url.key)
      // Whole or not at all: half an object must not look like one.
      const partial = `${file}.${process.pid}.part`
      try {
        await pipeline(source, createWriteStream(partial))
        renameSync(partial, file)
      } catch (error) {
        rmSync(partial, { force: true })
        throw error
      }
      context.terminal.message(`${formatObjectUrl(url)} is in ${file}: ${progress.end()}`)
    })
}
