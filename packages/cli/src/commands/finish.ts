import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientOf, type GivenMember, toldNodePlace } from '../node-place.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead finish`: no new work; the node completes, claims and exits. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'operator').action(async (given: GivenMember) => {
    const answer = await clientOf(toldNodePlace('operator', given, context)).finish()
    if (context.terminal.isJson) return context.terminal.out(toJson(answer))
    context.terminal.out(`finishing: ${answer.running} tasks in hand; then the node claims what it earned and exits`)
  })
}
