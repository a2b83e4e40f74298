import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { clientFor } from '../daemon-access.ts'
import { printReport } from '../terminal/print-report.ts'

/** `stead selftest`: a known task through the node's own sandbox. */
export function define(command: Command, context: CommandContext): void {
  command.action(async () => printReport(await clientFor(context).runSelftest(), context))
}
