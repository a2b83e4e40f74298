import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { keepFile, targetOf } from '../objects/keep-file.ts'
import { formatObjectUrl, parseObject } from '../objects/object-url.ts'
import { isShareLink } from '../objects/share-link.ts'
import { TransferProgress } from '../objects/transfer-progress.ts'

/** `stead get`: brings an object back. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<object>', 'stead://bucket/key; or a link to a share, with /path behind it for a part of that')
    .argument('[file]', 'where to; - for standard output; the last part of the key by default')
    .action(async (object: string, given: string | undefined, options: GivenMember) => {
      if (isShareLink(object)) {
        const { getShared } = await import('../objects/get-shared.ts')
        await getShared(clientFor(context, options), context, { text: object, given })
        return
      }
      const url = parseObject(object)
      const { lengthBytes, body } = await clientFor(context, options).getObject(url)
      const progress = new TransferProgress(context.terminal, url.key, lengthBytes)
      const source = Readable.from(progress.count(body))
      if (given === '-') {
        await pipeline(source, process.stdout, { end: false })
        return
      }
      const file = targetOf(given, url.key)
      await keepFile(source, file, context.interruption())
      context.terminal.message(`${formatObjectUrl(url)} is in ${file}: ${progress.end()}`)
    })
}
