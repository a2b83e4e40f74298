import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { notePhraseSeen, readPhrase } from '@stead/node/files'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember, nodePlace } from '../node-place.ts'
import { keepPhrase, PHRASE_WARNING } from '../objects/recovery-phrase.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenPhrase extends GivenMember {
  readonly to?: string
}

/** `stead phrase`: the recovery phrase of what is kept. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .option('--to <file>', 'into a new file that only you can read, and not on standard output')
    .addHelpText(
      'after',
      `\n${PHRASE_WARNING}\nOn another machine they bring everything back: stead recover --help` +
        '\nA file that your shell makes (stead phrase > file) can often be read by everyone on this machine: give --to.',
    )
    .action((given: GivenPhrase) => {
      const { dataDir } = nodePlace('payer', given, context).directories
      const phrase = readPhrase(dataDir)
      if (phrase === undefined) throw noPhrase(dataDir)
      const { terminal, workingDirectory } = context
      if (given.to === undefined) {
        terminal.message(PHRASE_WARNING)
        terminal.out(terminal.isJson ? toJson({ phrase }) : phrase)
      } else {
        const file = resolve(workingDirectory, given.to)
        keepPhrase(file, phrase)
        terminal.message(`the words are in ${given.to}, which only you can read\n${PHRASE_WARNING}`)
        if (terminal.isJson) terminal.out(toJson({ file }))
      }
      notePhraseSeen(dataDir)
    })
}

function noPhrase(dataDir: string): CliError {
  const details = { dataDir }
  if (existsSync(dataDir))
    return new CliError('CLI_NO_PHRASE', `the node in ${dataDir} has no recovery phrase`, { details })
  const next = 'Name the folder of the node: --data-dir <path>'
  return new CliError('CLI_NO_PHRASE', `no recovery phrase in ${dataDir}: there is no such folder`, { details, next })
}
