import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { clientFor } from '../daemon-access.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead finish`: no new work; the node completes, claims and exits. */
export function define(command: Command, context: CommandContext): void {
  command.action(async () => {
    const answer = await clientFor(context).finish()
    if (context.terminal.isJson) return context.terminal.out(toJson(answer))
    context.terminal.out(`finishing: ${answer.running} tasks in hand; then the node claims what it earned and exits`)
  })
}
