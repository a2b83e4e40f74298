import { runDaemon, tellParentFailure } from '@stead/node'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { addNodeSettings, nodePlanOf } from '../node-config.ts'
import { showNewPhrase } from '../objects/recovery-phrase.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead up`: a node in the foreground. */
export function define(command: Command, context: CommandContext): void {
  addNodeSettings(command)
    .addHelpText('after', '\nStops with Ctrl-C: work in hand ends or is handed back; a second Ctrl-C stops at once.')
    .action(async (options: Record<string, unknown>) => {
      try {
        await up(options, context)
      } catch (error) {
        tellParentFailure(error)
        throw error
      }
    })
}

async function up(options: Record<string, unknown>, context: CommandContext): Promise<void> {
  const plan = nodePlanOf(options, context)
  const end = await runDaemon({
    ...plan,
    onReady: (ready) => {
      // With the S3 gateway the phrase is made at the first start.
      showNewPhrase(context, plan.directories.dataDir)
      if (context.terminal.isJson) context.terminal.out(toJson({ ready }))
    },
  })
  if (end === 'interrupted') context.exitWith(exitCodes.interrupted)
}
