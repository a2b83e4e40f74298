import { notePhraseSeen, readPhrase } from '@stead/node/files'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, type GivenMember, nodePlace } from '../node-place.ts'
import { PHRASE_WARNING } from '../objects/recovery-phrase.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead phrase`: the recovery phrase of what is kept. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .addHelpText('after', `\n${PHRASE_WARNING}\nOn another machine they bring everything back: stead recover --help`)
    .action((given: GivenMember) => {
      const { dataDir } = nodePlace('payer', given, context).directories
      const phrase = readPhrase(dataDir)
      if (phrase === undefined)
        throw new CliError('CLI_NO_PHRASE', `the node in ${dataDir} has no recovery phrase`, { details: { dataDir } })
      const { terminal } = context
      terminal.message(PHRASE_WARNING)
      terminal.out(terminal.isJson ? toJson({ phrase }) : phrase)
      notePhraseSeen(dataDir)
    })
}
