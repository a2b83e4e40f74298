import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'

export function define(command: Command, _context: CommandContext): void {
  command.command('bill').argument('<job>')
}
