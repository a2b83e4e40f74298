import { type Hash, hash, messageOf } from '@stead/core'
import { type Command, InvalidArgumentError } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { toJson } from '../terminal/terminal.ts'

const HELP = `
What is owed is paid first; then nothing new is asked for on this purse. After a day in which providers claim what is theirs
the node closes it by itself, and the rest is back in the account. Which purses there are: stead purses`

/** `stead thaw`: begins to take locked money back. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('<purse>', 'its id, 0x and 64 hexadecimal digits', parsePurse)
    .addHelpText('after', HELP)
    .action(async (purse: Hash, given: GivenMember) => {
      const { terminal } = context
      const answer = await clientFor(context, given).thaw({ purse })
      const until = new Date(answer.endsAt).toISOString()
      terminal.out(terminal.isJson ? toJson(answer) : `thaws until ${until}; then the node closes it by itself`)
    })
}

function parsePurse(text: string): Hash {
  try {
    return hash(text.toLowerCase())
  } catch (error) {
    throw new InvalidArgumentError(`${messageOf(error)}; which purses there are: stead purses`)
  }
}
