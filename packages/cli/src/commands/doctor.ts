import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { printReport } from '../terminal/print-report.ts'

/** `stead doctor`: checks of everything that the node depends on. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer').action(async (given: GivenMember) =>
    printReport(await clientFor(context, given).getDoctor(), context),
  )
}
